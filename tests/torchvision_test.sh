#!/bin/bash
# Weights to Python and back: what export-weights writes loads into torchvision's networks (strict), which then give
# embed's features of the same images; what Python's torch.save writes is imported. Needs Debian's python3-torch and
# python3-torchvision (tools/install_deps.sh --python) and says so where they are missing.
script=$PWD/tests/torchvision_check.py
export PYTHONPATH=$PWD/examples/python
source tests/lib.sh
python() { /usr/bin/python3 "$script" "$@"; }

if ! /usr/bin/python3 -c 'import torch, torchvision' 2> /dev/null; then
  echo "SKIPPED: python3-torch or python3-torchvision is missing (tools/install_deps.sh --python)"
  finish
fi

# Random images, and networks of torchvision's in every way torch.save has.
quietly python save .
quietly shard_encoder --input=pngs --output=images
for name in resnet18_zip resnet18_legacy resnet18_half resnet18_strided resnet18_shared resnet34_module; do
  quietly import_weights --input=$name.pth --image_size=32 --output=$name
  quietly python same $name.pth $name
done
quietly import_weights --input=resnet18_object.pth --image_size=32 --output=resnet18_object
for name in resnet18_legacy resnet18_strided resnet18_shared resnet18_object; do
  cmp resnet18_zip/weights.safetensors $name/weights.safetensors || fail "$name holds other weights"
done
quietly import_weights --input=vit_torchvision.pth --output=vit_torchvision
grep -q 'architecture: "resnet34"' resnet34_module/model.textproto || fail "$(cat resnet34_module/model.textproto)"
grep -q 'positions: LEARNED' vit_torchvision/model.textproto || fail "$(cat vit_torchvision/model.textproto)"
head -c 1000000 resnet18_zip.pth > truncated.pth
expect 65 'truncated.pth: the zip archive is damaged' import_weights --input=truncated.pth --output=x
expect 66 'missing.pth' import_weights --input=missing.pth --output=x
expect 64 'prefix=encoder' import_weights --input=resnet18_zip.pth --prefix=encoder. --output=x

# A CIFAR stem and a transformer of our own.
training=(--input=images --policy=cifar --method=simclr --epochs=1 --batch_size=20 --compute_threads=1)
quietly pretrain "${training[@]}" --output=cifar
quietly pretrain "${training[@]}" --backbone.architecture=vit_tiny --backbone.patch_size=8 --output=vit_tiny

# In Python and in embed the same features; and after the way to Python and back the same bytes.
for name in resnet18_zip resnet34_module vit_torchvision cifar vit_tiny; do
  quietly embed --model=$name --input=images --precision=float32 --output=$name.embeddings
  export_weights --input=$name --output=$name.exported > $name.json 2> quietly.out ||
    fail "export-weights: $(cat quietly.out)"
  sed -n 's/.*"python":"\([^"]*\)".*/\1/p' $name.json > $name.python
  python compare pngs/class $name $name.python $name.exported $name.embeddings || fail "$name in Python"
done
for name in resnet18_zip vit_torchvision; do
  quietly import_weights --input=$name.exported/backbone.pth --image_size=32 --output=$name.again
  same $name $name.again
done
finish
