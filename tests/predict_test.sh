#!/bin/bash
# docs/predict.md: every command there is typed, in its order, and what the page says of the output is checked.
page=$PWD/docs/predict.md
source tests/lib.sh
PATH=$stages/data:$stages/ssl:$stages/models:$stages/eval:$PATH

# Images of two classes that a random encoder tells apart: of the generator, by their hue.
quietly shard-encoder "${small_shapes[@]}" --output=shapes
quietly pretrain --input=shapes "${small_training[@]}" --epochs=1 --output=model
mkdir -p pets/{train,test}/{cat,dog} new/holiday
ids=$(shard-cat --input=shapes --split=train --format=json | python3 -c '
import json, sys
for line in sys.stdin:
    record = json.loads(line)
    hue = next(target for target in record["targets"] if target["name"] == "hue")
    print(record.get("id", 0), hue.get("class_index", hue.get("classIndex", 0)))')
count=0
while read -r id hue; do
  case $hue in 0) class=cat ;; 4) class=dog ;; *) continue ;; esac
  count=$((count + 1))
  part=train/$class
  [ $((count % 3)) -ne 0 ] || part=test/$class
  quietly shard-cat --input=shapes --extract="$id" --to="pets/$part/$id.png"
done <<< "$ids"
cp pets/test/cat/*.png new/
cp pets/test/dog/*.png new/holiday/
images=$(find new -name '*.png' | wc -l)
: > new/broken.jpg
tar -cf new.tar new
{ echo path; find new -name '*.png' | sort; } > list.csv

# The commands: indented lines, and cells of tables.
commands=$(grep -oE '^    [a-z]+(-[a-z]+)* --.*|`[a-z]+(-[a-z]+)* --[^`]*`' "$page" | sed -E 's/^ +//; s/`//g' | grep -E '^(shard-encoder|embed|linear-probe|sgd-probe|knn|fine-tune|predict|similar) ')
[ "$(grep -c '^predict ' <<< "$commands")" -eq 8 ] || fail "the page has other commands than this test knows: $commands"
while read -r command; do
  bash -c "$command" > said 2>&1 < /dev/null || fail "$command (exit $?): $(cat said)"
done <<< "$commands"

# right FILE: how many of the images' classes are those of their folders, in per cent.
right() { awk -F, -v n="$images" '$1 ~ /holiday\// { r += $2 == "dog"; next } NR > 1 { r += $2 == "cat" } END { print int(100 * r / n) }' "$1"; }
head -1 predictions/predictions.csv | grep -qx 'image,class,probability,class_2,probability_2' || fail "$(head -1 predictions/predictions.csv)"
[ "$(wc -l < predictions/predictions.csv)" -eq $((images + 1)) ] || fail "$(wc -l predictions/predictions.csv)"
[ "$(sed -n 2p predictions/damaged.csv | cut -d, -f1)" = broken.jpg ] || fail "$(cat predictions/damaged.csv)"
grep -q '"damaged":1,' said || fail "the result does not count the damaged image: $(cat said)"
same predictions by_probe
for by in probe sgd; do
  [ "$(right by_$by/predictions.csv)" -ge 80 ] || fail "by_$by: $(right by_$by/predictions.csv) % are right"
done
for by in knn tuned; do
  [ "$(wc -l < by_$by/predictions.csv)" -eq $((images + 1)) ] || fail "by_$by: $(wc -l < by_$by/predictions.csv) lines"
done
[ "$(wc -l < lines/predictions.jsonl)" -eq "$images" ] || fail "$(wc -l lines/predictions.jsonl)"
grep -qE '^\{"image":"new/holiday/[0-9]+.png","class":"dog","probability":[0-9.e-]+,"top":\[\{"class":"dog",' lines/predictions.jsonl ||
  fail "$(head -2 lines/predictions.jsonl)"
[ "$(grep -c '<figure>' page/predictions.html)" -eq "$images" ] || fail "the page shows $(grep -c '<figure>' page/predictions.html)"
! grep -q 'https\?:' page/predictions.html || fail "the page needs the network"
[ "$(wc -l < list.predicted.csv)" -eq $((images + 1)) ] || fail "$(wc -l list.predicted.csv)"

expect 65 '^predict: standard input is one image' bash -c "predict --model=model --classifier=probe --input=- --output=x < $(find "$PWD/new/holiday" -name '*.png' | head -1)"

# One image.
quietly predict --model=model --classifier=probe --input=new/holiday/$(ls new/holiday | head -1) --output=one
[ "$(wc -l < one/predictions.csv)" -eq 2 ] || fail "one image: $(cat one/predictions.csv)"

# Images like these: those of the data set are there themselves, under another name.
[ "$(head -1 like_these/similar.csv)" = query,rank,image,similarity,label ] || fail "$(head -1 like_these/similar.csv)"
[ "$(wc -l < like_these/similar.csv)" -eq $((5 * images + 1)) ] || fail "$(wc -l like_these/similar.csv)"
[ "$(grep -c '<div class="row">' like_these/similar.html)" -eq "$images" ] || fail "the page has other rows"
! grep -q 'https\?:' like_these/similar.html || fail "the page needs the network"
# Its class is what a vote of one says.
quietly predict --model=model --classifier=knn --train=train --k=1 --temperature=0 --input=new --output=by_one
cmp <(awk -F, 'NR > 1 { print $1, $2 }' by_one/predictions.csv) <(awk -F, '$2 == 1 { print $1, $5 }' like_these/similar.csv) ||
  fail "the nearest images have other classes than knn finds"
awk -F, 'NR == 2 && ($3 !~ /^train\// || $4 > 1.001) { exit 1 }' like_these/similar.csv || fail "$(sed -n 2p like_these/similar.csv)"
quietly embed --model=model --input=images --split=train --layer=3 --output=train_of_layer
quietly similar --query=new/holiday --model=model --train=train_of_layer --images=images --output=of_layer
expect 65 'comes from features of other weights' similar --query=new --model=tuned --train=train --images=images --output=x
expect 65 'is not what --train was made of' similar --query=new --model=model --train=train --images=shapes --output=x

# A stream in, a stream out; and what is refused.
predict --model=model --classifier=probe --source=webdataset --input=- --format=jsonl --output=- < new.tar > stream.jsonl 2> said ||
  fail "$(cat said)"
cmp stream.jsonl lines/predictions.jsonl || fail "a stream gets other predictions than the file"
quietly pretrain --input=shapes "${small_training[@]}" --epochs=1 --seed=2 --output=other
expect 65 'comes from features of other weights than --model=other' predict --model=other --classifier=probe --input=new --output=x
expect 65 'has the fingerprint' predict --model=model --classifier=knn --train=test --input=new --output=x
expect 64 'leave --model and --classifier out' predict --model=model --fine_tuned=tuned --input=new --output=x
expect 65 'names no classes' predict --fine_tuned=model --input=new --output=x
expect 66 'nowhere' predict --model=model --classifier=probe --input=nowhere --output=x
expect 65 'is a data set of shards' predict --model=model --classifier=probe --input=images --output=x
mkdir empty
expect 65 'there are no images' predict --model=model --classifier=probe --input=empty --output=x
expect 65 'none of 1 images can be read; the first is broken.jpg' predict --model=model --classifier=probe --input=new \
  --leave_out='*.png' --output=x
finish
