#!/usr/bin/env bash
# One training by one process on two threads, and by two ranks on one thread each: over loopback, and as two hosts
# (network namespaces of this machine, joined by a cable shaped to 1 Gbit/s; needs root and iproute2, else that part is
# reported as skipped). Images per second of the second epoch (the first makes kernels and memory) in alternating
# rounds; prints a Markdown table of medians, ratios and of how much of the gradients' way was hidden behind the backward
# pass; exit code 1 if a bar is missed. See docs/benchmarks.md.
#   tools/bench_ranks.sh [--rounds=5] [--workload=all|resnet18|resnet50] [--gbit=1]
# Environment: BUILT (a bazel-bin to take programs from; default: builds them).
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=5 workload=all gbit=1
for argument in "$@"; do
  case $argument in
    --rounds=[1-9]*) rounds=${argument#*=} ;;
    --workload=all | --workload=resnet18 | --workload=resnet50) workload=${argument#*=} ;;
    --gbit=*) gbit=${argument#*=} ;;
    *) sed -n '2,/^set/p' tools/bench_ranks.sh | sed -n 's/^# \{0,1\}//p' >&2; exit 64 ;;
  esac
done
if [ -z "${BUILT:-}" ]; then
  flags=$(tools/find_libtorch.sh --flags)
  bazel build ${flags:+"$flags"} --noshow_progress //cassle/ssl:pretrain //cassle/data:shard-encoder >&2
  BUILT=$(bazel info bazel-bin 2> /dev/null)
elif [[ $BUILT != /* ]]; then
  # From where this was called.
  BUILT=$OLDPWD/$BUILT
fi
pretrain=$(readlink -f "$BUILT/cassle/ssl/pretrain") encoder=$(readlink -f "$BUILT/cassle/data/shard-encoder")
work=$(mktemp -d)
spaces=()
clean() {
  for space in ${spaces[@]+"${spaces[@]}"}; do ip netns delete "$space" 2> /dev/null || true; done
  rm -rf "$work"
}
trap clean EXIT
cd "$work"
# quietly COMMAND...: its messages only if it fails, and then the end.
quietly() { "$@" > /dev/null 2> run.err || { cat run.err >&2; exit 1; }; }
quietly "$encoder" --source=shapes --shapes.num_train=768 --shapes.num_test=8 --output=small
quietly "$encoder" --source=shapes --shapes.num_train=128 --shapes.num_test=8 --output=large
method=(--method=moco_v2 --conditioning=mlp --epochs=2 --checkpoint_every_epochs=0 --compute_threads=2)
resnet18=(--input=small --policy=cifar --backbone.architecture=resnet18 --batch_size=128)
resnet50=(--input=large --policy=imagenet --backbone.architecture=resnet50 --batch_size=16
  --set=method.moco_v2.queue_size=1024)

hosts=
if [ "$(id -u)" = 0 ] && command -v ip > /dev/null && command -v tc > /dev/null; then
  a=cassle_a_$$ b=cassle_b_$$
  if ip netns add $a 2> /dev/null && spaces+=($a) && ip netns add $b && spaces+=($b); then
    ip link add va netns $a type veth peer name vb netns $b
    for side in a:1 b:2; do
      space=cassle_${side%:*}_$$ cable=v${side%:*}
      ip -n "$space" address add "10.77.0.${side#*:}/24" dev "$cable"
      ip -n "$space" link set lo up
      ip -n "$space" link set "$cable" up
      ip netns exec "$space" tc qdisc add dev "$cable" root tbf rate "${gbit}gbit" burst 256kb latency 50ms
    done
    hosts=yes
  fi
fi
[ -n "$hosts" ] || echo "bench_ranks.sh: two hosts: skipped, needs root, ip and tc" >&2

# rate NAME: of the run in NAME.err.
rate() { sed -n 's/.*learning rate [^,]*, \([0-9.]*\) images\/s.*/\1/p' "$1.err" | tail -1; }
# spent RUN NAME: seconds of the costs.
spent() { grep -A1 "name: \"$2\"" "$1/stage.textproto" | sed -n 's/.*seconds: //p'; }
# measure KIND ARGUMENT...: one run; prints images per second.
measure() {
  local kind=$1
  shift
  rm -rf run
  case $kind in
    one) quietly "$pretrain" "$@" "${method[@]}" --output=run ;;
    loopback*) quietly "$pretrain" "$@" "${method[@]}" --ranks=2 --output=run ;;
    hosts*)
      local ranks=(--ranks=2 --launch.local_ranks=2 --launch.host=10.77.0.1)
      [ "$kind" = hosts ] || ranks+=(--compress_gradients)
      ip netns exec "$b" "$pretrain" "$@" "${method[@]}" "${ranks[@]}" --launch.rank=1 --output=run > /dev/null 2>&1 &
      (quietly ip netns exec "$a" "$pretrain" "$@" "${method[@]}" "${ranks[@]}" --launch.rank=0 --output=run) ||
        { kill $! 2> /dev/null || true; exit 1; }
      wait
      ;;
  esac
  rate run
}
median() { sort -g | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

missed=0
echo "| network | ranks | images/s | of one process | gradients under way, waited for (s) |"
echo "|---|---|---|---|---|"
for name in resnet18 resnet50; do
  [ "$workload" = all ] || [ "$workload" = $name ] || continue
  declare -n arguments=$name
  kinds=(loopback ${hosts:+hosts hosts_compressed})
  rm -f ./*.rates ./*.ratios
  for _ in $(seq "$rounds"); do
    one=$(measure one "${arguments[@]}")
    echo "$one" >> one.rates
    for kind in "${kinds[@]}"; do
      two=$(measure "$kind" "${arguments[@]}")
      echo "$two" >> $kind.rates
      awk -v a="$two" -v b="$one" 'BEGIN { print a / b }' >> $kind.ratios
      echo "$(spent run ranks.gradients_under_way) $(spent run ranks.waited_for_gradients)" > $kind.hidden
    done
  done
  echo "| $name | one process, 2 threads | $(median < one.rates) | 1 | |"
  for kind in "${kinds[@]}"; do
    ratio=$(median < $kind.ratios)
    bar=0.95
    [ $kind = loopback ] || bar=0.9
    awk -v r="$ratio" -v b=$bar 'BEGIN { exit r >= b }' && { missed=1; verdict="(bar $bar: NO)"; } || verdict="(bar $bar)"
    echo "| $name | $kind | $(median < $kind.rates) | $ratio $verdict | $(cat $kind.hidden) |"
  done
done
exit $missed
