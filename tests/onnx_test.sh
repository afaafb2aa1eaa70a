#!/bin/bash
# Networks as ONNX, as docs/weights.md shows it: what export-weights --format=onnx writes gives embed's features and
# linear-probe's classes when ONNX Runtime runs it, with images prepared by the page's own Python. That part needs a Python
# with onnxruntime and Pillow: CASSLE_ONNX_PYTHON names it, else python3 is tried; without, it reports itself as skipped.
page=$PWD/docs/weights.md
check=$PWD/tests/onnx_check.py
png=$PWD/tests/inputs/png.py
export PYTHONPATH=$PWD/examples/python
source tests/lib.sh
PATH=$stages/models:$stages/eval:$PATH

# Neither square nor of the network's size.
for split in train test; do
  mkdir -p "photos/$split/cat" "photos/$split/dog"
  for i in $(seq -w 12); do echo "photos/$split/cat/$i.png photos/$split/dog/$i.png"; done
done | xargs python3 "$png"
quietly shard_encoder --input=photos --output=images

# Both stems, and a transformer whose table of positions is for other images than those it was trained on.
training=(--input=images --policy=cifar --method=simclr --conditioning=none --epochs=1 --batch_size=12 --compute_threads=1)
narrow=(--backbone.width_factor=0.25)
transformer=(--backbone.architecture=vit_tiny --backbone.patch_size=8 --backbone.image_size=48 --backbone.positions=learned)
quietly pretrain "${training[@]}" "${narrow[@]}" --output=cifar_stem
quietly pretrain "${training[@]}" "${narrow[@]}" --backbone.architecture=resnet50 --backbone.stem=imagenet --output=imagenet_stem
quietly pretrain "${training[@]}" "${transformer[@]}" --output=transformer

# The commands of the page, for each.
commands=$(sed -n '/^### ONNX/,/^```/s/^    //p' "$page")
grep -q -- --format=onnx <<< "$commands" || fail "docs/weights.md has no command with --format=onnx"
for model in cifar_stem imagenet_stem transformer; do
  mkdir "$model.folder" && cd "$model.folder" || exit 1
  ln -s "../$model" model && ln -s ../images images
  quietly bash -ec "$commands"
  [ -s exported/model.onnx ] || fail "$model: no exported/model.onnx"
  grep -q 'features, \*logits = session.run(\[.*logits\.' exported/stage.textproto ||
    fail "$model: how to run it in Python: $(grep python exported/stage.textproto)"
  cd "$work" || exit 1
done

# Other classifiers that are linear, and what fine-tune learnt: its own, without a word of the command.
first=cifar_stem.folder
cd $first || exit 1
quietly sgd_probe --train=train --test=test --output=sgd
quietly export_weights --input=model --format=onnx --classifier=sgd --output=exported_sgd
quietly fine_tune --model=model --input=images --epochs=1 --batch_size=12 --compute_threads=1 --output=tuned
quietly predict --fine_tuned=tuned --input=../photos/test --output=by_tuned
quietly export_weights --input=tuned --format=onnx --output=exported_tuned
for exported in exported_sgd exported_tuned; do
  grep -q "logits.label" $exported/stage.textproto || fail "$exported has no classes: $(cat $exported/stage.textproto)"
done
export_weights --input=tuned --output=tuned_pth 2> said > /dev/null || fail "$(cat said)"
grep -q 'without its classifier of label .of fine-tune.: --format=onnx has both' said || fail "nothing said of the head: $(cat said)"
quietly knn --train=train --test=test --k=1 --output=knn
cd "$work" || exit 1

# What does not fit together is refused before anything is written.
onnx() { export_weights --format=onnx --output=x "$@"; }
expect 64 'learnt from another encoder than imagenet_stem' onnx --input=imagenet_stem --classifier=$first/probe
expect 64 'not resized to 40 px: give the --resize_px' onnx --input=cifar_stem --classifier=$first/probe --resize_px=40
expect 64 'resize_px=16 is below the model.s image size 32' onnx --input=cifar_stem --resize_px=16
expect 64 'go with --format=onnx' export_weights --input=cifar_stem --classifier=$first/probe --output=x
expect 65 'no classifier \(of linear-probe, sgd-probe\)' onnx --input=cifar_stem --classifier=$first/test
expect 65 'votes of neighbours' onnx --input=cifar_stem --classifier=$first/knn
expect 64 'names is for files of weights' onnx --input=cifar_stem --names=timm
expect 66 'missing' onnx --input=cifar_stem --classifier=missing

python=${CASSLE_ONNX_PYTHON:-python3}
if ! "$python" -c 'import onnxruntime, PIL' 2> /dev/null; then
  echo "SKIPPED: $python has no onnxruntime and Pillow (CASSLE_ONNX_PYTHON names another)"
  finish
fi
sed -n '/^### ONNX/,/^### /p' "$page" | sed -n '/^```python/,/^```$/p' | grep -v '^```' > from_page.py
for model in cifar_stem imagenet_stem transformer; do
  (cd "$model.folder" && "$python" "$check" ../from_page.py ../photos/test/*/*.png) || fail "$model in ONNX Runtime"
done
# classes FOLDER: those that the page's Python prints for the images of the split test.
classes() {
  mkdir run && ln -s "$work/$first/$1" run/exported
  (cd run && "$python" ../from_page.py "$work"/photos/test/*/*.png) | sed 's/.* //'
  rm -r run
}
[ "$(classes exported_tuned)" = "$(sed 1d $first/by_tuned/predictions.csv | cut -d, -f2)" ] ||
  fail "fine-tuned, in ONNX Runtime: $(classes exported_tuned), and predict says $(cat $first/by_tuned/predictions.csv)"
quietly predict --model=$first/model --classifier=$first/sgd --input=photos/test --precision=float32 --output=by_sgd
[ "$(classes exported_sgd)" = "$(sed 1d by_sgd/predictions.csv | cut -d, -f2)" ] ||
  fail "sgd-probe, in ONNX Runtime: $(classes exported_sgd), and predict says $(cat by_sgd/predictions.csv)"
finish
