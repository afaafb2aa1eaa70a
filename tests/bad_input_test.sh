#!/bin/bash
# What users do wrong and what disks do: one clear line, the right exit code, nothing half-written.
source tests/lib.sh

quietly shard_encoder "${small_shapes[@]}" --output=images
quietly pretrain --input=images "${small_training[@]}" --epochs=1 --output=model
quietly pretrain --input=images "${small_training[@]}" --epochs=1 --seed=2 --output=other_model
quietly embed --model=model --input=images --split=train --output=train
quietly embed --model=model --input=images --split=test --output=test
quietly embed --model=other_model --input=images --split=test --output=other_test

# --- usage
expect 64 'unknown flag --otuput; did you mean --output\?' shard_encoder --source=shapes --otuput=x
expect 64 '--output is missing' shard_encoder --source=shapes
expect 64 'expected one of' shard_encoder --source=shape --output=x
expect 64 'epochs=many: expected a whole number' pretrain --input=images --policy=cifar --epochs=many --output=x
expect 64 'weight_decya; did you mean weight_decay' pretrain --input=images --set=weight_decya=1 --output=x
printf 'epochs: 3\nbatch_sise: 32\n' > typo.textproto
expect 64 'typo.textproto:2:[0-9]+: .*batch_sise.*batch_size' pretrain --input=images --config=typo.textproto --output=x
expect 66 'missing.textproto' pretrain --config=missing.textproto --output=x
printf 'size: 32 crop { scale_min: 0.2 scale_maks: 1 }\n' > policy.textproto
expect 64 'policy.textproto.*scale_maks' augment_and_record --input=images --policy_file=policy.textproto --output=x
expect 64 'policy' augment_and_record --input=images --policy=imagnet --output=x
expect 64 'batch' pretrain --input=images "${small_training[@]}" --batch_size=1000 --output=x
expect 64 'multiple' pretrain --input=images "${small_training[@]}" --set=method.moco_v2.queue_size=100 --output=x
expect 65 "no target 'nosuch'.*hue" linear_probe --train=train --test=test --target=nosuch --output=x
expect 64 '--model=-: .* not read from a stream' embed --model=- --input=images --output=x
expect 64 '--device=cuda:99: ' embed --model=model --input=images --device=cuda:99 --output=x

# --- stages that change images: models, policies, labels
expect 64 '--model is missing' interpolation --input=images --output=x
expect 64 'batch_size=1: expected 2' invariance --model=model --input=images --batch_size=1 --output=x
expect 64 'did you mean cifar' invariance --model=model --input=images --policy=cifra --output=x
expect 65 'was told .* values' invariance --model=model --input=images --groups=crop --output=x
expect 64 "no split 'none'" predict_augmentation --model=model --input=images --split=none --output=x
expect 64 'views=5: expected 6' equivariance --model=model --input=images --views=5 --output=x
expect 65 '--num_images=3: learning' predict_augmentation --model=model --input=images --num_images=3 --output=x
expect 65 'fewer than the 1000' fine_tune --model=model --input=images --labels_per_class=1000 --output=x
expect 64 'label_fraction=2: expected above 0 and at most 1' fine_tune --model=model --input=images --label_fraction=2 --output=x
expect 66 'nowhere' fine_tune --model=nowhere --input=images --output=x

# --- stages that read embeddings: neighbours, episodes, pictures
expect 64 'nieghbours' knn --train=train --nieghbours=3 --output=x
expect 65 'other_test|another encoder' knn --train=train --test=other_test --output=x
expect 65 "no target 'nosuch'" knn --train=train --target=nosuch --output=x
expect 65 'neighbours in --train' knn --train=train --k=100000 --output=x
expect 65 'class .* images.*--shots=1000' few_shot --embeddings=test --ways=2 --shots=1000 --output=x
expect 65 'ways=99' few_shot --embeddings=test --ways=99 --output=x
expect 66 'nowhere' spectrum --embeddings=nowhere --output=x
expect 64 '--plan is missing' learning_curves --output=x
expect 65 'typo.textproto is no plan' learning_curves --plan=typo.textproto --output=x
expect 64 '--images is missing' retrieval --train=train --output=x
expect 65 'is not what --train was made of' retrieval --train=train --images=train --output=x
expect 64 'query_ids: image 12345678' retrieval --train=train --images=images --query_ids=12345678 --output=x
expect 64 'max_points=1' project --embeddings=test --max_points=1 --output=x

# --- new images
expect 64 '--classifier is missing' predict --model=model --input=images --output=x
expect 65 'train \(of embed\) holds no classifier' predict --model=model --classifier=train --input=images --output=x

# --- missing and unreadable inputs
expect 66 'nowhere does not exist|cannot read nowhere' augment_and_record --input=nowhere --policy=cifar --output=x
mkdir no_images
expect 66 'not a complete stage output .*shard-encoder makes one of images' pretrain --input=no_images --policy=cifar --output=x
expect 65 'images is a data set of shards' shard_encoder --input=images --output=x
expect 64 'lies in --input=. .*name a folder outside' shard_encoder --input=. --output=x
touch plain_file
expect 66 'plain_file/below' shard_encoder --source=folder --input=plain_file/below --output=x
mkdir locked
if [ "$(id -u)" -ne 0 ]; then
  chmod 000 locked
  expect 66 'locked.*Permission denied' shard_encoder --source=folder --input=locked --output=x
  chmod 755 locked
fi

# --- damaged shards: a copy is damaged, its size kept where the size alone would tell
shard=$(cd images && ls train-*.tfrecord | head -1)
damage() { rm -rf damaged; cp -r images damaged; }
damage; truncate -s -100 "damaged/$shard"
expect 65 "damaged/$shard has [0-9]+ bytes" augment_and_record --input=damaged --policy=cifar --output=x
damage; : > "damaged/$shard"
expect 65 "damaged/$shard has 0 bytes" embed --model=model --input=damaged --output=x
damage; printf '\x55' | dd of="damaged/$shard" bs=1 seek=5000 conv=notrunc status=none
# The training had begun when it met the record: what it has is kept, for the day the shard is mended.
expect 65 "damaged/$shard.*record [0-9]+" pretrain --input=damaged "${small_training[@]}" --epochs=1 --output=begun
expect 65 "damaged/$shard.*record [0-9]+" shard_cat --input=damaged --verify
damage; printf 'GIF89a--' | dd of="damaged/$shard" bs=1 seek=0 conv=notrunc status=none
expect 65 "damaged/$shard.*record 0" augment_and_record --input=damaged --policy=cifar --output=begun_views
damage; printf 'rubbish {' > damaged/dataset.textproto
expect 65 'damaged/dataset.textproto' augment_and_record --input=damaged --policy=cifar --output=x
cp -r model damaged_model; tr : ';' < model/model.textproto > damaged_model/model.textproto
expect 65 'damaged_model/model.textproto:[0-9]+:' embed --model=damaged_model --input=images --output=x
truncate -s 30 model/weights.safetensors
expect 65 'weights.safetensors has 30 bytes' embed --model=model --input=images --output=x
printf 'not an archive' > bad.tar
expect 65 'bad.tar' shard_encoder --source=webdataset --input=bad.tar --output=x

# --- images
mkdir -p empty one/cat odd/cat
expect 65 'no image' shard_encoder --source=folder --input=empty --output=x
expect 65 'no image|empty' shard_encoder --source=folder --input=locked --output=x
for id in 0 1 2 3 4 5 6 7; do quietly shard_cat --input=images --extract=$id --to=one/cat/$id.png; done
quietly shard_encoder --source=folder --input=one --output=one_class
# A PNG whose header says 20000 x 20000 (checksums right, few pixels), and one of 1 x 1.
base64 -d > odd/cat/huge.png <<< iVBORw0KGgoAAAANSUhEUgAATiAAAE4gCAIAAABsEtFuAAAAC0lEQVR4nGNggAEAAAoAAX+AdF4AAAAASUVORK5CYII=
expect 65 'huge.png.*20000' shard_encoder --source=folder --input=odd --output=x
base64 -d > odd/cat/tiny.png <<< iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC
quietly shard_encoder --source=folder --input=odd --max_bad_fraction=0.5 --output=odd_images
grep -q 'huge.png' odd_images/quarantine.csv || fail "huge.png is not in the quarantine list"
quietly augment_and_record --input=odd_images --policy=cifar --output=odd_views
quietly embed --model=other_model --input=one_class --output=one_embedding
expect 65 'class' linear_probe --train=one_embedding --test=one_embedding --output=x

# --- fingerprints
expect 65 '(train|test).*(weights|encoder)' linear_probe --train=train --test=other_test --output=x
quietly augment_and_record --input=images --policy=cifar --epochs=1 --output=views
expect 65 'views' pretrain --input=one_class --views=views "${small_training[@]}" --epochs=1 --batch_size=4 --output=x
expect 65 'seed' pretrain --input=images --views=views "${small_training[@]}" --epochs=1 --seed=7 --output=x

# --- outputs
mkdir thesis; echo years > thesis/chapter1
expect 73 'thesis exists and is not a stage output' shard_encoder "${small_shapes[@]}" --force --output=thesis
[ "$(cat thesis/chapter1)" = years ] || fail "thesis was touched"
expect 73 'seed' pretrain --input=images "${small_training[@]}" --epochs=1 --seed=3 --output=other_model
expect 73 'plain_file' shard_encoder "${small_shapes[@]}" --output=plain_file/below
# A full disk: no file may grow beyond 64 blocks of 1024 bytes here; and a device that is always full.
limited() { ( ulimit -f 64; "$@" ); }
expect 73 'cannot write .*File too large' limited shard_encoder "${small_shapes[@]}" --output=full
expect 73 'cannot write .*File too large' limited augment_and_record --input=images --policy=cifar --store=raw --output=full
expect 73 'cannot write .*File too large' limited pretrain --input=images "${small_training[@]}" --epochs=1 --output=full_model
# What was recorded may be gone on from.
expect 73 'full.partial is of another run that has not ended' pretrain --input=images "${small_training[@]}" --epochs=1 --output=full
[ ! -e full ] && [ ! -e full_model ] || fail "a full disk left an output"
to_full_device() { "$@" > /dev/full; }
expect 73 'cannot write' to_full_device shard_encoder "${small_shapes[@]}" --output=-

finish
