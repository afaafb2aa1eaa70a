#!/usr/bin/env bash
# The LibTorch of pip's torch, in a virtual environment of its own, made at the first call. Prints the folder.
#   tools/pip_torch.sh [VERSION]         with CUDA, about 7 GB: ~/.cache/cassle/torch, found by CASSLE_LIBTORCH=pip
#   tools/pip_torch.sh --cpu [VERSION]   what programs need without a GPU, about 1 GB: ~/.cache/cassle/torch-cpu. Python
#                                        cannot import it.
# VERSION is 2.11.0 if not given; another than the last one replaces it.
set -euo pipefail
cd "$(dirname "$0")/.."
cpu=false
if [ "${1:-}" = --cpu ]; then
  cpu=true
  shift
fi
version=${1:-2.11.0}
[[ $version == [0-9]* ]] && [ $# -le 1 ] || { echo "usage: tools/pip_torch.sh [--cpu] [VERSION]" >&2; exit 64; }
folder=$HOME/.cache/cassle/torch
! $cpu || folder+=-cpu
if [ "$(cat "$folder/version" 2> /dev/null)" = "$version" ]; then
  echo "$folder"
  exit
fi

install() { "$folder/bin/python3" -m pip install --quiet --disable-pip-version-check "$@" >&2; }
# What was there stays if this version cannot be had.
old=$folder.old
settle() {
  if [ ! -e "$folder/version" ] && [ -e "$old" ]; then
    rm -rf "$folder"
    mv "$old" "$folder"
  fi
  rm -rf "$old"
}
mkdir -p "$(dirname "$folder")"
# A killed run may have left it aside.
settle
[ ! -e "$folder" ] || mv "$folder" "$old"
trap settle EXIT
python3 -c 'import ensurepip' 2> /dev/null || tools/install_deps.sh --pip
python3 -m venv "$folder" >&2
if $cpu; then
  # PyPI's torch for Linux has CUDA. Its CPU part loads two small libraries of it; the rest is taken away.
  install --no-deps "torch==$version"
  site_packages=$(echo "$folder"/lib/python3*/site-packages)
  toolkit=$(sed -nE 's/^Requires-Dist: cuda-toolkit\[.*\](==[0-9.]+);.*/\1/p' "$site_packages/torch-$version".dist-info/METADATA)
  install --no-warn-conflicts "cuda-toolkit[cudart,cupti]$toolkit"
  rm "$site_packages"/torch/lib/lib{torch.so,torch_cuda*,c10_cuda*,torch_nvshmem*,caffe2_nvrtc*,torch_python*}
else
  install "torch==$version" numpy
  # Headers of CUDA that torch needs no longer at run time, and NCCL's group of ranks to be compiled.
  runtime=$("$folder/bin/python3" -m pip show nvidia-cuda-runtime 2> /dev/null | sed -nE 's/^Version: ([0-9]+\.[0-9]+).*/\1/p')
  [ -z "$runtime" ] || install --no-deps "nvidia-cuda-crt==$runtime.*" "nvidia-cuda-cccl==$runtime.*" || echo "pip_torch.sh: no CUDA headers: ranks on GPUs will talk by Gloo" >&2
fi
echo "$version" > "$folder/version"
echo "$folder"
