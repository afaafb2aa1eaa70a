#!/bin/bash
# Two machines that train one model: network namespaces of this one, joined by a cable (veth) and with addresses of their
# own. The same bytes as two ranks of one machine; a cable that breaks ends both sides. Needs root and iproute2.
source tests/lib.sh
[ "$(id -u)" = 0 ] || { echo "skipped: network namespaces need root"; exit 0; }
PATH=$PATH:/usr/sbin:/sbin
command -v ip > /dev/null || { echo "skipped: there is no ip (tools/install_deps.sh --network)"; exit 0; }
hosts=(cassle_0_$$ cassle_1_$$)
trap 'for host in "${hosts[@]}"; do ip netns delete "$host" 2> /dev/null; done' EXIT
{
  ip netns add "${hosts[0]}" && ip netns add "${hosts[1]}" &&
    ip link add cable netns "${hosts[0]}" type veth peer name cable netns "${hosts[1]}"
} 2> netns.err || { echo "skipped: no two network namespaces with a cable here: $(tail -1 netns.err)"; exit 0; }
for i in 0 1; do
  ip -n "${hosts[i]}" address add "10.79.0.$((i + 1))/24" dev cable
  ip -n "${hosts[i]}" link set lo up
  ip -n "${hosts[i]}" link set cable up
done

timeout=5
quietly shard_encoder "${small_shapes[@]}" --output=images
run=(--input=images "${small_training[@]}" --precision=float32 --epochs=6 --checkpoint_every_steps=3)
quietly pretrain "${run[@]}" --ranks=2 --output=by_one_host

# start NAME: a rank on each host, of which the second has a working folder of its own: it shares nothing with
# the first but copies of the inputs. Sets pids.
mkdir elsewhere
cp -r images elsewhere
start() {
  local i folders=(. elsewhere)
  pids=()
  for i in 0 1; do
    (cd ${folders[i]} && exec ip netns exec "${hosts[i]}" pretrain "${run[@]}" --ranks=2 --launch.rank=$i \
      --launch.host=10.79.0.1 --launch.timeout_seconds=$timeout --output="$1") > /dev/null 2> "$1.$i.err" &
    pids+=($!)
  done
}
# ended NAME CODE: waits for both ranks, which must end with it.
ended() {
  local i code
  for i in 0 1; do
    wait "${pids[i]}"
    code=$?
    [ $code = "$2" ] || fail "$1: rank $i: exit $code, expected $2: $(tail -1 "$1.$i.err")"
  done
}

start by_two_hosts
ended by_two_hosts 0
same by_one_host by_two_hosts
[ "$(ls elsewhere)" = images ] || fail "the rank that keeps no output wrote $(ls elsewhere)"

expect 75 'rank 0 does not answer at 10.79.0.9' ip netns exec "${hosts[1]}" pretrain "${run[@]}" --ranks=2 \
  --launch.rank=1 --launch.host=10.79.0.9 --launch.wait_seconds=2 --output=x

# A cable that breaks in the middle. Nobody hears anything: sockets stay open, and only the timeout tells.
start cut
for _ in $(seq 3000); do compgen -G 'cut.partial/checkpoint-*' > /dev/null && break; sleep 0.02; done
compgen -G 'cut.partial/checkpoint-*' > /dev/null || fail "cut: no checkpoint"
ip -n "${hosts[0]}" link set cable down
begin=$(date +%s%N)
ended cut 75
seconds=$((($(date +%s%N) - begin) / 1000000000))
# After the timeout each asks the other once more.
[ $seconds -le $((timeout + 10)) ] || fail "it took $seconds s to end both sides, with a timeout of $timeout s"
tail -1 cut.0.err | grep -qE 'rank 1 \(host .*does not answer; the same command goes on' || fail "rank 0 said $(tail -1 cut.0.err)"
tail -1 cut.1.err | grep -qE 'rank 0 \(host 10.79.0.1\) has gone' || fail "rank 1 said $(tail -1 cut.1.err)"
[ "$(wc -l < cut.1.err)" = 1 ] || fail "rank 1 said more than a line: $(cat cut.1.err)"
ip -n "${hosts[0]}" link set cable up
start cut
ended cut 0
same by_one_host cut
finish
