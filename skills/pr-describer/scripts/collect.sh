#!/bin/sh
# Prints what a description of the current branch has to be based on: commits, files by area, and the
# kinds of change that reviewers want to be told about. Reads git only, writes nothing.
#
#   collect.sh [BASE]     BASE defaults to the branch that origin points to, else main, else master
#
# Exit 0: printed. 2: no repository or no such base. 3: nothing changed since the base.
set -eu

if ! git rev-parse --git-dir >/dev/null 2>&1; then
    echo "collect: not a git repository" >&2
    exit 2
fi

resolve() {
    git rev-parse --verify --quiet --end-of-options "$1^{commit}"
}

base=''
if [ $# -gt 0 ]; then
    base=$(resolve "$1") || {
        echo "collect: no such revision: $1" >&2
        exit 2
    }
else
    for name in origin/HEAD origin/main origin/master main master; do
        base=$(resolve "$name") && break
    done
fi
if [ -z "$base" ]; then
    echo "collect: no base branch found; name one: collect.sh BASE" >&2
    exit 2
fi

from=$(git merge-base "$base" HEAD) || {
    echo "collect: no common history with the base" >&2
    exit 2
}
if git diff --no-ext-diff --quiet "$from" HEAD; then
    echo "collect: nothing changed since the base" >&2
    exit 3
fi

names=$(git -c core.quotePath=true diff --no-ext-diff --no-textconv --name-only --no-renames "$from" HEAD)

echo "# Range"
git log -1 --format='from %h %s' "$from" --
git log -1 --format='to   %h %s' HEAD --

echo
echo "# Commits, oldest first"
git log --reverse --no-merges --format='- %h %s%n%w(0,2,2)%b' "$from..HEAD" -- | sed '/^ *$/d'

echo
echo "# Lines by area"
git -c core.quotePath=true diff --no-ext-diff --no-textconv --numstat --no-renames "$from" HEAD | awk -F '\t' '
    { n = split($3, part, "/"); area = n > 1 ? part[1] "/" : "(top)"
      files[area]++; plus[area] += $1; minus[area] += $2 }
    END { for (a in files) printf "%s: %d files, +%d -%d\n", a, files[a], plus[a], minus[a] }' | sort

echo
echo "# Renamed or moved"
git -c core.quotePath=true diff --no-ext-diff --no-textconv --name-status --find-renames --diff-filter=R "$from" HEAD | awk -F '\t' '
    { print "- " $2 " -> " $3 }'

echo
echo "# Worth a word in the description"
flag() {
    hits=$(printf '%s\n' "$names" | grep -E "$2" | head -n 5 || true)
    if [ -n "$hits" ]; then
        echo "- $1"
        printf '%s\n' "$hits" | sed 's/^/    /'
    fi
}
flag 'database migrations' '(^|/)(migrations?|db/migrate|alembic)/|\.sql$'
flag 'dependencies' '(^|/)(package(-lock)?\.json|yarn\.lock|pnpm-lock\.yaml|poetry\.lock|uv\.lock|Pipfile\.lock|requirements[^/]*\.txt|pyproject\.toml|Cargo\.(toml|lock)|go\.(mod|sum))$'
flag 'pipelines and deployment' '(^|/)(\.github/workflows|\.gitlab-ci|deploy|terraform|helm|charts|k8s)|(^|/)(Dockerfile|docker-compose)'
flag 'interfaces that others use' '\.(proto|graphql|thrift|avsc)$|(^|/)(openapi|swagger|schemas?)[./]'
flag 'settings' '(^|/)(config|settings)[./]|\.env'
flag 'prompts and skills' '(^|/)(prompts|skills)/'
if ! printf '%s\n' "$names" | grep -Eq '(^|/)(tests?|spec|__tests__)/|[._-](test|spec)\.|(^|/)test_'; then
    echo "- no test file changed"
fi
