#!/bin/sh
# What bundle_test.sh runs where there is nothing but the bundle: pipeline.sh BUNDLE PHOTOS. From the current folder.
set -eu
bundle=$1 photos=$2
PATH=$bundle/bin:/usr/bin:/bin

# run WORD...: shows what is said only if it fails.
run() { "$@" > said 2>&1 || { echo "FAILED ($?): $*" >&2; cat said >&2; exit 1; }; }

cassle --version
pretrain --version | grep '^LibTorch: '
run cassle shard-encoder --source=shapes --shapes.num_train=320 --shapes.num_test=96 --output=images
# A file of each format, whose libraries are the most.
run cassle shard-encoder --input="$photos" --output=photos
run cassle shard-cat --input=photos --count
run cassle augment-and-record --input=images --policy=cifar --output=views --contact_sheet=views.png
run cassle pretrain --input=images --policy=cifar --method=moco_v2 --set=method.moco_v2.queue_size=128 \
  --conditioning=mlp --backbone.width_factor=0.125 --batch_size=32 --epochs=1 --output=model
for split in train test; do run cassle embed --model=model --input=images --split=$split --output=$split; done
run cassle linear-probe --train=train --test=test --target=hue --output=probe
run cassle predict --model=model --classifier=probe --input="$photos" --output=predictions
run cassle export-weights --input=model --output=weights
run cassle report --names=cassle --results=probe --output=table
cat table/table.md
status=0
cassle pretrian > said 2>&1 || status=$?
[ $status -eq 64 ]
grep -q 'did you mean pretrain' said
for file in share/man/man1/cassle-pretrain.1 licenses/cassle licenses/libtorch1.13 configs/datasets commit.txt; do
  ls "$bundle/$file" > /dev/null
done
# Pages that help names.
for stage in "$bundle"/bin/*; do
  "$stage" --help | { grep -o 'docs/[a-z_/]*\.md' || true; }
done | sort -u > pages
[ -s pages ]
while read -r page; do ls "$bundle/$page" > /dev/null; done < pages
if python3 -c 'import numpy' 2> /dev/null; then
  PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$bundle/examples/python" python3 -c 'import cassle_read
assert len(list(cassle_read.records("images", "train", "ImageRecord"))) == 320'
fi
echo "the bundle works on $(sed -n 's/^PRETTY_NAME="\(.*\)"/\1/p' /etc/os-release), glibc $(ldd --version | sed -n '1s/.* //p')"
