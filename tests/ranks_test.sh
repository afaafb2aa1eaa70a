#!/bin/bash
# Several processes that train one model, as users start them: the same training on any number of ranks, the same bytes
# for the same number, whatever is killed on the way, and one line for what cannot work.
source tests/lib.sh
RANDOM=20261128
# A flag may name another input, which only a file may have named before.
echo 'input: "images"' > on_images.textproto
training=(--config=on_images.textproto "${small_training[@]}" --precision=float32)

quietly shard_encoder "${small_shapes[@]}" --output=images

# losses MODEL: of the first 5 steps.
losses() { sed -n 's/.*"loss":\([0-9.]*\).*/\1/p' "$1/metrics.jsonl" | head -5; }

for ranks in 1 2 3; do
  quietly pretrain "${training[@]}" --epochs=1 --log_every_steps=1 --ranks=$ranks --output=by_$ranks
  [ "$(losses by_$ranks | wc -l)" = 5 ] || fail "by_$ranks has no 5 steps"
  paste <(losses by_1) <(losses by_$ranks) |
    awk '{ d = ($1 - $2) / $1; if (d > 1e-4 || d < -1e-4) { print; bad = 1 } } END { exit bad }' ||
    fail "the losses of $ranks ranks are not those of one"
done
grep -q '2 ranks' by_2/stage.textproto || fail "the output does not say how many ranks made it"
expect 0 'up to date' pretrain "${training[@]}" --epochs=1 --log_every_steps=1 --ranks=3 --output=by_2
# Gradients that are rounded on their way are another training.
rounded=("${training[@]}" --epochs=1 --log_every_steps=1 --compress_gradients)
expect 73 'other options \(--compress_gradients: not set there, true now\)' pretrain "${rounded[@]}" --ranks=2 --output=by_2
expect 64 'compress_gradients is for several ranks' pretrain "${rounded[@]}" --output=alone

run=("${training[@]}" --epochs=2 --checkpoint_every_steps=3)
start=$(date +%s%N)
quietly pretrain "${run[@]}" --ranks=2 --output=undisturbed
milliseconds=$((($(date +%s%N) - start) / 1000000))
quietly pretrain "${run[@]}" --ranks=2 --output=again
same undisturbed again
# Who goes on alone has the bits of neither, and says so.
quietly pretrain "${run[@]}" --ranks=2 --stop_epoch=1 --output=begun
quietly pretrain "${run[@]}" --begin=begun --output=gone_on
grep -q 'computed by 2 ranks on the processor, then by one process on the processor' gone_on/stage.textproto ||
  fail "the output does not say that two and then one made it"

# Children of a process.
followers() { pgrep -P "$1"; }
# await FILE: until there is one that FILE (a pattern) matches.
await() { for _ in $(seq 300); do compgen -G "$1" > /dev/null && return; sleep 0.1; done; fail "no $1"; }

# SIGTERM at any rank stops all, after the step, with a checkpoint.
for victim in leader follower; do
  pretrain "${run[@]}" --ranks=2 --output=stopped > /dev/null 2> stopped.err &
  pid=$!
  await 'stopped.partial/checkpoint-*'
  if [ $victim = leader ]; then kill -TERM $pid; else kill -TERM "$(followers $pid)"; fi
  wait $pid
  code=$?
  if [ $code = 0 ]; then rm -rf stopped; echo "$victim: it was faster"; continue; fi
  [ $code = 75 ] && grep -q 'interrupted after step' stopped.err || fail "$victim: exit $code: $(tail -1 stopped.err)"
  # With another number of ranks it goes on too; with the same it ends with the same bytes.
  [ $victim = follower ] || cp -r stopped.partial other.partial
  quietly pretrain "${run[@]}" --ranks=2 --output=stopped
  same undisturbed stopped
  rm -rf stopped
  [ $victim = follower ] || quietly pretrain "${run[@]}" --ranks=3 --output=other
done

# SIGKILL of any rank at any time.
kills=0
while [ $kills -lt 50 ]; do
  pretrain "${run[@]}" --ranks=2 --output=killed > /dev/null 2> killed.err &
  pid=$!
  delay=$((RANDOM % (milliseconds * 5 / 4)))
  sleep "$(printf '%d.%03d' $((delay / 1000)) $((delay % 1000)))"
  victim=$pid
  [ $((RANDOM % 2)) = 0 ] || victim=$(followers $pid)
  kill -KILL ${victim:-$pid} 2> /dev/null && kills=$((kills + 1))
  begin=$(date +%s)
  wait $pid 2> /dev/null
  code=$?
  [ $(($(date +%s) - begin)) -le 30 ] || fail "it took $(($(date +%s) - begin)) s to end"
  case $code in
    0) same undisturbed killed; rm -rf killed ;;
    137) ;;
    75) tail -1 killed.err | grep -qE 'rank 1 .*signal 9 .*(goes on|before it began)' || fail "said $(tail -1 killed.err)" ;;
    *) fail "exit $code: $(tail -1 killed.err)" ;;
  esac
done
quietly pretrain "${run[@]}" --ranks=2 --output=killed
same undisturbed killed
echo "50 kills in runs of $milliseconds ms"
sleep 1
[ -z "$(pgrep -f "$work.*--output=killed")" ] || fail "a rank is left over"

# A rank that hangs.
pretrain "${run[@]}" --epochs=500 --ranks=2 --launch.timeout_seconds=3 --output=hung > /dev/null 2> hung.err &
pid=$!
await 'hung.partial/checkpoint-*'
kill -STOP "$(followers $pid)"
wait $pid
code=$?
[ $code = 75 ] && tail -1 hung.err | grep -q 'rank 1 (host .*does not answer' ||
  fail "a rank that hangs: exit $code: $(tail -1 hung.err)"

# Ranks that somebody else starts. rank R SIZE ARGUMENT...
port=$((20000 + RANDOM % 10000))
# A command, not a function: it is killed below.
cat > bin/rank << END
#!/bin/bash
export RANK=\$1 WORLD_SIZE=\$2 LOCAL_RANK=\$1 LOCAL_WORLD_SIZE=\$2 MASTER_PORT=$port
shift 2
exec "\${program:-pretrain}" "\$@"
END
chmod +x bin/rank
expect 75 'rank 1 of 2 has not come within 1s' rank 0 2 "${run[@]}" --launch.wait_seconds=1 --output=x
expect 75 "rank 0 does not answer at 127.0.0.1:$port" rank 1 2 "${run[@]}" --launch.wait_seconds=1 --output=x
expect 64 'RANK but no WORLD_SIZE' env RANK=1 bin/pretrain "${run[@]}" --output=x
expect 64 'torchrun started 2' rank 0 2 "${run[@]}" --ranks=3 --output=x
expect 64 'the 32 images of a batch are too few for 33 ranks' pretrain "${run[@]}" --ranks=33 --output=x

# sockets STATE COUNT: until so many of the port are in it: 0A, listening; 01, connected, of which rank 0 has one itself.
sockets() {
  local pattern
  pattern=$(printf ':%04X [0-9A-F]+:[0-9A-F]{4} %s ' "$port" "$1")
  for _ in $(seq 300); do
    [ "$(cat /proc/net/tcp /proc/net/tcp6 | grep -cE "$pattern")" -ge "$2" ] && return
    sleep 0.1
  done
  fail "port $port has no $2 sockets in state $1"
}
# A rank is interrupted while it looks for rank 0, which is not there.
rank 1 3 "${run[@]}" --output=waiting > /dev/null 2> other.err &
other=$!
sleep 2
kill -TERM $other
wait $other
[ $? = 75 ] && grep -q 'interrupted before the first step' other.err || fail "rank 1 without a rank 0: $(cat other.err)"
# Rank 0 is interrupted before all have come: no launcher may take the others for done.
rank 0 3 "${run[@]}" --output=waiting > /dev/null 2> first.err &
first=$!
sockets 0A 1
expect 75 "port $port cannot be served .*is another run using it" rank 0 3 "${run[@]}" --output=x
rank 1 3 "${run[@]}" --output=waiting > /dev/null 2> other.err &
other=$!
sockets 01 2
kill -TERM $first
wait $first
[ $? = 75 ] && tail -1 first.err | grep -q 'interrupted before all ranks came' || fail "rank 0 interrupted: $(cat first.err)"
wait $other
[ $? = 75 ] && grep -q 'rank 0 .* was interrupted before all ranks had come' other.err &&
  [ "$(wc -l < other.err)" = 1 ] || fail "rank 1 of one that was interrupted: $(cat other.err)"

# together CODE PATTERN -- LEADER... -- OTHER...: two ranks with arguments of their own; the pattern is that of rank 0,
# and the other says nothing.
together() {
  local code=$1 pattern=$2 first=() other=() status=0
  shift 3
  while [ "$1" != -- ]; do first+=("$1"); shift; done
  shift
  other=("$@")
  program=${another:-} rank 1 2 "${run[@]}" "${other[@]}" > /dev/null 2> other.err &
  local pid=$!
  rank 0 2 "${run[@]}" "${first[@]}" > /dev/null 2> first.err || status=$?
  wait $pid
  [ $? = "$code" ] || fail "together $pattern: rank 1: not exit $code: $(cat other.err)"
  [ $status = "$code" ] || fail "together $pattern: exit $status"
  tail -1 first.err | grep -qE "$pattern" || fail "said \"$(tail -1 first.err)\", expected /$pattern/"
  [ ! -s other.err ] || fail "rank 1 said $(cat other.err)"
}
together 64 'rank 1 .* differs from rank 0 in options \(seed: 3 against seed: 0\)' -- --output=x -- --seed=3 --output=x
quietly shard_encoder "${small_shapes[@]}" --shapes.seed=9 --output=others
together 64 'rank 1 .* differs from rank 0 in --input' -- --output=x -- --input=others --output=x
together 64 'differs from rank 0 in options \(policy: "stl10" against policy: "cifar"\)' -- --output=x -- --policy=stl10 --output=x
# Another program: the same, and a byte.
cp "$(readlink -f bin/pretrain)" another_pretrain
echo >> another_pretrain
another=./another_pretrain together 64 'rank 1 .* differs from rank 0 in program' -- --output=x -- --output=x
together 66 'rank 1.*: --input: nowhere' -- --output=x -- --input=nowhere --output=x
together 0 'up to date' -- --output=undisturbed -- --output=undisturbed
together 73 'with other' -- --output=by_1 -- --output=by_1
[ ! -e x ] && [ ! -e x.partial ] || fail "something is left of ranks that differ"

# The rank that keeps the output dies or hangs: the others say so and end.
for signal in KILL STOP; do
  rm -rf headless.partial
  rank 0 2 "${run[@]}" --epochs=500 --launch.timeout_seconds=3 --output=headless > /dev/null 2>&1 &
  first=$!
  rank 1 2 "${run[@]}" --epochs=500 --launch.timeout_seconds=3 --output=headless > /dev/null 2> other.err &
  other=$!
  await 'headless.partial/checkpoint-*'
  kill -$signal $first
  wait $other
  [ $? = 75 ] && grep -q 'rank 0 .* has gone' other.err || fail "$signal of rank 0: $(cat other.err)"
  kill -KILL $first 2> /dev/null
  wait $first 2> /dev/null
done

# torchrun: that of the LibTorch in use, which need not be there.
if command -v torchrun > /dev/null; then
  # --redirects and --tee: that of Debian 12 trips over its own default of them (Python 3.11).
  quietly torchrun --nproc_per_node=2 --master_port=$port --redirects=1 --tee=1 --log_dir=torchrun --no_python \
    bin/pretrain "${run[@]}" --output=by_torchrun
  same undisturbed by_torchrun
else
  echo "skipped: there is no torchrun (python3-torch)"
fi

quietly fine_tune --input=images --model=undisturbed --epochs=1 --batch_size=32 --compute_threads=1 --ranks=2 \
  --output=tuned
quietly fine_tune --input=images --model=undisturbed --epochs=1 --batch_size=32 --compute_threads=1 --ranks=2 \
  --output=tuned_again
same tuned tuned_again
# Batches are measured where they fall and written in order: not a byte depends on ranks.
quietly embed --model=undisturbed --input=images --batch_size=48 --output=embedded
quietly embed --model=undisturbed --input=images --batch_size=48 --ranks=3 --output=embedded_by_3
same embedded embedded_by_3
# It saves nothing on the way: a rank that is lost ends it, at any moment with one line.
for kill in $(seq 6); do
  embed --model=undisturbed --input=images --batch_size=1 --ranks=2 --output=embedded_by_2 > embed.out 2> embed.err &
  pid=$!
  until victim=$(followers $pid) || ! kill -0 $pid 2> /dev/null; do sleep 0.05; done
  sleep "$((kill / 4)).$((3 * kill % 10))"
  kill -KILL ${victim:-$pid} 2> /dev/null
  wait $pid 2> /dev/null
  code=$?
  case $code in
    0) rm -rf embedded_by_2 ;;
    75) tail -1 embed.err | grep -qE 'rank 1 .*signal 9 ' || fail "said $(tail -1 embed.err)" ;;
    *) fail "exit $code: $(tail -1 embed.err)" ;;
  esac
done
finish
