#!/bin/bash
# What every stage of tools/stages.bzl does alike: help, unknown flags, inputs that are missing, README's table; and that
# those which no other end-to-end test runs do run.
readme=$PWD/README.md
list=$PWD/tests/stages.txt
source tests/lib.sh

while read -r name; do
  stage=${name//-/_}
  [ -x "bin/$stage" ] || { fail "$name is in STAGES but not among the programs"; continue; }
  grep -qF "\`$name\`" "$readme" || fail "README's table does not name $name"
  "$stage" --help > help.out 2> help.err || fail "$name --help: exit $?"
  grep -q "^$name: " help.out || fail "$name --help begins with $(head -1 help.out)"
  grep -q '^Exit codes: ' help.out || fail "$name --help tells no exit codes"
  # Whoever has read enough may go.
  { sleep 0.1; "$stage" --help 2> closed.err; echo $? > closed.code; } | true
  [ "$(cat closed.code)" -eq 0 ] && [ ! -s closed.err ] || fail "$name --help to a reader that is gone: $(cat closed.code closed.err)"
  expect 64 'unknown flag --no_such_flag' "$stage" --no_such_flag=1
  # The first input that its help names, missing.
  input=$(sed -nE 's/^  --(input|model|train|embeddings|results)=.*/\1/p' help.out | head -1)
  [ -n "$input" ] || { fail "$name names no input"; continue; }
  output=()
  ! grep -q '^  --output=' help.out || output=(--output=x)
  status=0
  "$stage" "--$input=missing" "${output[@]}" > missing.out 2> missing.err || status=$?
  { [ "$status" -eq 66 ] || [ "$status" -eq 64 ]; } || fail "$name --$input=missing: exit $status: $(cat missing.err)"
  [ "$(wc -l < missing.err)" -eq 1 ] || fail "$name --$input=missing says more than one line: $(cat missing.err)"
  [ ! -e x ] && [ ! -e x.partial ] || fail "$name --$input=missing leaves an output"
done < "$list"

quietly shard_encoder "${small_shapes[@]}" --output=images
quietly pretrain --input=images "${small_training[@]}" --epochs=1 --output=model
for split in train test; do quietly embed --model=model --input=images --split=$split --output=$split; done
quietly sgd_probe --train=train --test=test --target=hue --epochs=2 --output=sgd
quietly regression --train=train --test=test --output=regression
quietly report --names=a,b --results=sgd,regression --output=table
for title in 'Linear layer by SGD' Regression; do
  grep -qF "**$title**" table/table.md || fail "the table lacks $title: $(cat table/table.md)"
done

# A pipe gets one line of JSON, a terminal a short table, unless --json asks for the line.
on_terminal() { script -qec "$*" /dev/null < /dev/null 2> /dev/null | tr -d '\r'; }
sgd_probe --train=train --test=test --target=hue --epochs=2 --output=sgd > pipe.out 2> pipe.err
[ "$(wc -l < pipe.out)" -eq 1 ] && grep -q '^{"stage":"sgd-probe","status":"up to date"' pipe.out ||
  fail "into a pipe sgd-probe says $(cat pipe.out)"
on_terminal "sgd_probe --train=train --test=test --target=hue --epochs=2 --output=sgd 2> table.err" > table.out
grep -qx 'sgd-probe: up to date, sgd' table.out && grep -qE '^  name +value +num_test +chance$' table.out &&
  grep -qE '^  hue +[0-9.]+ % +96 +[0-9.]+ %$' table.out || fail "on a terminal sgd-probe says $(cat table.out)"
on_terminal "sgd_probe --json --train=train --test=test --target=hue --epochs=2 --output=sgd 2> json.err" > json.out
cmp -s json.out pipe.out || fail "--json on a terminal says $(cat json.out)"
finish
