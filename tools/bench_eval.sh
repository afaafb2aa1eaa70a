#!/usr/bin/env bash
# Evaluation stages against Python in alternating rounds on the same features and photographs: the
# linear probe against the authors' loop (torch.optim.LBFGS), nearest neighbours against scikit-learn,
# embed against torchvision's ResNet-50. Prints a Markdown table on stdout; exit code 1 if a bar is
# missed or the probes' accuracies differ. See docs/benchmarks.md.
#   tools/bench_eval.sh [--rounds=5] [--large_rounds=ROUNDS] [--part=all|probe|knn|embed] [--rows=45000]
#                       [--install] [--raw=FILE]
#   --large_rounds   of the probe on --rows rows, where Python takes minutes; 0: none
#   --rows=N         rows of the large probe; the neighbours are searched in N * 10 / 9
#   --install        Debian's python3-torchvision and python3-sklearn through apt, if missing
#   --raw=FILE       keeps every measurement ("ROUND PROGRAM VALUE")
# cassle's probe and knn are timed as whole processes, reading included; Python's without imports
# and reading. Environment: CASSLE_DATA_DIR, PYTHON, BUILT as in tools/bench_train.sh.
set -euo pipefail
cd "$(dirname "$0")/.."

rounds=5 large_rounds= part=all rows=45000 install=false raw=/dev/null
for argument in "$@"; do
  case $argument in
    --rounds=*) rounds=${argument#*=} ;;
    --large_rounds=*) large_rounds=${argument#*=} ;;
    --part=*) part=${argument#*=} ;;
    --rows=*) rows=${argument#*=} ;;
    --install) install=true ;;
    --raw=*) raw=${argument#*=} ;;
    *) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0" >&2; exit 64 ;;
  esac
done
large_rounds=${large_rounds:-$rounds}

python=${PYTHON:-/usr/bin/python3}
if ! "$python" -c 'import torch, torchvision, PIL, sklearn' 2>/dev/null; then
  if ! $install; then
    echo "bench_eval.sh: $python has no torchvision or scikit-learn. On Debian 12:" >&2
    echo "  apt-get install python3-torchvision python3-sklearn   (or call this with --install)" >&2
    exit 66
  fi
  run=()
  [ "$(id -u)" -eq 0 ] || run=(sudo)
  "${run[@]}" apt-get update -qq
  "${run[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    python3-torchvision python3-sklearn >&2
fi
photos=${CASSLE_DATA_DIR:-../shared/data}/imagenet-sample/photos.tar
[ -f "$photos" ] || { echo "bench_eval.sh: no $photos; set CASSLE_DATA_DIR" >&2; exit 66; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

built=${BUILT:-}
if [ -z "$built" ]; then
  bazel build --noshow_progress //cassle/eval:{linear-probe,knn,embed,make_features} \
    //cassle/data:shard-encoder >&2
  built=$(bazel info bazel-bin 2>/dev/null)
fi
threads=$(nproc)
export PYTHONDONTWRITEBYTECODE=1
: >"$raw"
: >"$work/measurements"
wants() { [ "$part" = all ] || [ "$part" = "$1" ]; }

# note PROGRAM VALUE
note() { echo "$round $1 $2" | tee -a "$work/measurements" "$raw" >&2; }
# quietly COMMAND...: its messages only if it fails
quietly() { "$@" >"$work/out" 2>"$work/log" || { cat "$work/log" >&2; exit 1; }; }
# timed PROGRAM COMMAND...: notes the seconds of the whole process.
timed() {
  local program=$1 start
  shift
  start=$(date +%s.%N)
  quietly "$@"
  note "$program" "$(awk -v a="$start" -v b="$(date +%s.%N)" 'BEGIN { printf "%.3f", b - a }')"
}
# told PROGRAM COMMAND...: notes what it prints.
told() {
  local program=$1
  shift
  quietly "$@"
  note "$program" "$(cat "$work/out")"
}
features() { quietly "$built/cassle/eval/make_features" "$1" "$2" 512 10 "$3"; }

# probe SIZE ROWS ROUNDS
probe() {
  local size=$1 least one all
  features 0 "$2" "$work/$size"
  features 1000000 5000 "$work/val"
  features 2000000 5000 "$work/test"
  python_probe() {
    told "$1" "$python" tools/bench_eval/python_probe.py "$2" "$work/$size" "$work/val" "$work/test" \
      "$work/$size.python"
  }
  cassle_probe() {
    rm -rf "$work/probe"
    timed "probe-$size-cassle" "$built/cassle/eval/linear-probe" --train="$work/$size" \
      --val="$work/val" --test="$work/test" --threads="$threads" --output="$work/probe"
  }
  # The first round tells whether Python does better with one thread or with all, and counts.
  round=1
  python_probe "probe-$size-python-one" 1
  one=$(tail -1 "$work/measurements" | cut -d' ' -f3)
  python_probe "probe-$size-python-all" "$threads"
  all=$(tail -1 "$work/measurements" | cut -d' ' -f3)
  least=$(awk -v one="$one" -v all="$all" -v n="$threads" 'BEGIN { print one < all ? 1 : n }')
  note "probe-$size-python" "$(awk -v one="$one" -v all="$all" 'BEGIN { print one < all ? one : all }')"
  cassle_probe
  for round in $(seq 2 "$3"); do
    python_probe "probe-$size-python" "$least"
    cassle_probe
  done
  "$python" tools/bench_eval/compare.py "$work/$size.python" "$work/probe/result.json" \
    "$2 rows, Python with $least threads" >>"$work/comparison" || touch "$work/differs"
}

if wants probe; then
  probe small 5000 "$rounds"
  [ "$large_rounds" = 0 ] || probe large "$rows" "$large_rounds"
fi
if wants knn; then
  features 0 $((rows * 10 / 9)) "$work/searched"
  features 3000000 10000 "$work/queries"
  for round in $(seq "$rounds"); do
    told knn-python "$python" tools/bench_eval/python_knn.py "$threads" "$work/searched" "$work/queries"
    rm -rf "$work/knn"
    timed knn-cassle "$built/cassle/eval/knn" --train="$work/searched" --test="$work/queries" --k=20 \
      --threads="$threads" --output="$work/knn"
  done
fi
if wants embed; then
  quietly "$built/cassle/data/shard-encoder" --input="$photos" --output="$work/photos"
  cat >"$work/resnet50.textproto" <<'END'
backbone { architecture: "resnet50" stem: IMAGENET width_factor: 1 zero_init_residual: true }
image_size: 224
mean: [0.485, 0.456, 0.406]
std: [0.229, 0.224, 0.225]
END
  # The rate that the stage's last progress line tells.
  embed() {
    local program=$1
    shift
    rm -rf "$work/embedded"
    quietly "$built/cassle/eval/embed" --model="$work/resnet50.textproto" --reinitialize \
      --input="$work/photos" --batch_size=32 --threads="$threads" --output="$work/embedded" "$@"
    note "$program" "$(grep -o 'images[^/]*, [0-9.]*/s' "$work/log" | tail -1 | grep -o '[0-9.]*/s' | tr -d /s)"
  }
  for round in $(seq "$rounds"); do
    # The first 32 photographs of 200: this PyTorch takes its time.
    told embed-python0 "$python" tools/bench_eval/python_embed.py "$threads" 0 "$photos" 32
    told embed-python1 "$python" tools/bench_eval/python_embed.py "$threads" 1 "$photos" 32
    embed embed-cassle
    embed embed-bf16 --bfloat16
  done
fi
grep -m1 'model name' /proc/cpuinfo | sed 's/.*: */Processor: /' || true
"$python" -c 'import sklearn, torch, torchvision; print("torch %s, torchvision %s, scikit-learn %s" % (
    torch.__version__, torchvision.__version__, sklearn.__version__))'
echo "Alternating rounds, $threads threads; ratios are medians of the rounds' ratios."
echo
status=0
"$python" tools/bench_eval/table.py <"$work/measurements" || status=1
[ ! -f "$work/comparison" ] || { echo; cat "$work/comparison"; }
[ ! -f "$work/differs" ] || status=1
exit $status
