#!/usr/bin/env bash
# Prints the flags that bazel needs for the LibTorch of CASSLE_LIBTORCH: --config=cxx20 for one that wants C++20, else
# nothing. What is no LibTorch is left to bazel, which says so.
set -euo pipefail
named=${CASSLE_LIBTORCH:-}
[ "$named" != pip ] || named=$HOME/.cache/cassle/torch
[ -n "$named" ] || exit 0
for aten in "$named"{,/torch,/lib/python3*/site-packages/torch}/include/ATen/ATen.h; do
  [ -f "$aten" ] || continue
  ! grep -q 'C++20' "$aten" || echo --config=cxx20
  exit 0
done
