#!/bin/bash
# Peak memory of augment-and-record does not grow with the number of images: 1,000 against 20,000, within 10 %, with
# and without pixels.
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

finish
