#!/usr/bin/env bash
# Training steps of MoCo-v2, images per second end to end with augmentation: PyTorch in its variants,
# all with tcmalloc, and pretrain; float32, and bf16 where the processor has instructions for it. The
# same model, batch, policy, data and order, in alternating rounds. Prints a Markdown table of medians,
# ratios, memory and bars on stdout; exit code 1 if a bar is missed. See docs/benchmarks.md.
#   tools/bench_train.sh [--python=/usr/bin/python3] [--rounds=5] [--seconds=10]
#                        [--workload=all|resnet18|resnet50] [--variants=LIST] [--isa=avx2]
#                        [--install] [--raw=FILE]
#   --python=PATH    the interpreter with PyTorch: Debian's, or one of a venv with packages from PyPI
#   --variants=LIST  of PyTorch, separated by commas: plain, or channels_last, compile and prepared
#                    (the step alone, on batches made beforehand; no bar) joined by "+". Default:
#                    plain,channels_last,compile,channels_last+prepared (no compile where PyTorch is 1)
#   --isa=avx2       both sides without newer instructions
#   --install        Debian's libtcmalloc-minimal4 (and python3-torchvision) through apt, if missing
#   --raw=FILE       keeps every measurement ("ROUND MODEL PRECISION PROGRAM IMAGES_PER_SECOND PEAK_KB")
# Environment: CASSLE_DATA_DIR (default ../shared/data), BUILT (a bazel-bin to take programs from;
# default: builds them).
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/bench_peers.sh

rounds=5 seconds=10 workload=all variants= isa= install=false raw=/dev/null
for argument in "$@"; do
  case $argument in
    --python=*) use_python "${argument#*=}" ;;
    --rounds=[1-9]*) rounds=${argument#*=} ;;
    --seconds=[0-9]*) seconds=${argument#*=} ;;
    --workload=*) workload=${argument#*=} ;;
    --variants=*) variants=${argument#*=} ;;
    --isa=*) isa=${argument#*=} ;;
    --install) install=true ;;
    --raw=*) raw=$(from_caller "${argument#*=}") ;;
    *) usage ;;
  esac
done
force_isa "$isa"

if $install; then
  [ -n "$(find_tcmalloc)" ] || install libtcmalloc-minimal4
  [ "$python" != "$debian_python" ] || has_modules 'torch, torchvision, PIL' || install python3-torchvision
fi
tcmalloc=$(find_tcmalloc)
[ -n "$tcmalloc" ] || fail 66 "no tcmalloc: apt-get install libtcmalloc-minimal4, or call with --install"
has_modules 'torch, torchvision, PIL' ||
  fail 66 "$python has no torchvision; name another with --python, or call with --install"
if [ -z "$variants" ]; then
  variants=plain,channels_last,channels_last+prepared
  ! "$python" -c 'import torch; torch.compile' 2>/dev/null || variants=plain,channels_last,compile,channels_last+prepared
fi
IFS=, read -ra variants <<<"$variants"
[ "${#variants[@]}" -gt 0 ] || fail 64 "--variants names none"
for variant in "${variants[@]}"; do
  [[ $variant =~ ^(plain|(channels_last|compile|prepared)(\+(channels_last|compile|prepared))*)$ ]] ||
    fail 64 "--variants: no variant '$variant'"
done

# The bars go by what the processor can do.
class=avx2
[ -n "$isa" ] || ! processor_has avx512f || class=avx512
precisions=(float32) left_out=
if has_bf16; then precisions+=(bf16); else left_out=$no_bf16; fi

data=${CASSLE_DATA_DIR:-../shared/data}
declare -A images=([resnet18]=$data/cifar10/train.tar.gz [resnet50]=$data/imagenet-sample/photos.tar)
for file in "${images[@]}"; do
  [ -f "$file" ] || fail 66 "no $file; set CASSLE_DATA_DIR"
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

built=${BUILT:-}
if [ -z "$built" ]; then
  flags=$(tools/find_libtorch.sh --flags)
  bazel build ${flags:+"$flags"} --noshow_progress //cassle/ssl:pretrain //cassle/data:shard-encoder \
    //cassle/models/kernels:fma_peak >&2
  built=$(bazel info bazel-bin 2>/dev/null)
fi
models=(resnet18 resnet50)
[ "$workload" = all ] || models=("$workload")
for model in "${models[@]}"; do
  [ -n "${images[$model]:-}" ] || fail 64 "--workload=$model: all, resnet18 or resnet50"
  "$built/cassle/data/shard-encoder" --input="${images[$model]}" --output="$work/$model" >&2
done

# The authors' batch sizes on such a machine.
declare -A batch=([resnet18]=128 [resnet50]=16) policy=([resnet18]=cifar [resnet50]=imagenet)
threads=$(nproc)
# What torch.compile makes in the first round serves the others.
export PYTHONDONTWRITEBYTECODE=1 TORCHINDUCTOR_CACHE_DIR=$work/inductor

# measure MODEL PRECISION PROGRAM COMMAND...
measure() {
  local program="$1 $2 $3" result
  shift 3
  result=$("$@" 2>"$work/log") || { cat "$work/log" >&2; exit 1; }
  echo "$round $program $result" | tee -a "$work/measurements" "$raw" >&2
}
python_side() {
  LD_PRELOAD=$tcmalloc peer tools/bench_train/python_moco.py --model="$model" --variant="$variant" \
    --precision="$precision" --images="${images[$model]}" --batch_size="${batch[$model]}" \
    --seconds="$seconds" --threads="$threads"
}
cassle_side() {
  rm -rf "$work/run"
  "$python" tools/bench_train/pretrain_rate.py "$seconds" "$built/cassle/ssl/pretrain" \
    --input="$work/$model" --policy="${policy[$model]}" --method=moco_v2 \
    --backbone.architecture="$model" --batch_size="${batch[$model]}" --epochs=200 \
    --precision="$precision" --compute_threads="$threads" --checkpoint_every_epochs=0 --output="$work/run"
}
# No memory is measured.
peak_side() {
  local rate
  rate=$("$built/cassle/models/kernels/fma_peak" "$threads" "$precision") && echo "$rate 0"
}

: >"$raw"
for round in $(seq "$rounds"); do
  for model in "${models[@]}"; do
    for precision in "${precisions[@]}"; do
      for variant in "${variants[@]}"; do
        measure "$model" "$precision" "$variant" python_side
      done
      measure "$model" "$precision" pretrain cassle_side
    done
  done
  for precision in "${precisions[@]}"; do
    measure peak "$precision" fma_peak peak_side
  done
done
describe_processor
[ -z "$left_out" ] || echo "$left_out"
"$python" -c 'import torch, torchvision; print("torch %s, torchvision %s, tcmalloc preloaded" % (
    torch.__version__, torchvision.__version__))'
echo "$rounds alternating rounds of at least $seconds s, $threads threads; ratios are medians of the rounds' ratios."
echo
"$python" tools/bench_train/table.py "$class" <"$work/measurements"
