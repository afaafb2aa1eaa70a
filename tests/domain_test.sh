#!/bin/bash
# Training on from weights that exist: the commands of docs/domain.md, with stand-ins of the weight files and less of
# everything; and that such a training keeps what was there.
page=$PWD/docs/domain.md
png=$PWD/tests/inputs/png.py
source tests/lib.sh
PATH=$stages/data:$stages/ssl:$stages/models:$PATH

# Files of the shapes that the page names, of random networks; 8 images.
mkdir -p photos/class
seq -f 'photos/class/%g.png' 8 | xargs python3 "$png"
quietly shard_encoder --input=photos --output=eight
unlearnt=(--input=eight --policy=imagenet --method=simclr --epochs=0 --batch_size=4)
quietly pretrain "${unlearnt[@]}" --backbone.architecture=resnet50 --output=unlearnt_resnet
quietly export_weights --input=unlearnt_resnet --format=pth --output=resnet
quietly pretrain "${unlearnt[@]}" --backbone.architecture=vit_small --backbone.heads=6 --backbone.positions=learned \
  --output=unlearnt_vit
quietly export_weights --input=unlearnt_vit --format=pth --names=timm --output=vit

# page_commands HEADING: the commands under it, one a line.
page_commands() { sed -n "/^## $1/,/^## /s/^    //p" "$page" | sed -e ':a' -e '/\\$/N; s/\\\n//; ta'; }

for run in "A supervised ResNet:resnet:resnet50.pth" "A vision transformer of DINO:vit:dino_deitsmall16_pretrain.pth"; do
  IFS=: read -r heading kind file <<< "$run"
  mkdir "$kind.folder" && cd "$kind.folder" || exit 1
  ln -s ../photos photos && cp "../$kind/backbone.pth" "$file"
  commands=$(page_commands "$heading" |
    sed 's/--warmup_epochs=[0-9]*/--warmup_epochs=1/; s/--epochs=[0-9]*/--epochs=1 --batch_size=4 --compute_threads=1/')
  grep -q -- '--initial_model=start' <<< "$commands" || fail "docs/domain.md: no --initial_model under $heading"
  quietly bash -ec "$commands"
  grep -q '^provenance: ".*, then moco_v[23], conditioning mlp' model/model.textproto || fail "$(cat model/model.textproto)"
  grep -q '^initial_weights_fingerprint: "[0-9a-f]\{32\}"' model/model.textproto || fail "$kind: no initial_weights_fingerprint"
  ! grep -i collapsed quietly.out >&2 || fail "$kind: collapsed"
  cd "$work" || exit 1
done

# An encoder that knows something, and one that knows nothing.
quietly shard_encoder "${small_shapes[@]}" --output=images
small=(--input=images --policy=cifar --backbone.width_factor=0.125 --batch_size=32 --compute_threads=1 --precision=float32)
quietly pretrain "${small[@]}" --method=supervised --target=hue --epochs=20 --output=start
quietly pretrain "${small[@]}" --method=simclr --epochs=0 --output=nothing
# As another method and told otherwise, so that nothing but the backbone goes on.
onwards=(--input=images --policy=cifar --method=simclr --conditioning=raw --batch_size=32 --compute_threads=1
  --precision=float32 --initial_model=start --base_lr=0.03 --layer_decay=0.75)
quietly pretrain "${onwards[@]}" --epochs=0 --output=no_step
quietly pretrain "${onwards[@]}" --epochs=1 --warmup_epochs=1 --monitor.every_epochs=1 --monitor.target=hue --output=one_epoch
grep -q '"epoch":0,.*"knn_accuracy":0\.[5-9]' one_epoch/metrics.jsonl || fail "epoch 0 is not the initial model: $(cat one_epoch/metrics.jsonl)"
# score MODEL: accuracy of nearest neighbours, a fraction.
score() {
  quietly embed --model="$1" --input=images --split=train --precision=float32 --output="$1.train"
  quietly embed --model="$1" --input=images --split=test --precision=float32 --output="$1.test"
  quietly knn --train="$1.train" --test="$1.test" --target=hue --output="$1.knn"
  sed -n 's/^ *value: //p' "$1.knn/result.textproto" | head -1
}
start=$(score start) no_step=$(score no_step) one_epoch=$(score one_epoch) nothing=$(score nothing)
echo "nearest neighbours: start $start, after no step $no_step, after an epoch $one_epoch, untrained $nothing"
[ -n "$start" ] || fail "knn gave no score"
[ "$start" = "$no_step" ] || fail "nearest neighbours tell $no_step after no step, and $start at the start"
said() { grep -o '[a-z]*_fingerprint[^,]*[0-9a-f]\{32\}' "$1.test/stage.textproto" | grep -v dataset; }
[ -n "$(said start)" ] && [ "$(said start)" = "$(said no_step)" ] || fail "no_step has other features than start"
# At ten times the rate and without --layer_decay a fifth of it is gone.
awk "BEGIN { exit !($start > $nothing && $one_epoch > $nothing && $one_epoch > 0.9 * $start) }" ||
  fail "an epoch did not keep what was there"

# What does not fit.
expect 64 'backbone.stem: the initial model, a resnet18, has CIFAR' pretrain "${onwards[@]}" --backbone.stem=imagenet --output=x
expect 64 'backbone.architecture: the initial model, a resnet18' pretrain "${onwards[@]}" --backbone.architecture=vit_tiny --output=x
expect 66 'nowhere' pretrain "${onwards[@]/start/nowhere}" --output=x
mkdir torn && cp start/model.textproto start/stage.textproto torn
expect 65 'torn/.* is missing' pretrain "${onwards[@]/start/torn}" --output=x
finish
