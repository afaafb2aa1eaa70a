#!/usr/bin/env bash
# Makes a bundle that checks cassle on a machine with a GPU and PyTorch, but without Bazel and without a
# network: stages and test programs built against the LibTorch of CASSLE_LIBTORCH (of the same version
# as that machine's PyTorch), what they need of Debian's libraries, photographs, a driver.
#   CASSLE_LIBTORCH=/path/to/venv tools/gpu_check.sh [--output=gpu_bundle] [--try]
# There, with a python3 that holds PyTorch:
#   python3 gpu_bundle/run.py --out=FOLDER           # ends within 9 minutes; FOLDER/gpu_check.json
#   --output what is there is replaced if it is such a bundle, and left alone else
#   --try    runs the bundle here, in a new folder with another HOME and an empty environment, with the
#            Python of CASSLE_LIBTORCH; without a GPU its parts are skipped or small
# Environment: CASSLE_DATA_DIR (default ../shared/data). See docs/gpu.md.
set -euo pipefail
cd "$(dirname "$0")/.."

output=gpu_bundle try=false
for argument in "$@"; do
  case $argument in
    --output=/*) output=${argument#*=} ;;
    # From where this was called.
    --output=?*) output=$OLDPWD/${argument#*=} ;;
    --try) try=true ;;
    *) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' tools/gpu_check.sh >&2; exit 64 ;;
  esac
done
[ -n "${CASSLE_LIBTORCH:-}" ] || { echo "gpu_check.sh: set CASSLE_LIBTORCH (docs/gpu.md)" >&2; exit 64; }
case ${CASSLE_DATA_DIR:-/} in /*) ;; *) CASSLE_DATA_DIR=$OLDPWD/$CASSLE_DATA_DIR ;; esac
photos=${CASSLE_DATA_DIR:-../shared/data}/imagenet-sample/photos.tar
[ -f "$photos" ] || { echo "gpu_check.sh: no $photos; set CASSLE_DATA_DIR" >&2; exit 66; }
[ ! -e "$output" ] || { [ -f "$output/run.py" ] && [ -f "$output/programs.tar.xz" ]; } ||
  { echo "gpu_check.sh: $output exists and is no bundle: name another folder" >&2; exit 73; }

targets=(//cassle/ssl:pretrain //cassle/ssl/testing:device_test //cassle/ssl/training:step_benchmark //cassle/eval:embed
  //cassle/eval:invariance //cassle/eval:interpolation //cassle/eval:predict-augmentation //cassle/data:shard-encoder)
flags=$(tools/find_libtorch.sh --flags)
bazel build ${flags:+"$flags"} --noshow_progress "${targets[@]}" >&2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bundle=$work/bundle
mkdir -p "$bundle/data"
# LibTorch's and CUDA's libraries are that machine's, the C and C++ libraries too.
tools/pack_programs.sh "$bundle" libc6,libgcc-s1,libstdc++6,libgomp1 "${targets[@]}" > /dev/null
# A library of characters, of no use here, is half of it unless packed.
tar -C "$bundle" --sort=name --mtime=@0 --owner=0 --group=0 -cJf "$bundle/programs.tar.xz" bin lib
rm -r "$bundle/bin" "$bundle/lib"
cp "$photos" "$bundle/data/photos.tar"
cp tools/gpu_check/run.py tools/gpu_check/torch_side.py "$bundle"
mkdir -p "$(dirname "$output")"
rm -rf "$output"
mv "$bundle" "$output"
du -sm "$output" | awk -v path="$output" '{ print "bundle: " $1 " MiB, " path }' >&2

if $try; then
  away=$work/away
  mkdir -p "$away/home"
  cp -r "$output" "$away/bundle"
  python=$(tools/find_libtorch.sh)/../../../../bin/python3
  (cd "$away" && env -i HOME="$away/home" PATH=/usr/bin:/bin "$python" bundle/run.py --out="$away/out") && code=0 || code=$?
  cat "$away/out/gpu_check.json"
  exit "$code"
fi
