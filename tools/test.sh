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
    -*) arguments+=("$argument") ;;
    *) targets+=("$argument") ;;
  esac
done
if [ -n "${CASSLE_LIBTORCH:-}" ]; then
  export CASSLE_LIBTORCH
  # As Debian's starts. With a thread for each core, which wait for each other without sleeping, two tests at once take a
  # hundred times as long, and sums are made in another order than where golden vectors' tolerances were measured.
  arguments+=(--test_env=OMP_NUM_THREADS=1)
fi
tools/install_deps.sh
flags=$(tools/find_libtorch.sh --flags)
[ ${#targets[@]} -gt 0 ] || targets=(//...)
exec bazel test ${flags:+"$flags"} "${arguments[@]}" "${targets[@]}"
