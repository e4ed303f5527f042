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

printf '\nDone. The bundle is in %s:\n' "$out"
(cd "$out" && find . -type f -not -path './.well-known/*' | sort)
