#!/usr/bin/env bash
# Finds the LibTorch of CASSLE_LIBTORCH: an unpacked LibTorch, a site-packages/torch, a site-packages, a virtual
# environment into which pip has installed torch, or "pip", the environment of tools/pip_torch.sh. What is none of them, or
# cannot be used, is refused in one line. Prints nothing if CASSLE_LIBTORCH is empty: Debian's is used then.
#   tools/find_libtorch.sh           its folder, the one with include/ and lib/
#   tools/find_libtorch.sh --flags   what bazel needs for it: --config=cxx20 if it wants C++20
set -euo pipefail
case $* in '' | --flags) ;; *) echo "usage: tools/find_libtorch.sh [--flags]" >&2; exit 64 ;; esac
named=${CASSLE_LIBTORCH:-}
[ -n "$named" ] || exit 0

refuse() {
  echo "CASSLE_LIBTORCH=$named$1" >&2
  exit 64
}

folder=$named
if [ "$named" = pip ]; then
  folder=$HOME/.cache/cassle/torch
  [ -d "$folder" ] || refuse ": run tools/pip_torch.sh first"
fi
[[ $folder = /* ]] || refuse ": an absolute path is needed"
[ -d "$folder" ] || refuse ": there is no such folder"
found=
for candidate in "$folder"{,/torch,/lib/python3*/site-packages/torch}; do
  [ -f "$candidate/include/ATen/ATen.h" ] && [ -f "$candidate/lib/libtorch_cpu.so" ] || continue
  found=$candidate
  break
done
[ -n "$found" ] || refuse " is no LibTorch: expected include/ATen/ATen.h and lib/libtorch_cpu.so there, or a virtual environment into which pip has installed torch"

# Newer ones have the version in headeronly.
version=$(sed -nE 's/^#define TORCH_VERSION_(MAJOR|MINOR) ([0-9]+).*/\2/p' \
  "$found"/include/torch/{headeronly,csrc/api/include/torch}/version.h 2> /dev/null | head -n 2 | paste -sd. || true)
[ "$(printf '1.13\n%s\n' "$version" | sort -V | tail -1)" = "$version" ] ||
  refuse " is LibTorch ${version:-of an unknown version}: 1.13 or newer is needed"
# Packages for old compilers use the other std::string; the package says so itself.
! grep -qs '_GLIBCXX_USE_CXX11_ABI=0' "$found/share/cmake/Torch/TorchConfig.cmake" ||
  refuse " is built for the pre-C++11 ABI and cannot be linked with the system's Protobuf: take the package named cxx11-abi"

if [ "${1:-}" != --flags ]; then
  echo "$found"
elif grep -q 'C++20' "$found/include/ATen/ATen.h"; then
  echo --config=cxx20
fi
