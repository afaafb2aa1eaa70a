#!/usr/bin/env bash
# Makes docs/images/augment/*.png, a contact sheet of every preset and a strip of every operation, and the
# docs/images/views.png of README.
#
#   tools/docs_images.sh PHOTOS.tar CIFAR10.tar      (archives of images, any that shard-encoder reads)
#   tools/docs_images.sh --report PAGE.html NAME.png [HEIGHT]   the page of the stage report, as Chromium shows it
#
# The pictures in the repository are of ../shared/data/imagenet-sample/photos.tar and ../shared/data/cifar10/test.tar.
set -euo pipefail
usage() { sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0" >&2; exit 64; }
case ${1:-} in --report) [ $# -ge 3 ] && [ $# -le 4 ] || usage ;; *) [ $# -eq 2 ] || usage ;; esac
if [ "${1:-}" = --report ]; then
  # A profile of its own, no network; --no-sandbox, since root may run this.
  profile=$(mktemp -d)
  trap 'rm -rf "$profile"' EXIT
  HOME=$profile timeout 120 chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run \
    --force-device-scale-factor=2 --disable-background-networking --proxy-server=127.0.0.1:9 --hide-scrollbars \
    --user-data-dir="$profile/browser" \
    --window-size="1180,${4:-2400}" --screenshot="$profile/page.png" "file://$(realpath "$2")" 2>"$profile/log" ||
    { cat "$profile/log" >&2; exit 1; }
  "$(dirname "$0")/shrink_png.py" "$profile/page.png" "$3"
  exit
fi
photos=$(realpath "$1")
small=$(realpath "$2")
cd "$(dirname "$0")/.."
bazel=${BAZEL:-bazel}
$bazel build //cassle/augment:augment-and-record //cassle/data:shard-encoder
bin=${BAZEL_BIN:-$($bazel info bazel-bin)}
out=docs/images/augment
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out"

# Photographs with colour and structure, so that one sees what happens to them.
mkdir "$work/chosen" "$work/two" "$work/one"
tar -xf "$photos" -C "$work/chosen" 000067.jpg 000101.jpg 000034.jpg 000167.jpg
cp "$work"/chosen/000[01]67.jpg "$work/two"
cp "$work/chosen/000067.jpg" "$work/one"
"$bin/cassle/data/shard-encoder" --input="$work/chosen" --source=folder --output="$work/photos" >"$work/log" 2>&1
"$bin/cassle/data/shard-encoder" --input="$work/two" --source=folder --output="$work/pair" >"$work/log" 2>&1
"$bin/cassle/data/shard-encoder" --input="$work/one" --source=folder --output="$work/photo" >"$work/log" 2>&1
"$bin/cassle/data/shard-encoder" --input="$small" --output="$work/small" >"$work/log" 2>&1

# draw NAME DATASET IMAGES FLAGS...: $work/NAME.png
draw() {
  local name=$1 dataset=$2 images=$3
  shift 3
  "$bin/cassle/augment/augment-and-record" --input="$work/$dataset" --output="$work/views_$name" \
    --contact_sheet="$work/$name.png" --contact_sheet_images="$images" "$@" >"$work/log" 2>&1 || {
    cat "$work/log" >&2
    exit 1
  }
}

# sheet NAME DATASET IMAGES FLAGS...
sheet() {
  local name=$1
  draw "$@"
  tools/shrink_png.py "$work/$name.png" "$out/$name.png"
  echo "$out/$name.png: $(stat -c %s "$out/$name.png") bytes"
}

"$bin/cassle/data/shard-encoder" --source=shapes --shapes.num_train=8000 --shapes.num_test=2000 --output="$work/shapes" \
  >"$work/log" 2>&1
draw views shapes 6 --split=test --policy_file=tables/data/strong_colour.textproto
cp "$work/views.png" docs/images/views.png

for preset in imagenet imagenet_byol imagenet_mocov3 stl10 stl10_weak stl10_strong stl10_rot stl10_sol evaluation; do
  sheet "preset_$preset" photos 4 --policy="$preset" --seed=5
done
sheet preset_imagenet_swav pair 2 --policy=imagenet_swav --seed=5
sheet preset_cifar small 6 --policy=cifar --seed=5

# operation NAME FIELDS [SEED] [VIEWS]: a few draws of one operation.
operation() {
  local name=$1 fields=$2 seed=${3:-11} views=${4:-4} crop='evaluation_crop { resize_px: 160 }'
  case $name in crop) crop= ;; evaluation_crop) crop= ;; esac
  printf 'name: "%s" size: 160 %s\n%s\nmean: [0.485, 0.456, 0.406] std: [0.229, 0.224, 0.225]\n' \
    "$name" "$crop" "$fields" >"$work/$name.textproto"
  sheet "operation_$name" photo 1 --policy_file="$work/$name.textproto" --views="$views" --seed="$seed"
}
operation crop 'crop { scale_min: 0.2 scale_max: 1 ratio_min: 0.75 ratio_max: 1.3333333333333333 }'
operation evaluation_crop 'evaluation_crop { resize_px: 183 }' 11 1
operation flip 'flip { probability: 0.5 }' 4
operation vertical_flip 'vertical_flip { probability: 0.5 }'
operation color_jitter 'color_jitter { probability: 1 brightness: 0.4 contrast: 0.4 saturation: 0.4 hue: 0.1 }'
operation solarize 'solarize { probability: 1 threshold_min: 0 threshold_max: 1 }'
operation grayscale 'grayscale { probability: 0.5 }'
operation color_drop 'color_drop { probability: 0.8 }'
operation blur 'blur { probability: 1 sigma_min_px: 0.1 sigma_max_px: 3 kernel_px: 15 }'
operation rotation 'rotation { probability: 1 }' 2
operation angle_rotation 'angle_rotation { probability: 1 degrees_min: -45 degrees_max: 45 }'
operation gaussian_noise 'gaussian_noise { probability: 1 sigma_min: 0 sigma_max: 0.15 }'
operation cutout 'cutout { probability: 1 scale_min: 0.02 scale_max: 0.33 ratio_min: 0.3 ratio_max: 3.3 }'
