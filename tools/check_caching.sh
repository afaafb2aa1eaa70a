#!/usr/bin/env bash
# What docs/pipeline.md says of caching, checked on //tables/ci by counting the actions that Bazel runs:
#   - a second build runs nothing; other flags of a probe run that probe and the report; a changed program runs its own
#     stages, and nothing behind them if their bytes are the same;
#   - an interrupted build, repeated, runs no finished stage again, and ends with the bytes of another checkout's build.
# Works in two copies of the sources that leave nothing behind. What this checkout has built comes from the disk cache,
# so run it after the tests. Arguments go to `bazel build`:
#   tools/check_caching.sh --config=ci
set -euo pipefail
cd "$(dirname "$0")/.."
options=("$@")
work=$(mktemp -d "${TMPDIR:-/tmp}/cassle_caching.XXXXXX")
client=

# stop_bazel NAME: ends a checkout's server, once.
stop_bazel() {
  [ -d "$work/$1/base" ] && [ ! -e "$work/$1/stopped" ] || return 0
  touch "$work/$1/stopped"
  (cd "$work/$1/src" && bazel --output_base="$work/$1/base" shutdown > "$work/shutdown" 2>&1) || cat "$work/shutdown" >&2
}
clean_up() {
  [ -z "$client" ] || kill -INT -- "-$client" 2> /dev/null || true
  stop_bazel first
  stop_bazel second
  chmod -R u+w "$work" && rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 75' INT TERM

fail() {
  echo "check_caching.sh: $*" >&2
  [ ! -s "$work/said" ] || { echo "Bazel said:" >&2; tail -n 40 "$work/said" >&2; }
  exit 1
}

# checkout NAME: the sources as they are here, uncommitted changes included.
checkout() {
  mkdir -p "$work/$1/src"
  git ls-files -z --cached --others --exclude-standard |
    while IFS= read -r -d '' file; do [ ! -e "$file" ] || printf '%s\0' "$file"; done |
    tar --null --files-from=- --create | tar --extract --directory="$work/$1/src"
  [ ! -e user.bazelrc ] || cp user.bazelrc "$work/$1/src"
}

# bazel_build NAME ARGUMENT...: builds in a checkout; the log of its actions goes to $work/log.
bazel_build() {
  rm -f "$work/log"
  (cd "$work/$1/src" && exec bazel --output_base="$work/$1/base" build "${options[@]}" --jobs=2 \
    --execution_log_json_file="$work/log" "${@:2}") > "$work/said" 2>&1
}

# ran: the actions of the last build that a cache of this output base did not serve, by kind: "CassleKnn=3 CassleReport=1".
ran() {
  sed -n 's/^ *"mnemonic": "\(.*\)",*$/\1/p' "$work/log" | sort | uniq -c | awk '{ print $2 "=" $1 }' | paste -sd' '
}

# expect_run WHAT EXPECTED: builds the first checkout again; exactly the expected actions run.
expect_run() {
  bazel_build first //tables/ci || fail "$1: the build failed"
  [ -e "$work/log" ] || fail "$1: Bazel wrote no log of its actions"
  [ "$(ran)" = "$2" ] || fail "$1: ran \"$(ran)\", expected \"$2\""
  echo "$1: ran ${2:-nothing}"
}

# change NAME FILE EDIT: edits a file of a checkout with sed; the edit must find its place.
change() {
  local file=$work/$1/src/$2
  cp "$file" "$work/before"
  sed -i "$3" "$file"
  ! cmp -s "$file" "$work/before" || fail "$2 has nothing for $3 to change"
}

# finished NAME: the stages of //tables/ci whose output is complete, one per line.
finished() {
  (cd "$work/$1/src/bazel-bin/tables/ci" && ls -d ./*/stage.textproto) 2> /dev/null | cut -d/ -f2 | sort
}

stages_run() { sed -n 's/^ *"progressMessage": "Stage .*\/\/tables\/ci:\(.*\)",*$/\1/p' "$work/log" | sort; }

# --- One checkout: what a change runs.
checkout first
bazel_build first //tables/ci || fail "the first build failed"
stages="CassleAugmentAndRecord=1 CassleEmbed=6 CassleKnn=3 CassleLinearProbe=3 CasslePretrain=3 CassleReport=1 CassleShardEncoder=1 CassleSpectrum=3"
[ "$(ran | grep -o 'Cassle[^ ]*' | paste -sd' ')" = "$stages" ] || fail "first build: ran \"$(ran)\", expected the stages \"$stages\""
echo "first build: ran $stages, and what they need"
expect_run "the same again" ""
change first tables/ci/BUILD 's/^PROBE = \[/&"--split_seed=1", /'
expect_run "another option of the linear probes" "CassleLinearProbe=3 CassleReport=1"
change first tables/ci/BUILD 's/^NEIGHBORS = \[/&"--temperature=0.1", /'
expect_run "another option of the nearest neighbours" "CassleKnn=3 CassleReport=1"
change first cassle/eval/on_embeddings/spectrum_stage.cc '0,/^namespace cassle/s/^namespace cassle/__attribute__((constructor)) static void Changed() { volatile int i = 1; (void)i; }\n&/'
expect_run "another program that gives the same bytes" "CassleSpectrum=3 CppCompile=1 CppLink=1"

# --- Two checkouts: the second runs every stage itself, and is interrupted. Shorter trainings do.
change first tables/ci/BUILD 's/^EPOCHS = .*/EPOCHS = 8/'
bazel_build first //tables/ci || fail "the build with shorter trainings failed"
stop_bazel first
checkout second
cp "$work/first/src/tables/ci/BUILD" "$work/second/src/tables/ci/BUILD"
uncached=--modify_execution_info='^Cassle.*=+no-cache'
bazel_build second "$uncached" //tables/ci:views || fail "the build of the second checkout failed"

# A process group of its own, as a terminal gives it, which Ctrl-C goes to.
set -m
bazel_build second "$uncached" //tables/ci &
client=$!
set +m
# Into a file and not a pipe: `grep -q` ends with the first match, and the writer would die of its next line.
until finished second > "$work/before" && grep -q '^moco_v2_cassle_model_' "$work/before" &&
  "$work/second/src/tools/watch.sh" --once > "$work/watched" 2> /dev/null &&
  grep -q 'training [0-9].* images' "$work/watched"; do
  kill -0 "$client" 2> /dev/null || fail "the build ended before it could be interrupted"
  sleep 0.2
done
kill -INT -- "-$client"
status=0
wait "$client" || status=$?
client=
[ "$status" -eq 8 ] || fail "an interrupted build ended with $status, expected 8"
finished second > "$work/before"
grep -q '^ci$' "$work/before" && fail "the build was over before it was interrupted"

bazel_build second "$uncached" //tables/ci || fail "the build after the interruption failed"
stages_run > "$work/after"
grep -q '^moco_v2_cassle_model$' "$work/after" || fail "the training that was interrupted did not run again"
again=$(comm -12 "$work/before" "$work/after")
[ -z "$again" ] || fail "ran again although finished:" $again
finished second | comm -3 - <(sort "$work/before" "$work/after") | grep . && fail "a stage neither ran nor was finished"
echo "interrupted after $(wc -l < "$work/before") stages: the build repeated ran the other $(wc -l < "$work/after")"

sums=$work/sums
(cd "$work/second/src/bazel-bin/tables/ci" && find . -type f ! -name '*.params' -print0 | sort -z | xargs -0 sha256sum) > "$sums"
grep -q ' ./ci/table.md$' "$sums" || fail "there is no table"
(cd "$work/first/src/bazel-bin/tables/ci" && sha256sum --quiet --check "$sums" >&2) || fail "two checkouts made other bytes of the same sources"
echo "two checkouts: the same $(wc -l < "$sums") files"
