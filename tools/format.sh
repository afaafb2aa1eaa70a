#!/usr/bin/env bash
# Formats C++ and proto files, or with --check says which are not formatted. Comments are not
# reflowed (.clang-format), because that breaks drawings and tables; so --check also looks at what
# clang-format then leaves to the writer.
set -euo pipefail
cd "$(dirname "$0")/.."
case $* in '' | --check) ;; *) echo "usage: tools/format.sh [--check]" >&2; exit 64 ;; esac
# Those that are there: a file may be gone before git is told.
mapfile -d '' -t files < <(git ls-files -z --cached --others --exclude-standard '*.cc' '*.h' '*.proto' |
  while IFS= read -r -d '' file; do [ ! -e "$file" ] || printf '%s\0' "$file"; done)
if [ "${1:-}" != --check ]; then
  exec clang-format -i "${files[@]}"
fi
status=0
clang-format --dry-run -Werror "${files[@]}" || status=1
# Columns are characters, not bytes. An address alone in its line cannot be broken.
limit=$(sed -n 's/^ColumnLimit: *//p' .clang-format)
if LC_ALL=C.UTF-8 grep -HnE "^.{$((limit + 1))}" "${files[@]}" |
    grep -E '^[^:]+:[0-9]+:( *|.*  )// ' | grep -vE '// +[^ ]+$'; then
  echo "comments above are wider than $limit columns"
  status=1
fi
# An error clause is found by its first word.
if grep -HnE '\\error' "${files[@]}" | grep -vE '^[^:]+:[0-9]+: *// \\error '; then
  echo "\\error above stands inside a line: begin a comment line with it"
  status=1
fi
exit $status
