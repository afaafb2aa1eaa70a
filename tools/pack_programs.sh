#!/usr/bin/env bash
# Copies programs that Bazel has built to FOLDER/bin, stripped, and Debian's libraries that they load to FOLDER/lib, for
# machines that lack them (tools/bundle.sh, tools/gpu_check.sh). Prints for each library its name, its file and its package.
#   tools/pack_programs.sh FOLDER WITHOUT LABEL...
#   WITHOUT   Debian packages, separated by commas, whose libraries that machine has: libc6 at least, which fits its kernel
#             and its dynamic loader
# Libraries of no package, such as those of pip's LibTorch, are left out; those that lie in FOLDER/lib already are taken from
# there.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=$1 without=$2
shift 2
mkdir -p "$folder/bin" "$folder/lib"
folder=$(realpath "$folder")

for label in "$@"; do
  program=${label#//}
  program=${program/://}
  strip -o "$folder/bin/$(basename "$program")" "bazel-bin/$program"
  LD_LIBRARY_PATH=$folder/lib ldd "bazel-bin/$program"
done | awk '$2 == "=>" && $3 ~ /^\// && !seen[$1]++ { print $1, $3 }' | sort | while read -r name file; do
  real=$(realpath "$file")
  # Debian's list of files has some below /lib, which is /usr/lib.
  owner=$(dpkg -S "$real" 2> /dev/null || dpkg -S "${real#/usr}" 2> /dev/null) || continue
  owner=${owner%%:*}
  [[ ,$without, != *,$owner,* ]] || continue
  cp "$real" "$folder/lib/$name"
  printf '%s %s %s\n' "$name" "$real" "$owner"
done
