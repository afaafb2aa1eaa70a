#!/usr/bin/env bash
# Pairs of views per second: this engine and what one would take from Python, with the same policy on
# the same images, one core each, in alternating runs. Peers: torchvision on PIL, its transforms v2 on
# PIL and on uint8 tensors, OpenCV by hand and tuned, NVIDIA DALI's CPU pipeline; those that the
# interpreter lacks are named. Prints a Markdown table of medians, ratios and bars on stdout; exit
# code 1 if a bar is missed. See docs/benchmarks.md.
#   tools/bench_augment.sh [--python=/usr/bin/python3] [--rounds=7] [--seconds=3]
#                          [--workload=all|32|photos] [--clock=wall|cpu] [--isa=avx2] [--install]
#                          [--raw=FILE]
#   --python=PATH  the interpreter with the peers: Debian's, or one of a venv with packages from PyPI
#   --clock=cpu    processor time instead of wall time, for a machine that is shared
#   --isa=avx2     both sides without newer instructions
#   --install      Debian's python3-torchvision and python3-opencv through apt, if missing
#   --raw=FILE     keeps every measurement ("ROUND PROGRAM PAIRS_PER_SECOND")
# Environment: CASSLE_DATA_DIR (default ../shared/data), PAIR_BENCHMARK (a built binary; default:
# bazel builds it).
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/bench_peers.sh

rounds=7 seconds=3 workload=all clock=wall isa= install=false raw=/dev/null
for argument in "$@"; do
  case $argument in
    --python=*) use_python "${argument#*=}" ;;
    --rounds=[1-9]*) rounds=${argument#*=} ;;
    --seconds=[0-9]*) seconds=${argument#*=} ;;
    --workload=all | --workload=32 | --workload=photos) workload=${argument#*=} ;;
    --clock=*) clock=${argument#*=} ;;
    --isa=*) isa=${argument#*=} ;;
    --install) install=true ;;
    --raw=*) raw=$(from_caller "${argument#*=}") ;;
    *) usage ;;
  esac
done

force_isa "$isa"

processors=$(nproc)  # Before OMP_NUM_THREADS, which it obeys.
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=1
if $install && ! has_modules 'torchvision, cv2'; then install python3-torchvision python3-opencv; fi
peers=() versions=() left_out=()
for name in torchvision_pil torchvision_v2_pil torchvision_v2 opencv opencv_tuned dali; do
  if said=$(peer tools/bench_augment/pairs.py --peer="$name" --versions 2>&1); then
    peers+=("$name")
    versions+=("$name: $said")
  else
    left_out+=("Left out: ${said##*$'\n'}")
  fi
done
[ ${#peers[@]} -gt 0 ] ||
  fail 66 "$python has neither torchvision nor OpenCV nor DALI; name another with --python, or call with --install"

data=${CASSLE_DATA_DIR:-../shared/data}
for file in cifar10/test.tar imagenet-sample/photos.tar; do
  [ -f "$data/$file" ] || fail 66 "no $data/$file; set CASSLE_DATA_DIR"
done
images=$(mktemp -d)
trap 'rm -rf "$images"' EXIT
mkdir "$images/32" "$images/photos"
# The first thousand of 10,000, shuffled as they are.
tar -xf "$data/cifar10/test.tar" -C "$images/32" --wildcards '000*.jpg'
tar -xf "$data/imagenet-sample/photos.tar" -C "$images/photos" --wildcards '*.jpg'

engine=${PAIR_BENCHMARK:-}
if [ -z "$engine" ]; then
  bazel build --noshow_progress //cassle/augment/loading:pair_benchmark >&2
  engine=$(bazel info bazel-bin 2>/dev/null)/cassle/augment/loading/pair_benchmark
fi

# One thread and one core, the last of those allowed: system work prefers the first.
core=$(taskset -cp $$ | sed 's/.*[:, -]//')
measurements=$images/measurements

# measure PROGRAM WORKLOAD COMMAND...
measure() {
  local program=$1 work=$2 rate
  shift 2
  rate=$("$@" --workload="$work" --images="$images/$work" --seconds="$seconds" --clock="$clock")
  echo "$round $program $rate" | tee -a "$measurements" "$raw" >&2
}
pinned() { (taskset -cp "$core" "$BASHPID" >/dev/null && "$@"); }

: >"$raw"
for round in $(seq "$rounds"); do
  for work in 32 photos; do
    [ "$workload" = all ] || [ "$workload" = "$work" ] || continue
    for name in "${peers[@]}"; do
      measure "$name-$work" "$work" pinned peer tools/bench_augment/pairs.py --peer="$name"
    done
    decodes=(exact fast)
    [ "$work" = photos ] || decodes=(exact)
    for decode in "${decodes[@]}"; do
      measure "engine-$work-$decode" "$work" pinned "$engine" --decode="$decode"
      # Two threads, each on its own images and memory, need two cores and the wall clock.
      if [ "$processors" -ge 2 ] && [ "$clock" = wall ]; then
        measure "engine-$work-$decode-two-threads" "$work" "$engine" --decode="$decode" --threads=2
      fi
    done
  done
done
describe_processor
printf '%s\n' "${versions[@]}" "${left_out[@]}"
echo "$rounds alternating runs of $seconds s, $clock time; ratios are medians of the rounds' ratios."
echo
"$python" tools/bench_augment/table.py <"$measurements"
