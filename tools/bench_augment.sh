#!/usr/bin/env bash
# Pairs of views per second: torchvision on PIL, OpenCV from Python and this engine, with the same
# policy on the same images, one core each, in alternating runs. Prints a Markdown table of medians,
# ratios and bars on stdout; exit code 1 if a bar is missed. See docs/benchmarks.md.
#   tools/bench_augment.sh [--rounds=7] [--seconds=3] [--workload=all|32|photos] [--clock=wall|cpu]
#                          [--extra] [--install] [--raw=FILE]
#   --clock=cpu  processor time instead of wall time, for a machine that is shared
#   --extra      also torchvision's own blur, and OpenCV tuned by hand (no bars)
#   --install    Debian's python3-torchvision and python3-opencv through apt, if missing
#   --raw=FILE   keeps every measurement ("ROUND PROGRAM PAIRS_PER_SECOND")
# Environment: CASSLE_DATA_DIR (default ../shared/data), PYTHON (default /usr/bin/python3, which is
# the one Debian's packages are for), PAIR_BENCHMARK (a built binary; default: bazel builds it).
set -euo pipefail
cd "$(dirname "$0")/.."

rounds=7 seconds=3 workload=all clock=wall extra=false install=false raw=/dev/null
for argument in "$@"; do
  case $argument in
    --rounds=*) rounds=${argument#*=} ;;
    --seconds=*) seconds=${argument#*=} ;;
    --workload=*) workload=${argument#*=} ;;
    --clock=*) clock=${argument#*=} ;;
    --extra) extra=true ;;
    --install) install=true ;;
    --raw=*) raw=${argument#*=} ;;
    *) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0" >&2; exit 64 ;;
  esac
done

python=${PYTHON:-/usr/bin/python3}
if ! "$python" -c 'import torch, torchvision, PIL, cv2, numpy' 2>/dev/null; then
  if ! $install; then
    echo "bench_augment.sh: $python has no torchvision or OpenCV. On Debian 12:" >&2
    echo "  apt-get install python3-torchvision python3-opencv   (or call this with --install)" >&2
    exit 66
  fi
  run=()
  [ "$(id -u)" -eq 0 ] || run=(sudo)
  "${run[@]}" apt-get update -qq
  "${run[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    python3-torchvision python3-opencv >&2
fi

data=${CASSLE_DATA_DIR:-../shared/data}
for file in cifar10/test.tar imagenet-sample/photos.tar; do
  [ -f "$data/$file" ] || { echo "bench_augment.sh: no $data/$file; set CASSLE_DATA_DIR" >&2; exit 66; }
done
images=$(mktemp -d)
trap 'rm -rf "$images"' EXIT
mkdir "$images/32" "$images/photos"
# The first thousand of 10,000, shuffled as they are.
tar -xf "$data/cifar10/test.tar" -C "$images/32" --wildcards '000*.jpg'
tar -xf "$data/imagenet-sample/photos.tar" -C "$images/photos" --wildcards '*.jpg'

engine=${PAIR_BENCHMARK:-}
if [ -z "$engine" ]; then
  bazel build --noshow_progress //cassle/augment:pair_benchmark >&2
  engine=$(bazel info bazel-bin 2>/dev/null)/cassle/augment/pair_benchmark
fi

# One thread and one core, the last of those allowed: system work prefers the first.
processors=$(nproc)
core=$(taskset -cp $$ | sed 's/.*[:, -]//')
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=1
measurements=$images/measurements

# measure PROGRAM WORKLOAD COMMAND...
measure() {
  local program=$1 work=$2 rate
  shift 2
  rate=$("$@" --workload="$work" --images="$images/$work" --seconds="$seconds" --clock="$clock")
  echo "$round $program $rate" | tee -a "$measurements" "$raw" >&2
}
pinned() { taskset -c "$core" "$@"; }
python_side() { pinned "$python" "tools/bench_augment/$1_pairs.py" "${@:2}"; }

: >"$raw"
for round in $(seq "$rounds"); do
  for work in 32 photos; do
    [ "$workload" = all ] || [ "$workload" = "$work" ] || continue
    measure "torchvision-$work" "$work" python_side torchvision
    measure "opencv-$work" "$work" python_side opencv
    if [ "$work" = 32 ]; then
      measure engine-32 32 pinned "$engine"
    else
      for decode in exact fast; do
        measure "engine-photos-$decode" photos pinned "$engine" --decode="$decode"
      done
    fi
    if $extra; then
      measure "torchvision-blur-$work" "$work" python_side torchvision --torchvision_blur
      measure "opencv-tuned-$work" "$work" python_side opencv --tuned
    fi
    # Two threads, each on its own images and memory, need two cores and the wall clock.
    if [ "$processors" -ge 2 ] && [ "$clock" = wall ]; then
      if [ "$work" = 32 ]; then
        measure engine-32-two-threads 32 "$engine" --threads=2
      else
        for decode in exact fast; do
          measure "engine-photos-$decode-two-threads" photos "$engine" --decode="$decode" --threads=2
        done
      fi
    fi
  done
done
grep -m1 'model name' /proc/cpuinfo | sed 's/.*: */Processor: /' || true
"$python" -c 'import cv2, PIL, torch, torchvision; print("torchvision %s, torch %s, Pillow %s, OpenCV %s" % (
    torchvision.__version__, torch.__version__, PIL.__version__, cv2.__version__))'
echo "$rounds alternating runs of $seconds s, $clock time; ratios are medians of the rounds' ratios."
echo
"$python" tools/bench_augment/table.py <"$measurements"
