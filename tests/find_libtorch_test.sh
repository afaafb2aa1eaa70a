#!/bin/bash
# What CASSLE_LIBTORCH may name is found; what it may not is refused in one line.
find_libtorch=$PWD/tools/find_libtorch.sh
source tests/lib.sh

# libtorch FOLDER MAJOR MINOR [STANDARD]: the files that tell one.
libtorch() {
  mkdir -p "$1"/{include/ATen,include/torch/csrc/api/include/torch,lib}
  echo "#error ${4:-C++17} or later compatible compiler is required to use ATen." > "$1/include/ATen/ATen.h"
  printf '#define TORCH_VERSION_MAJOR %s\n#define TORCH_VERSION_MINOR %s\n' "$2" "$3" \
    > "$1/include/torch/csrc/api/include/torch/version.h"
  touch "$1/lib/libtorch_cpu.so"
}
named() {
  local value=$1
  shift
  CASSLE_LIBTORCH=$value HOME=$work/home "$find_libtorch" "$@"
}
# finds FOLDER NAME, flags FLAGS NAME: what is printed.
finds() { [ "$(named "$2")" = "$1" ] || fail "$2: found \"$(named "$2")\", expected $1"; }
flags() { [ "$(named "$2" --flags)" = "$1" ] || fail "$2: flags \"$(named "$2" --flags)\", expected \"$1\""; }
# refuses PATTERN NAME
refuses() {
  expect 64 "^CASSLE_LIBTORCH=$2.*$1" named "$2"
  [ "$(wc -l < expect.err)" -eq 1 ] || fail "$2: said more than a line"
}

installed=$work/venv/lib/python3.11/site-packages/torch
libtorch "$installed" 2 11
libtorch "$work/newer" 2 15 C++20
libtorch "$work/oldest" 1 13
for name in "$work/venv" "$work/venv/lib/python3.11/site-packages" "$installed"; do finds "$installed" "$name"; done
finds "$work/oldest" "$work/oldest"
finds '' ''
flags '' ''
flags '' "$work/venv"
flags --config=cxx20 "$work/newer"
libtorch "$work/home/.cache/cassle/torch/lib/python3.12/site-packages/torch" 2 11
finds "$work/home/.cache/cassle/torch/lib/python3.12/site-packages/torch" pip

rm -r "$work/home"
mkdir -p empty bare_venv/lib/python3.11/site-packages
touch file
refuses 'run tools/pip_torch.sh first' pip
refuses 'absolute' venv
refuses 'no such folder' "$work/missing"
refuses 'no such folder' "$work/file"
refuses 'is no LibTorch' "$work/empty"
refuses 'is no LibTorch' "$work/bare_venv"
libtorch "$work/headers_alone" 2 11
rm "$work/headers_alone/lib/libtorch_cpu.so"
refuses 'is no LibTorch' "$work/headers_alone"
libtorch "$work/old" 1 12
refuses 'is LibTorch 1\.12: 1\.13 or newer' "$work/old"
libtorch "$work/unversioned" 1 12
rm "$work/unversioned/include/torch/csrc/api/include/torch/version.h"
refuses 'of an unknown version: 1\.13 or newer' "$work/unversioned"
libtorch "$work/other_abi" 1 13
mkdir -p "$work/other_abi/share/cmake/Torch"
echo 'set(TORCH_CXX_FLAGS "-D_GLIBCXX_USE_CXX11_ABI=0")' > "$work/other_abi/share/cmake/Torch/TorchConfig.cmake"
refuses 'cxx11-abi' "$work/other_abi"

finish
