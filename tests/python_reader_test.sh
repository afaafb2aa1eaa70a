#!/bin/bash
# examples/python/cassle_read.py reads shards, views and embeddings as the stages wrote them, and NumPy what embed wrote for
# it; in fewer than 60 lines. Needs python3-numpy and says so where it is missing.
reader=$PWD/examples/python/cassle_read.py
check=$PWD/tests/python_reader_check.py
source tests/lib.sh

[ "$(wc -l < "$reader")" -lt 60 ] || fail "$reader has $(wc -l < "$reader") lines"
if ! /usr/bin/python3 -c 'import numpy' 2> /dev/null; then
  echo "SKIPPED: python3-numpy is missing (apt-get install python3-numpy)"
  finish
fi

quietly shard_encoder --source=shapes --shapes.num_train=64 --shapes.num_test=32 --output=images
quietly augment_and_record --input=images --split=train --policy=cifar --output=views
for split in images.train views.views; do
  shard_cat --input="${split%.*}" --split="${split#*.}" --format=json > "$split.json" || fail "shard-cat of $split"
done
quietly pretrain --input=images "${small_training[@]}" --epochs=1 --output=model
for format in npz csv; do quietly embed --model=model --input=images --split=train --format=$format --output=$format; done
quietly /usr/bin/python3 "$check" "$reader"
# The same bytes again, whatever the clock says.
quietly embed --model=model --input=images --split=train --format=npz --output=again
cmp npz/embeddings.npz again/embeddings.npz || fail "embeddings.npz differs"
finish
