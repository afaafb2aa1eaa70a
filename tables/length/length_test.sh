#!/bin/bash
# tools/length/run.py on a plan of seconds: what it computes, in which order, and that stopping it in the middle, another
# folder of work, or a pause change nothing that is kept.
set -u
work=$(mktemp -d "${TEST_TMPDIR:-/tmp}/length.XXXXXX")
root=$PWD
cd "$work" || exit 1
failures=0
fail() { echo "FAILED: $*" >&2; failures=$((failures + 1)); }
# run.py as "$!" of a background job, too.
command_for() {
  command=(python3 "$root/tools/length/run.py" --plan="$root/tables/length/tiny.json" --root="$root" --work="work_of_$1" --kept="$1"
    --commit=abc "${@:2}")
}
compute() {
  command_for "$@"
  "${command[@]}"
}
# What a kept link says but for its costs.
facts() { grep -vE '_seconds"|"energy_joules"|"machine"' "$1"; }

# --- the order: all rows of a seed, and the next seed a length behind
compute none --dry_run > order.txt 2> order.err || fail "--dry_run: $(cat order.err)"
cat > expected.txt << 'END'
MoCo-v2, seed 1, 1 epochs
MoCo-v2 + CASSLE, seed 1, 1 epochs
MoCo-v2, seed 1, 2 epochs
MoCo-v2 + CASSLE, seed 1, 2 epochs
MoCo-v2, seed 2, 1 epochs
MoCo-v2 + CASSLE, seed 2, 1 epochs
MoCo-v2, seed 2, 2 epochs
MoCo-v2 + CASSLE, seed 2, 2 epochs
END
diff expected.txt order.txt || fail "another order"

grep " 1 epochs" expected.txt > expected_short.txt
compute none --dry_run --epochs=1 > order.txt 2> order.err || fail "--epochs=1: $(cat order.err)"
cmp order.txt expected_short.txt || fail "the order of links of one epoch: $(cat order.txt)"
if compute none --dry_run --epochs=-1 2> order.err; then fail "--epochs=-1 is taken"; fi
grep -q -- "--epochs=-1: the shortest link has 1" order.err || fail "--epochs=-1: $(cat order.err)"

# --- all of it at once
compute whole --jobs=2 2> whole.err || fail "exit $?: $(tail -3 whole.err)"
[ "$(ls whole | wc -l)" = 8 ] || fail "kept: $(ls whole)"
[ -z "$(compute whole --dry_run)" ] || fail "something is missing of the whole"
# Of each training the newest link is left to go on from, and nothing of its probes.
left=$(cd work_of_whole && echo */)
[ "$left" = "moco_v2_cassle_1_at_2/ moco_v2_cassle_2_at_2/ moco_v2_none_1_at_2/ moco_v2_none_2_at_2/" ] || fail "left: $left"
# Links of one training are a chain.
one=$(sed -n 's/.*"model_fingerprint": "\(.*\)",/\1/p' "whole/moco_v2_none_1_at_1.json")
[ -n "$one" ] && grep -q "\"begin_fingerprint\": \"$one\"" "whole/moco_v2_none_1_at_2.json" || fail "no chain from '$one'"
grep -qE '"cpu_seconds": 0(\.0)?,' whole/*.json && fail "a training that cost nothing"

# --- the curves of it
list=$(echo whole/*.json | tr ' ' ,)
"$root/cassle/eval/learning-curves" --plan="$root/tables/length/tiny.json" --results="$list" --output=curves > /dev/null 2> curves.err ||
  fail "learning-curves: $(cat curves.err)"
grep -q 'not yet' curves/curves.md && fail "$(grep 'not yet' curves/curves.md)"
grep -q 'another run' curves.err && fail "$(cat curves.err)"
[ "$(grep -c '^| MoCo-v2 + CASSLE | 2 | ' curves/curves.md)" = 4 ] || fail "curves.md: $(cat curves/curves.md)"

# --- interrupted in the midst of trainings, and started again
command_for parts --jobs=1
"${command[@]}" 2> parts.err &
process=$!
for _ in $(seq 300); do
  [ ! -e work_of_parts/moco_v2_cassle_1_at_1.partial ] || break
  sleep 0.1
done
kill -TERM $process
wait $process
code=$?
[ $code = 75 ] || fail "interrupted, exit $code: $(cat parts.err)"
[ "$(ls parts)" = moco_v2_none_1_at_1.json ] || fail "kept after the interruption: $(ls parts)"
compute parts --jobs=2 2> parts.err || fail "again: exit $?: $(tail -3 parts.err)"

# --- another machine, which has what is kept, but not the models: it computes a training from its start
mkdir elsewhere
cp whole/*_at_1.json "whole/moco_v2_cassle_1_at_2.json" elsewhere
compute elsewhere --jobs=2 2> elsewhere.err || fail "elsewhere: exit $?: $(tail -3 elsewhere.err)"
for link in whole/*.json; do
  name=$(basename "$link")
  diff <(facts "$link") <(facts "parts/$name") || fail "$name differs after an interruption"
  diff <(facts "$link" | grep -v begin_) <(facts "elsewhere/$name" | grep -v begin_) || fail "$name differs elsewhere"
done

# --- time that is over, and a pause
compute late --minutes=0.001 2> late.err
[ $? = 75 ] && [ -z "$(ls late)" ] || fail "late: $(cat late.err)"
touch pause
compute paused --minutes=0.4 --pause_while=pause 2> paused.err
[ $? = 75 ] && [ -z "$(ls paused)" ] || fail "paused: $(cat paused.err)"

# --- mistakes
mistake() {
  local code=$1 pattern=$2
  shift 2
  "$@" > mistake.out 2> mistake.err
  [ $? = "$code" ] && [ "$(wc -l < mistake.err)" = 1 ] && grep -qE "$pattern" mistake.err || fail "$*: $(cat mistake.err)"
}
sed -i 's/--method=moco_v2/--method=simclr/' "whole/moco_v2_none_1_at_1.json"
mistake 65 'moco_v2_none_1_at_1.json was trained with other flags' compute whole
echo '{' > "whole/moco_v2_none_1_at_1.json"
mistake 65 'no JSON' compute whole
mistake 64 'no_such' compute whole --no_such=1
mistake 66 'nowhere.json does not exist' compute whole --plan=nowhere.json

cd / && rm -rf "$work"
[ "$failures" = 0 ] || { echo "$failures failures" >&2; exit 1; }
