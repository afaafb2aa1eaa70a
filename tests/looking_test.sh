#!/bin/bash
# docs/looking.md: every command there is typed, in its order, at trainings that are going on, are done or have failed.
page=$PWD/docs/looking.md
source tests/lib.sh
PATH=$stages/augment:$stages/ssl:$stages/eval:$PATH

quietly shard_encoder "${small_shapes[@]}" --output=images
training=(--input=images "${small_training[@]}")
quietly pretrain "${training[@]}" --epochs=1 --base_lr=0.02 --output=other
quietly augment_and_record --input=images --policy=cifar --epochs=1 --output=views
quietly pretrain "${training[@]}" --views=views --epochs=1 --output=from_views

commands=$(grep -E '^    [a-z]+(-[a-z]+)* --' "$page" | sed -E 's/^ +//')
[ "$(wc -l <<< "$commands")" -eq 5 ] || fail "the page has other commands than this test knows: $commands"

# The first of them while `model` is trained: the page reloads itself, then it does not.
pretrain "${training[@]}" --epochs=6 --log_every_steps=1 --output=model > /dev/null 2> model.err &
trainer=$!
for _ in $(seq 300); do [ -s model.partial/metrics.jsonl ] && break; sleep 0.1; done
[ "$(cat "/proc/$trainer/comm")" = pretrain ] || fail "where processes are listed it is called $(cat "/proc/$trainer/comm")"
first=$(head -1 <<< "$commands")
bash -c "$first --follow_seconds=0.2" > follow.out 2> follow.err < /dev/null &
follower=$!
seen=
for _ in $(seq 600); do
  if [ -s page.html ]; then
    # As a browser would: the whole page or none.
    tail -1 page.html | grep -qx '</html>' || fail "half a page"
    if grep -q 'http-equiv="refresh"' page.html && grep -qE 'model.partial: epoch [1-6] of 6, step [0-9]+, going on' page.html; then
      seen="$seen $(grep -oE 'step [0-9]+, going on' page.html)"
    fi
  fi
  kill -0 $follower 2> /dev/null || break
  sleep 0.1
done
wait $trainer || fail "pretrain: $(cat model.err)"
wait $follower || fail "$first: $(cat follow.err)"
[ "$(tr ',' '\n' <<< "$seen" | grep -oE 'step [0-9]+' | sort -u | wc -l)" -ge 2 ] ||
  fail "the page did not go on with the run:$seen"
! grep -q 'http-equiv="refresh"' page.html || fail "the page of a finished run loads itself again"
cmp page.html report/report.html || fail "the last page is not the report's"

while read -r command; do
  bash -c "$command" > said 2>&1 < /dev/null || fail "$command (exit $?): $(cat said)"
done <<< "$commands"

grep -q '<h3>What differs</h3>' side_by_side/report.html || fail "no table of what differs"
grep -qE '<th scope="row">base_lr</th><td>[0-9.]+</td><td>0.02</td>' side_by_side/report.html || fail "base_lr does not differ"
grep -q '>slow<' both/report.html || fail "no legend"
[ "$(grep -o '<svg' side_by_side/report.html | wc -l)" -ge 5 ] || fail "too few curves"

# Step 7 of 60, also of a run of two ranks that was stopped; and of recorded views.
[ "$(head -c 8 step_7/batch-00000-of-00001.png | od -An -tx1 | tr -d ' \n')" = 89504e470d0a1a0a ] || fail "no picture"
grep -qx 'step: 7' step_7/batch.textproto && [ "$(grep '^image_ids:' step_7/batch.textproto | tr ',' '\n' | wc -l)" -eq 32 ] ||
  fail "step_7: $(head -5 step_7/batch.textproto)"
grep -q '"step 7 is batch 7 of 10 of epoch 1"' step_7/stage.textproto || fail "step_7 does not say where it is"
pretrain "${training[@]}" --epochs=6 --log_every_steps=1 --ranks=2 --output=ranks > /dev/null 2>&1 &
trainer=$!
for _ in $(seq 300); do [ -s ranks.partial/metrics.jsonl ] && break; sleep 0.1; done
kill -TERM $trainer
wait $trainer
quietly augment_and_record --run=ranks.partial --step=7 --input=images --output=step_7_of_ranks
same step_7 step_7_of_ranks
expect 75 'is not finished, and no process works at it' report --results=ranks.partial --follow=stopped.html --output=x
grep -q 'stopped</p>' stopped.html || fail "the page does not say that the run was stopped"

# A loss that is not a number: its batch is one command away, the one that the message has.
mkdir 'my runs'
pretrain "${training[@]}" --base_lr=1e30 --epochs=1 --output='my runs/nan' > nan.out 2> nan.err
[ $? -eq 65 ] || fail "a diverged run: exit $?"
command=$(grep -oE "augment-and-record --run=.*" nan.err)
[ -n "$command" ] || fail "the message has no command: $(tail -1 nan.err)"
bash -c "$command" > said 2>&1 || fail "$command: $(cat said)"
step=$(grep -oE 'step [0-9]+ \(epoch' nan.err | grep -oE '[0-9]+')
[ -s "step_$step/batch-00000-of-00001.png" ] || fail "no picture of step $step"

expect 64 'has steps 1 to 60' augment_and_record --run=model --step=61 --input=images --output=x
expect 66 'nothing does not exist' augment_and_record --run=nothing --step=1 --input=images --output=x
expect 66 'nothing does not exist' report --results=nothing --follow=x.html --output=x
finish
