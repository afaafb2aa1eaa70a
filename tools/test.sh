#!/usr/bin/env bash
# Runs every test, or those named: installs what is missing, builds, `bazel test //...`. Arguments go to Bazel:
#   tools/test.sh --config=asan
#   tools/test.sh //tests:libtorch     # what tells one LibTorch from another
#   tools/test.sh --libtorch=pip       # against pip's torch 2.11.0 (tools/pip_torch.sh) instead of Debian's LibTorch
#   tools/test.sh --libtorch=/folder   # another: an unpacked LibTorch, a virtual environment (docs/gpu.md)
set -euo pipefail
cd "$(dirname "$0")/.."
arguments=() targets=()
for argument in "$@"; do
  case $argument in
    --libtorch=pip) CASSLE_LIBTORCH=$(tools/pip_torch.sh) ;;
    --libtorch=*) CASSLE_LIBTORCH=${argument#*=} ;;
    //*) targets+=("$argument") ;;
    *) arguments+=("$argument") ;;
  esac
done
[ -z "${CASSLE_LIBTORCH:-}" ] || export CASSLE_LIBTORCH
tools/install_deps.sh
flags=$(tools/find_libtorch.sh --flags)
[ ${#targets[@]} -gt 0 ] || targets=(//...)
exec bazel test ${flags:+"$flags"} "${arguments[@]}" "${targets[@]}"
