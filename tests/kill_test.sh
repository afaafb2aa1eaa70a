#!/bin/bash
# SIGKILL at random moments of every stage: what is left, no other stage accepts; started again the stage finishes; the
# bytes are those of an undisturbed run, training included.
source tests/lib.sh
RANDOM=20261122
total_kills=0

# kill_often OUTPUT CONSUMER... -- COMMAND...: COMMAND must write OUTPUT. CONSUMER is a command that would read it.
kill_often() {
  local output=$1 consumer=() start milliseconds delay pid kills=0
  shift
  while [ "$1" != -- ]; do consumer+=("$1"); shift; done
  shift
  start=$(date +%s%N)
  quietly "$@" --output="undisturbed_$output"
  milliseconds=$((($(date +%s%N) - start) / 1000000 + 50))
  for round in 1 2 3 4 5 6 7 8; do
    ( exec "$@" --output="$output" > /dev/null 2>&1 ) &
    pid=$!
    # Up to the length of a whole run, so that every phase is met.
    delay=$((RANDOM % milliseconds))
    sleep "$(printf '%d.%03d' $((delay / 1000)) $((delay % 1000)))"
    kill -KILL $pid 2> /dev/null
    wait $pid 2> /dev/null || kills=$((kills + 1))
    if [ -e "$output" ]; then
      # It was faster, or died after its last step.
      same "undisturbed_$output" "$output"
      rm -rf "$output"
    elif [ -d "$output.partial" ]; then
      expect 66 'is unfinished' "${consumer[@]/@/$output}"
      expect 66 'not a complete stage output' "${consumer[@]/@/$output.partial}"
    fi
  done
  quietly "$@" --output="$output"
  same "undisturbed_$output" "$output"
  [ ! -e "$output.partial" ] || fail "$output.partial is left over"
  echo "$output: killed $kills times in a run of $milliseconds ms"
  total_kills=$((total_kills + kills))
}

kill_often images augment_and_record --policy=cifar --output=never --input=@ -- shard_encoder "${small_shapes[@]}"
kill_often views pretrain "${small_training[@]}" --output=never --input=images --views=@ -- \
  augment_and_record --input=images --policy=cifar --epochs=2 --store=png --records_per_shard=200
kill_often model embed --input=images --output=never --model=@ -- \
  pretrain --input=images "${small_training[@]}" --epochs=2 --checkpoint_every_steps=3
kill_often fine_tuned embed --input=images --output=never --model=@ -- \
  fine_tune --model=model --input=images --epochs=2 --batch_size=32 --compute_threads=1 --checkpoint_every_steps=3
for split in train test; do
  quietly embed --model=model --input=images --split=$split --output=$split
done
kill_often embeddings linear_probe --test=test --output=never --train=@ -- \
  embed --model=model --input=images --split=train
kill_often probe report --names=row --output=never --results=@ -- linear_probe --train=train --test=test --target=all
kill_often table report --names=row --output=never --results=@ -- report --names=row --results=probe

[ "$total_kills" -ge 10 ] || fail "only $total_kills kills hit a running stage: the test proves nothing"
finish
