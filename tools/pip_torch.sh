#!/usr/bin/env bash
# The LibTorch of pip's torch in a virtual environment of its own, ~/.cache/cassle/torch: made at the
# first call (about 7 GB with CUDA's libraries), found by CASSLE_LIBTORCH=pip. Prints the folder.
#   tools/pip_torch.sh [VERSION]     # default 2.11.0; another than the last one replaces it
set -euo pipefail
version=${1:-2.11.0}
folder=$HOME/.cache/cassle/torch
if [ "$("$folder/bin/python3" -c 'import torch; print(torch.__version__.split("+")[0])' 2>/dev/null)" != "$version" ]; then
  rm -rf "$folder"
  mkdir -p "$(dirname "$folder")"
  python3 -m venv "$folder" >&2
  "$folder/bin/python3" -m pip install --quiet --disable-pip-version-check "torch==$version" numpy >&2
fi
echo "$folder"
