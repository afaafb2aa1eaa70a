#!/usr/bin/env bash
# Formats C++ and proto files, or with --check says which are not formatted.
set -euo pipefail
cd "$(dirname "$0")/.."
mapfile -t files < <(git ls-files 'cassle/*.cc' 'cassle/*.h' 'cassle/*.proto')
if [ "${1:-}" = --check ]; then
  clang-format --dry-run -Werror "${files[@]}"
else
  clang-format -i "${files[@]}"
fi
