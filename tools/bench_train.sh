#!/usr/bin/env bash
# Training steps of MoCo-v2, images per second end to end with augmentation: PyTorch as it comes,
# PyTorch with tcmalloc, and pretrain in float32 and bfloat16; the same model, batch, policy, data and
# order, in alternating rounds. Prints a Markdown table of medians, ratios, memory and bars on stdout;
# exit code 1 if a bar is missed. See docs/benchmarks.md.
#   tools/bench_train.sh [--rounds=5] [--seconds=10] [--workload=all|resnet18|resnet50] [--install]
#                        [--raw=FILE]
#   --install    Debian's python3-torchvision and libtcmalloc-minimal4 through apt, if missing
#   --raw=FILE   keeps every measurement ("ROUND PROGRAM IMAGES_PER_SECOND PEAK_KB")
# Environment: CASSLE_DATA_DIR (default ../shared/data), PYTHON (default /usr/bin/python3, which is
# the one Debian's packages are for), BUILT (a bazel-bin to take programs from; default: builds them).
set -euo pipefail
cd "$(dirname "$0")/.."

rounds=5 seconds=10 workload=all install=false raw=/dev/null
for argument in "$@"; do
  case $argument in
    --rounds=*) rounds=${argument#*=} ;;
    --seconds=*) seconds=${argument#*=} ;;
    --workload=*) workload=${argument#*=} ;;
    --install) install=true ;;
    --raw=*) raw=${argument#*=} ;;
    *) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0" >&2; exit 64 ;;
  esac
done

python=${PYTHON:-/usr/bin/python3}
tcmalloc=$(ls /usr/lib/*/libtcmalloc_minimal.so.4 2>/dev/null | head -1 || true)
if [ -z "$tcmalloc" ] || ! "$python" -c 'import torch, torchvision, PIL' 2>/dev/null; then
  if ! $install; then
    echo "bench_train.sh: $python has no torchvision, or there is no tcmalloc. On Debian 12:" >&2
    echo "  apt-get install python3-torchvision libtcmalloc-minimal4   (or call this with --install)" >&2
    exit 66
  fi
  run=()
  [ "$(id -u)" -eq 0 ] || run=(sudo)
  "${run[@]}" apt-get update -qq
  "${run[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    python3-torchvision libtcmalloc-minimal4 >&2
  tcmalloc=$(ls /usr/lib/*/libtcmalloc_minimal.so.4 | head -1)
fi

data=${CASSLE_DATA_DIR:-../shared/data}
declare -A images=([resnet18]=$data/cifar10/train.tar.gz [resnet50]=$data/imagenet-sample/photos.tar)
for file in "${images[@]}"; do
  [ -f "$file" ] || { echo "bench_train.sh: no $file; set CASSLE_DATA_DIR" >&2; exit 66; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

built=${BUILT:-}
if [ -z "$built" ]; then
  bazel build --noshow_progress //cassle/ssl:pretrain //cassle/data:shard-encoder \
    //cassle/models:fma_peak >&2
  built=$(bazel info bazel-bin 2>/dev/null)
fi
for model in "${!images[@]}"; do
  "$built/cassle/data/shard-encoder" --input="${images[$model]}" --output="$work/$model" >&2
done

# The authors' batch sizes on such a machine.
declare -A batch=([resnet18]=128 [resnet50]=16) policy=([resnet18]=cifar [resnet50]=imagenet)
threads=$(nproc)
export PYTHONDONTWRITEBYTECODE=1

# measure PROGRAM COMMAND...
measure() {
  local program=$1 result
  shift
  result=$("$@" 2>"$work/log") || { cat "$work/log" >&2; exit 1; }
  echo "$round $program $result" | tee -a "$work/measurements" "$raw" >&2
}
python_side() {
  "$python" tools/bench_train/python_moco.py --model="$model" --images="${images[$model]}" \
    --batch_size="${batch[$model]}" --seconds="$seconds" --threads="$threads"
}
tuned_python_side() { LD_PRELOAD=$tcmalloc python_side; }
cassle_side() {
  rm -rf "$work/run"
  "$python" tools/bench_train/pretrain_rate.py "$seconds" "$built/cassle/ssl/pretrain" \
    --input="$work/$model" --policy="${policy[$model]}" --method=moco_v2 \
    --backbone.architecture="$model" --batch_size="${batch[$model]}" --epochs=200 \
    --precision="$1" --compute_threads="$threads" --checkpoint_every_epochs=0 --output="$work/run"
}

: >"$raw"
for round in $(seq "$rounds"); do
  for model in resnet18 resnet50; do
    [ "$workload" = all ] || [ "$workload" = "$model" ] || continue
    measure "$model-python" python_side
    measure "$model-tuned" tuned_python_side
    measure "$model-float32" cassle_side float32
    measure "$model-bf16" cassle_side bf16
  done
  measure peak bash -c "echo \$('$built/cassle/models/fma_peak' $threads) 0"
done
grep -m1 'model name' /proc/cpuinfo | sed 's/.*: */Processor: /' || true
"$python" -c 'import torch, torchvision; print("torch %s, torchvision %s" % (
    torch.__version__, torchvision.__version__))'
echo "$rounds alternating rounds of at least $seconds s, $threads threads; ratios are medians of the rounds' ratios."
echo
"$python" tools/bench_train/table.py <"$work/measurements"
