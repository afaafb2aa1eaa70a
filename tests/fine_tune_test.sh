#!/bin/bash
# docs/evaluation.md, its sections equivariance and fine-tune: every command there is typed, in its order; and so are the
# neighbours of CASSLE that docs/methods.md names, up to their equivariance and a report.
page=$PWD/docs/evaluation.md
methods=$PWD/docs/methods.md
source tests/lib.sh
PATH=$stages/data:$stages/ssl:$stages/eval:$PATH

# Two classes, by the hue of the built-in images, in three splits.
quietly shard-encoder --source=shapes --shapes.num_train=240 --shapes.num_test=8 --output=shapes
count=0
while read -r id hue; do
  case $hue in 0) class=red ;; 4) class=blue ;; *) continue ;; esac
  count=$((count + 1))
  case $((count % 6)) in 0) split=test ;; 1) split=val ;; *) split=train ;; esac
  mkdir -p "folder/$split/$class"
  quietly shard-cat --input=shapes --extract="$id" --to="folder/$split/$class/$id.png"
done < <(shard-cat --input=shapes --split=train --format=json | python3 -c '
import json, sys
for line in sys.stdin:
    record = json.loads(line)
    hue = next(target for target in record["targets"] if target["name"] == "hue")
    print(record.get("id", 0), hue.get("class_index", hue.get("classIndex", 0)))')
quietly shard-encoder --input=folder --output=images
quietly pretrain --input=shapes "${small_training[@]}" --epochs=1 --output=model
quietly pretrain --input=images --policy=cifar --method=simclr --backbone.architecture=vit_tiny --batch_size=16 --epochs=1 --output=vit

commands=$(sed -e ':join' -e '/\\$/N; s/ *\\\n */ /; t join' "$page" | grep -E '^    (equivariance|fine-tune) --' | sed -E 's/^ +//')
[ "$(wc -l <<< "$commands")" -eq 5 ] || fail "the page has other commands than this test knows: $commands"
while read -r command; do
  bash -c "$command" > said 2>&1 < /dev/null || fail "$command (exit $?): $(cat said)"
done <<< "$commands"

# The best epoch is the first with the highest accuracy that was logged, and the model card names it.
best=$(grep -o '"epoch":[0-9]*,"validation_accuracy":[0-9.e-]*' best/metrics.jsonl | tr -d '"a-z_:' |
  awk -F, 'NR == 1 || $2 > most { most = $2; epoch = $1 } END { print epoch }')
[ "$(grep -c validation_accuracy best/metrics.jsonl)" -eq 30 ] || fail "$(grep validation_accuracy best/metrics.jsonl)"
grep -q "epoch $best is the best by validation" best/model.textproto || fail "not epoch $best: $(grep provenance best/model.textproto)"
grep -q 'weights averaged by 0.999' tuned_vit/model.textproto || fail "$(grep provenance tuned_vit/model.textproto)"
expect 64 'the test split is for the end' fine-tune --model=model --input=images --monitor.every_epochs=1 --monitor.split=test --output=x
expect 64 'nothing is validated' fine-tune --model=model --input=images --monitor.keep_best=true --output=x

# The neighbours.
training=(--input=shapes --policy=cifar --backbone.width_factor=0.125 --batch_size=32 --compute_threads=1 --epochs=1)
names=
neighbour() {
  quietly pretrain "${training[@]}" "${@:2}" --output="$1"
  quietly equivariance --model="$1" --input=images --split=train --output="$1_moves"
  names=$names,$1_moves
}
for flag in --method=sie --equimod.weight=1; do
  grep -q -- "$flag" "$methods" || fail "docs/methods.md does not name $flag"
done
neighbour sie --method=sie --method.sie.hidden_size=64 --method.sie.projection_size=64
neighbour equimod --method=simclr --equimod.weight=1 --equimod.hidden_size=64
neighbour both --method=simclr --conditioning=mlp --augself.crop=1 --augself.color=1
neighbour relative --method=simclr --conditioning=mlp --conditioning.relative=true
neighbour nnclr --method=nnclr --method.nnclr.queue_size=64
neighbour lejepa --method=lejepa
quietly report --results="${names#,}" --output=report
for name in sie equimod both relative nnclr lejepa; do
  grep -q 'PRE' report/report.html && grep -q 'MRR' "${name}_moves/result.json" || fail "$name is not measured"
done
expect 64 'no predictor' pretrain "${training[@]}" --method=sie --conditioning=mlp --conditioning.predictor=true --output=x
expect 64 'equivariant_fraction' pretrain "${training[@]}" --method=sie --method.sie.equivariant_fraction=0.001 --output=x
finish
