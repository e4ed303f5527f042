#!/usr/bin/env bash
# The main job on this repository's own catalog, step by step: `make demo` runs it with the installed
# command first on PATH. Argument: the folder to build into, which is replaced.
set -euo pipefail

out="$1/dist"
export NO_COLOR=1

step() {
  printf '\n# %s\n$ %s\n' "$1" "$2"
  eval "$2"
}

rm -rf "$1"
catalog --version

step "Every mistake, with file, line and column. Notes do not fail; an error would end the demo." \
  "catalog validate"
step "The content-hashed bundle: the same bytes on every machine." \
  "catalog build --out $out"
step "Is the folder still what the catalog says? Nothing is written." \
  "catalog build --check --out $out"
step "What there is: versions, labels, skills." \
  "catalog list"
step "What production gets." \
  "catalog show support_agent@production"
step "What the model would receive." \
  "catalog render support_agent@production --var product_name=Acme --var 'question=Where is my order?'"
step "Who changed it, when and why, from git alone." \
  "catalog history support_agent"

# A runtime, in a copy of the catalog with a repository of its own, so that nothing here is touched.
runtime="$1/runtime"
mkdir -p "$runtime"
cp -R catalog.yaml prompts skills schemas "$runtime/"
printf '.catalog/\n' >"$runtime/.gitignore"
export GIT_AUTHOR_NAME=demo GIT_AUTHOR_EMAIL=demo@localhost GIT_COMMITTER_NAME=demo GIT_COMMITTER_EMAIL=demo@localhost
git -C "$runtime" init --quiet --initial-branch=main
git -C "$runtime" add --all
git -C "$runtime" commit --quiet --message "The catalog"

step "What does a change mean? production of support_agent moves." \
  "sed 's/production: v2/production: v3/' '$runtime/prompts/registry.yaml' >'$1/registry.yaml' && mv '$1/registry.yaml' '$runtime/prompts/registry.yaml' && catalog -C '$runtime' diff HEAD"
git -C "$runtime" checkout --quiet -- prompts/registry.yaml
step "What would be written to the runtime, an embedded SQLite store?" "catalog -C '$runtime' plan local"
step "Make it what git says." "catalog -C '$runtime' sync local"
step "Somebody edits the runtime by hand." "python '$(dirname "$0")/demo_edit.py' '$runtime/.catalog/local.db'"
step "Drift names it, and exits 1." "catalog -C '$runtime' drift && exit 1 || test \$? = 1"
step "The edit comes back as a branch." "catalog -C '$runtime' pull local"
step "What a reviewer would see." "git -C '$runtime' diff --stat main...catalog/pull/local"

# A month of activity. It is generated, and said so: nobody called these skills.
python "$(dirname "$0")/demo_activity.py" "$1/activity" >"$1/activity.txt"
printf '\n# Which skills are alive? The month that follows is generated: seven skills, committed half a year before.\n'
sed 's/^/$ /' "$1/activity.txt"
eval "$(cat "$1/activity.txt")" | tee "$1/usage.txt"
grep --quiet '^7 skills: 5 active, 2 never used; 1 unlisted. 66 calls in 90 days.$' "$1/usage.txt"
grep --quiet '^dep-auditor .* 5 of 10 ' "$1/usage.txt"

printf '\nDone. The bundle is in %s:\n' "$out"
(cd "$out" && find . -type f -not -path './.well-known/*' | sort)
