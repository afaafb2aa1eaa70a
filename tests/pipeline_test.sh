#!/bin/bash
# The whole pipeline from generated images to a table: twice with different numbers of loader threads, with views on
# the fly and on record, in folders and through pipes. Equal work gives equal bytes; a second run does nothing.
source tests/lib.sh

quietly shard_encoder "${small_shapes[@]}" --threads=1 --output=images
quietly shard_encoder "${small_shapes[@]}" --threads=2 --output=images2
same images images2

quietly pretrain --input=images "${small_training[@]}" --epochs=2 --threads=1 --output=model
quietly pretrain --input=images "${small_training[@]}" --epochs=2 --threads=2 --output=model2
same model model2

quietly augment_and_record --input=images --policy=cifar --epochs=2 --threads=2 --output=views --contact_sheet=views.png
quietly pretrain --input=images --views=views "${small_training[@]}" --epochs=2 --output=model3
cmp model/weights.safetensors model3/weights.safetensors || fail "recorded views train other weights"
[ "$(head -c 4 views.png | tail -c 3)" = PNG ] || fail "the contact sheet is no PNG"

# Three parts of the same views; what one machine recorded another can replay.
augment_parts=(--input=images --policy=cifar --epochs=2 --records_per_shard=300)
for part in 0 1 2; do
  quietly augment_and_record "${augment_parts[@]}" --num_shards=3 --shard_index=$part --output=parts/$part
done
quietly augment_and_record "${augment_parts[@]}" --merge=parts --output=merged
quietly augment_and_record "${augment_parts[@]}" --output=whole
same merged whole
replay --input=images --views=views --threads=1 > replay1.json 2> /dev/null || fail "the views do not replay"
replay --input=images --views=merged --threads=2 > replay2.json 2> /dev/null || fail "the merged views do not replay"
cmp replay1.json replay2.json || fail "replaying is not the same: $(cat replay1.json replay2.json)"
grep -q '"differences":0,' replay1.json || fail "no result of replay: $(cat replay1.json)"
expect 65 'record 0 .view 0 of image 0, epoch 0.: ' replay --input=images --views=- --policy=cifar --seed=1 < merged/views-00000-of-00005.tfrecord
grep -q '"status":"failed"' expect.out || fail "a failed replay prints its result: $(cat expect.out)"

for split in train test; do
  quietly embed --model=model --input=images --split=$split --threads=1 --output=trained_$split
  quietly embed --model=model --input=images --split=$split --threads=2 --output=trained2_$split
  same trained_$split trained2_$split
  quietly embed --model=model --reinitialize --input=images --split=$split --output=random_$split
done
for encoder in trained random; do
  quietly linear_probe --train=${encoder}_train --test=${encoder}_test --target=shape,hue --output=${encoder}_probe
done
quietly report --names=random,trained --results=random_probe,trained_probe --output=table
grep -q 'random.*|.*|' table/table.md || fail "no row in the table: $(cat table/table.md)"
grep -q '<svg' table/report.html || fail "no curve in the report"

# Once more: nothing to do.
pretrain --input=images "${small_training[@]}" --epochs=2 --output=model > again.json 2> again.err || fail "again"
grep -q '"status":"up to date"' again.json || fail "not up to date: $(cat again.json)"
grep -q 'up to date' again.err || fail "does not say so"

# stdout is one JSON object.
linear_probe --train=random_train --test=random_test --target=all --output=all 2> /dev/null > result.json || fail "target=all"
[ "$(wc -l < result.json)" -eq 1 ] || fail "stdout is not one line"

# stderr is for people, --log_dir for files: the same lines, there with severity and time. Why a stage failed is always said.
quietly shard_encoder "${small_shapes[@]}" --splits=test --log_dir=logs --v=1 --output=logged
grep -q '^shard-encoder: options ' quietly.out || fail "--v=1 tells no options: $(cat quietly.out)"
cat logs/shard-encoder.*.INFO.* | grep -qE '^I[0-9]{8} [0-9:.]+ .*\] shard-encoder: options ' || fail "no log file: $(ls logs)"
expect 64 'unknown flag' shard_encoder --inptu=images --minloglevel=3 --output=x
expect 73 'log_dir' shard_encoder "${small_shapes[@]}" --log_dir=images/stage.textproto/logs --output=x

# Records through pipes: images in, views out, counted at the end; a tar on stdin.
count=$(shard_encoder "${small_shapes[@]}" --splits=test --output=- 2> /dev/null |
  augment_and_record --input=- --policy=cifar --output=- 2> /dev/null | shard_cat --input=- --count 2> /dev/null)
echo "$count" | grep -qw 192 || fail "96 images make 192 views, counted $count"

finish
