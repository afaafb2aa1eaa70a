#!/bin/bash
# What the scripts of this folder do with their arguments; what they call is made up.
set -u
root=$PWD
work=$(mktemp -d "${TEST_TMPDIR:-/tmp}/scripts.XXXXXX")
failures=0
fail() { echo "FAILED: $*" >&2; failures=$((failures + 1)); }
# A copy, as scripts go to the root of theirs.
mkdir -p "$work/checkout" "$work/elsewhere/a folder" "$work/bin"
cp -RL "$root/tools" "$work/checkout"
tools=$work/checkout/tools
cd "$work/elsewhere" || exit 1

# stub NAME: a program that tells its arguments, a line each.
stub() {
  printf '#!/bin/sh\nprintf "%%s\\n" "%s" "$@"\n' "$1" > "$work/bin/$1"
  chmod +x "$work/bin/$1"
}
for program in bazel python3 patchelf clang; do stub $program; done
export PATH=$work/bin:$PATH HOME=$work

# --- unknown options are refused with the usage, before anything is done
for script in "$tools"/*.sh; do
  name=$(basename "$script" .sh)
  case $name in
    # Bazel's and run.py's options follow; bench_peers.sh is sourced; pack_programs.sh is called by scripts only.
    test | check_caching | length | bench_peers | pack_programs | scripts_test) continue ;;
  esac
  "$script" --no_such_option > out 2> err
  [ $? = 64 ] && [ -s err ] && [ ! -s out ] || fail "$name takes --no_such_option: $(cat out err)"
done

# --- paths are from where a script is called
"$tools/length.sh" --table=tiny --work=w --kept="a folder" --pause_while=/tmp/p --jobs=1 --dry_run > out 2> err || fail "length.sh: $(cat err)"
for word in tools/length/run.py "--work=$PWD/w" "--kept=$PWD/a folder" --pause_while=/tmp/p --jobs=1 --dry_run; do
  grep -Fxq -- "$word" out || fail "length.sh calls run.py without $word: $(cat out)"
done
"$tools/length.sh" --table=tiny --work w --kept /k --pause_while "a p" > out 2> err || fail "length.sh: $(cat err)"
[ "$(tail -n 6 out)" = "$(printf '%s\n' --work "$PWD/w" --kept /k --pause_while "$PWD/a p")" ] || fail "length.sh takes two words for: $(cat out)"
# refuses CODE WORDS SCRIPT ARGUMENT...
refuses() {
  local code=$1 words=$2
  shift 2
  "$tools/$@" > out 2> err
  [ $? = "$code" ] && grep -Fq -- "$words" err || fail "$*: $(cat err)"
}
refuses 73 "$PWD/a folder exists" bundle.sh --output="a folder/"
refuses 66 "realpath: nothing.tar.gz: " bundle_test.sh --bundle=nothing.tar.gz here
mkdir -p data/imagenet-sample && touch data/imagenet-sample/photos.tar
CASSLE_LIBTORCH=/nowhere CASSLE_DATA_DIR=data refuses 73 "$PWD/a folder exists and is no bundle" gpu_check.sh --output="a folder"
refuses 66 "--python=nowhere/python3: no such program" bench_eval.sh --python=nowhere/python3
cp "$work/bin/python3" "a folder/python"
CASSLE_DATA_DIR=/nowhere refuses 66 "no /nowhere/imagenet-sample/photos.tar" bench_eval.sh --python="a folder/python" --large_rounds=0
CASSLE_DATA_DIR=data refuses 66 "no $PWD/data/cifar10/test.tar" bench_augment.sh --python="a folder/python"
mkdir -p built/cassle/data built/cassle/ssl
printf '#!/bin/sh\necho "the one of BUILT" >&2\nexit 1\n' > built/cassle/data/shard-encoder
chmod +x built/cassle/data/shard-encoder
BUILT=built refuses 1 "the one of BUILT" bench_ranks.sh

# --- programs with another LibTorch are built as it wants them
for script in bench_eval bench_ranks bench_train gpu_check length quickstart test; do
  grep -q 'find_libtorch.sh --flags' "$tools/$script.sh" || fail "$script asks for no flags of LibTorch"
done

# --- a file that git has not been told is gone is no file to be formatted
cd "$work/checkout" || exit 1
git init -q . && touch gone.cc here.cc "ä ö.h" && git add . && rm gone.cc
stub clang-format
[ "$(tools/format.sh)" = "$(printf 'clang-format\n-i\nhere.cc\nä ö.h')" ] || fail "format.sh: $(tools/format.sh)"

cd / && rm -rf "$work"
[ "$failures" = 0 ] || { echo "$failures failures" >&2; exit 1; }
