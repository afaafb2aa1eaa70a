#!/usr/bin/env bash
# Evaluation stages against Python in alternating rounds on the same features and photographs: the
# linear probe against the authors' loop (torch.optim.LBFGS) and scikit-learn, nearest neighbours
# against scikit-learn and faiss, embed against torchvision's ResNet-50 (plain, channels_last, compiled;
# float32, and bf16 where the processor has instructions for it). Peers that the interpreter lacks are
# named. Prints a Markdown table on stdout; exit code 1 if a bar is missed or the probe's accuracies are
# not the authors'. See docs/benchmarks.md.
#   tools/bench_eval.sh [--python=/usr/bin/python3] [--rounds=5] [--large_rounds=ROUNDS]
#                       [--part=all|probe|knn|embed] [--rows=45000] [--isa=avx2] [--install] [--raw=FILE]
#   --python=PATH    the interpreter with the peers: Debian's, or one of a venv with packages from PyPI
#   --large_rounds   of the probe on --rows rows, where Python takes minutes (without scikit-learn, where
#                    it takes longer still); 0: none
#   --rows=N         rows of the large probe; the neighbours are searched in N * 10 / 9
#   --isa=avx2       both sides without newer instructions
#   --install        Debian's python3-torchvision and python3-sklearn through apt, if missing
#   --raw=FILE       keeps every measurement ("ROUND PROGRAM VALUE")
# cassle's probe and knn are timed as whole processes, reading included; Python's without imports
# and reading. tcmalloc (libtcmalloc-minimal4) is preloaded for PyTorch's embed if it is there.
# Environment: CASSLE_DATA_DIR, BUILT as in tools/bench_train.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/bench_peers.sh

rounds=5 large_rounds= part=all rows=45000 isa= install=false raw=/dev/null
for argument in "$@"; do
  case $argument in
    --python=*) use_python "${argument#*=}" ;;
    --rounds=[1-9]*) rounds=${argument#*=} ;;
    --large_rounds=[0-9]*) large_rounds=${argument#*=} ;;
    --part=all | --part=probe | --part=knn | --part=embed) part=${argument#*=} ;;
    --rows=*) rows=${argument#*=} ;;
    --isa=*) isa=${argument#*=} ;;
    --install) install=true ;;
    --raw=*) raw=$(from_caller "${argument#*=}") ;;
    *) usage ;;
  esac
done
force_isa "$isa"
large_rounds=${large_rounds:-$rounds}

if $install && ! has_modules 'torch, torchvision, sklearn'; then
  install python3-torchvision python3-sklearn
fi
has_modules 'torch, torchvision, PIL' ||
  fail 66 "$python has no torchvision; name another with --python, or call with --install"
left_out=() peers=' torch '
for module in sklearn faiss; do
  if has_modules "$module"; then peers+="$module "; else left_out+=("Left out: $python has no $module"); fi
done
has_peer() { [[ $peers == *" $1 "* ]]; }
variants=(plain channels_last)
if "$python" -c 'import torch; torch.compile' 2>/dev/null; then
  variants+=(compile)
else
  left_out+=("Left out: this PyTorch has no torch.compile")
fi
precisions=(float32)
if has_bf16; then precisions+=(bf16); else left_out+=("$no_bf16"); fi
tcmalloc=$(find_tcmalloc)
[ -n "$tcmalloc" ] || left_out+=("Left out: tcmalloc is not installed")
photos=${CASSLE_DATA_DIR:-../shared/data}/imagenet-sample/photos.tar
[ -f "$photos" ] || fail 66 "no $photos; set CASSLE_DATA_DIR"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

built=${BUILT:-}
if [ -z "$built" ]; then
  flags=$(tools/find_libtorch.sh --flags)
  bazel build ${flags:+"$flags"} --noshow_progress //cassle/eval:{linear-probe,knn,embed,make_features} \
    //cassle/data:shard-encoder >&2
  built=$(bazel info bazel-bin 2>/dev/null)
fi
threads=$(nproc)
export PYTHONDONTWRITEBYTECODE=1 TORCHINDUCTOR_CACHE_DIR=$work/inductor
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
features() { quietly "$built/cassle/eval/embeddings/make_features" "$1" "$2" 512 10 "$3"; }

# probe SIZE ROWS ROUNDS
probe() {
  local size=$1 least one all
  features 0 "$2" "$work/$size"
  features 1000000 5000 "$work/val"
  features 2000000 5000 "$work/test"
  # python_probe PROGRAM PEER THREADS
  python_probe() {
    told "$1" peer "tools/bench_eval/probe_$2.py" "$3" "$work/$size" "$work/val" "$work/test" \
      "$work/$size.$2"
  }
  sklearn_probe() {
    [ "$size" = large ] || ! has_peer sklearn || python_probe "probe-$size-sklearn" sklearn "$threads"
  }
  cassle_probe() {
    rm -rf "$work/probe"
    timed "probe-$size-cassle" "$built/cassle/eval/linear-probe" --train="$work/$size" \
      --val="$work/val" --test="$work/test" --threads="$threads" --output="$work/probe"
  }
  # The first round tells whether PyTorch does better with one thread or with all, and counts.
  round=1
  python_probe "probe-$size-torch-one" torch 1
  one=$(tail -1 "$work/measurements" | cut -d' ' -f3)
  python_probe "probe-$size-torch-all" torch "$threads"
  all=$(tail -1 "$work/measurements" | cut -d' ' -f3)
  least=$(awk -v one="$one" -v all="$all" -v n="$threads" 'BEGIN { print one < all ? 1 : n }')
  note "probe-$size-torch" "$(awk -v one="$one" -v all="$all" 'BEGIN { print one < all ? one : all }')"
  sklearn_probe
  cassle_probe
  for round in $(seq 2 "$3"); do
    python_probe "probe-$size-torch" torch "$least"
    sklearn_probe
    cassle_probe
  done
  "$python" tools/bench_eval/compare.py "$work/$size.torch" "$work/probe/details.json" \
    "$2 rows, PyTorch with $least threads" >>"$work/comparison" || touch "$work/differs"
  # scikit-learn stops early: told, not judged.
  [ ! -f "$work/$size.sklearn" ] ||
    "$python" tools/bench_eval/compare.py "$work/$size.sklearn" "$work/probe/details.json" \
      "$2 rows, scikit-learn" >>"$work/comparison" || true
}

if wants probe; then
  probe small 5000 "$rounds"
  [ "$large_rounds" = 0 ] || probe large "$rows" "$large_rounds"
fi
if wants knn; then
  features 0 $((rows * 10 / 9)) "$work/searched"
  features 3000000 10000 "$work/queries"
  for round in $(seq "$rounds"); do
    for name in sklearn faiss; do
      ! has_peer "$name" ||
        told "knn-$name" peer "tools/bench_eval/knn_$name.py" "$threads" "$work/searched" "$work/queries"
    done
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
  embed_torch() { LD_PRELOAD=$tcmalloc peer tools/bench_eval/embed_torch.py "$@"; }
  for round in $(seq "$rounds"); do
    for precision in "${precisions[@]}"; do
      for variant in "${variants[@]}"; do
        # The first 64 photographs of 200: PyTorch takes its time.
        told "embed-$precision-$variant" embed_torch "$threads" "$variant" "$precision" "$photos" 64
      done
      embed "embed-$precision-cassle" --precision="$precision"
    done
  done
fi
describe_processor
[ ${#left_out[@]} -eq 0 ] || printf '%s\n' "${left_out[@]}"
peer tools/bench_eval/versions.py
echo "Alternating rounds, $threads threads; ratios are medians of the rounds' ratios."
echo
status=0
"$python" tools/bench_eval/table.py <"$work/measurements" || status=1
[ ! -f "$work/comparison" ] || { echo; cat "$work/comparison"; }
[ ! -f "$work/differs" ] || status=1
exit $status
