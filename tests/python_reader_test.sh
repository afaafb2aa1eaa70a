#!/bin/bash
# examples/python/cassle_read.py reads shards, views and embeddings as the stages wrote them, and NumPy what embed wrote for
# it; in fewer than 60 lines. What docs/formats.md types is typed. Needs python3-numpy and says so where it is missing.
page=$PWD/docs/formats.md
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
commands=$(sed -nE 's/^    (embed --.*)/\1/p' "$page")
[ "$(wc -l <<< "$commands")" -eq 2 ] || fail "the page has other commands than this test knows: $commands"
while read -r command; do quietly bash -c "$command < /dev/null"; done <<< "$commands"
quietly /usr/bin/python3 "$check" "$reader"
sed -n '/^    from cassle_read/,/^$/s/^    //p' "$page" > documented.py
PYTHONPATH=$(dirname "$reader") /usr/bin/python3 documented.py > documented.out 2>&1 || fail "$(tail -3 documented.out)"
[ "$(wc -l < documented.out)" -eq $((64 + 2 * 64)) ] || fail "the lines of the page print $(head -3 documented.out)"
# The same bytes again, whatever the clock says.
quietly embed --model=model --input=images --split=train --format=npz --output=again
cmp train/embeddings.npz again/embeddings.npz || fail "embeddings.npz differs"
finish
