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
[ ! -e none ] && [ ! -e work_of_none ] || fail "--dry_run leaves folders"
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
grep CASSLE expected.txt > expected_rows.txt
compute none --dry_run --rows=moco_v2_cassle > order.txt 2> order.err || fail "--rows: $(cat order.err)"
cmp order.txt expected_rows.txt || fail "the order of the links of a row: $(cat order.txt)"

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

# --- killed while a training stands still, and started again: the training is gone too, and only its cost is lost
command_for killed --jobs=1 --pause_while=pause
"${command[@]}" 2> killed.err &
process=$!
for _ in $(seq 300); do
  [ ! -e work_of_killed/moco_v2_cassle_1_at_1.partial ] || break
  sleep 0.1
done
touch pause
# It looks for the pause five times a second.
sleep 1
kill -KILL $process
wait $process 2> /dev/null
rm pause
compute killed --jobs=2 2> killed.err || fail "after a kill: exit $?: $(tail -3 killed.err)"
for link in killed/*; do
  case $link in
    *moco_v2_cassle_1_*) grep -q '"cpu_seconds"' "$link" && fail "$link knows what a killed training cost" ;;
    *) grep -q '"cpu_seconds"' "$link" || fail "$link has no cost" ;;
  esac
done

# --- another machine, which has what is kept, but not the models: it computes a training from its start
mkdir elsewhere
cp whole/*_at_1.json "whole/moco_v2_cassle_1_at_2.json" elsewhere
compute elsewhere --jobs=2 2> elsewhere.err || fail "elsewhere: exit $?: $(tail -3 elsewhere.err)"
for link in whole/*.json; do
  name=$(basename "$link")
  diff <(facts "$link") <(facts "parts/$name") || fail "$name differs after an interruption"
  diff <(facts "$link") <(facts "killed/$name") || fail "$name differs after a kill"
  diff <(facts "$link" | grep -v begin_) <(facts "elsewhere/$name" | grep -v begin_) || fail "$name differs elsewhere"
done

# --- two in one folder
mkdir work_of_held
flock work_of_held sleep 600 &
process=$!
sleep 0.5
compute held 2> held.err
[ $? = 73 ] && grep -q 'work_of_held is being worked in by another run' held.err || fail "two at once: $(cat held.err)"
kill $process

# --- time that is over, and a pause
touch pause
compute paused --minutes=0.4 --pause_while=pause 2> paused.err
[ $? = 75 ] && [ -z "$(ls paused)" ] || fail "paused: $(cat paused.err)"

# --- mistakes
mistake() {
  local code=$1 pattern=$2
  shift 2
  "$@" > mistake.out 2> mistake.err
  [ $? = "$code" ] && [ "$(wc -l < mistake.err)" = 1 ] && grep -qE -- "$pattern" mistake.err || fail "$*: $(cat mistake.err)"
}
mistake 64 'no_such' compute whole --no_such=1
mistake 64 '--minutes=0.2: a training takes 20 s' compute whole --minutes=0.2
mistake 64 '--minutes=nan: ' compute whole --minutes=nan
mistake 64 '--jobs=-1: ' compute whole --jobs=-1
mistake 64 "--rows: 'mocov2' is no row; there are moco_v2_none, moco_v2_cassle" compute whole --rows=moco_v2_none,mocov2
mistake 66 'nowhere.json does not exist' compute whole --plan=nowhere.json
echo '{"rows": []}' > table.json
mistake 64 'table.json is no plan of trainings to compute' compute whole --plan=table.json
# Models of other flags than are planned now.
mkdir unkept
sed 's/--batch_size=32/--batch_size=64/' "$root/tables/length/tiny.json" > replanned.json
mistake 65 '/whole/.*json: it was trained with other flags' compute whole --plan=replanned.json --kept="$PWD/whole"
compute whole --plan=replanned.json --kept=unkept --jobs=1 2> unkept.err
[ $? = 73 ] && grep -q 'moco_v2_none_1_at_2 exists and was made .*--batch_size: 32 there, 64 now.*; remove it to train' unkept.err ||
  fail "other flags than those of what is finished: $(cat unkept.err)"
# What the page refuses.
link=whole/moco_v2_none_1_at_1.json
cp "$link" good.json
sed -i 's/"dataset_fingerprint": ".*"/"dataset_fingerprint": "other"/' whole/*.json
mistake 65 "'shapes [a-z]*' was tested on other images .other. than would be now" compute whole --dry_run
cp good.json "$link"
mistake 65 'was tested on different images' compute whole
mv "$link" whole/moco_v2_none_3_at_1.json
mistake 65 'rename it to moco_v2_none_1_at_1.json' compute whole
rm whole/moco_v2_none_3_at_1.json
echo '{' > "$link"
mistake 65 'moco_v2_none_1_at_1.json is no kept link' compute whole

cd / && rm -rf "$work"
[ "$failures" = 0 ] || { echo "$failures failures" >&2; exit 1; }
