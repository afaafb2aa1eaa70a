#!/bin/bash
# Peak memory of augment-and-record does not grow with the number of images: 1,000 against 20,000, within 10 %, with
# and without pixels. Nor does that of shard-encoder where small files hold many pixels.
source tests/lib.sh

for count in 1000 20000; do
  quietly shard_encoder --source=shapes --shapes.num_train=$count --shapes.num_test=1 --output=images$count
done

# peak STORE COUNT: peak memory in bytes, from the stage's own account.
peak() {
  quietly augment_and_record --input=images$2 --policy=cifar --store=$1 --views=1 --threads=2 --output=views
  sed -n 's/ *peak_memory_bytes: //p' views/stage.textproto
  rm -rf views
}

for store in params raw png jpeg; do
  few=$(peak $store 1000)
  many=$(peak $store 20000)
  echo "--store=$store: $few bytes for 1,000 images, $many for 20,000"
  [ -n "$few" ] && [ -n "$many" ] && [ "$((many * 10))" -le "$((few * 11))" ] ||
    fail "--store=$store: $few bytes for 1,000 images, $many for 20,000"
done

# Bitmaps of 1000 x 1000: 125 kB, 3 MB as pixels.
mkdir -p bitmaps/40 bitmaps/120
for count in 40 120; do
  for i in $(seq $count); do
    { printf 'P4\n1000 1000\n'; head -c 125000 /dev/zero; } > bitmaps/$count/$i.pbm
  done
  quietly shard_encoder --input=bitmaps/$count --label_from=none --store=raw --threads=2 --output=encoded$count
done
few=$(sed -n 's/ *peak_memory_bytes: //p' encoded40/stage.textproto)
many=$(sed -n 's/ *peak_memory_bytes: //p' encoded120/stage.textproto)
echo "shard-encoder: $few bytes for 40 bitmaps, $many for 120"
[ -n "$few" ] && [ -n "$many" ] && [ "$((many * 10))" -le "$((few * 11))" ] ||
  fail "shard-encoder: $few bytes for 40 bitmaps, $many for 120"

finish
