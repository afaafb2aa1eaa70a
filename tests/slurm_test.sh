#!/bin/bash
# The Slurm script of docs/scaling.md, as it stands there, run by a Slurm whose two nodes are this machine: ranks that srun
# starts find each other by its node list and train what `pretrain --ranks=2` trains, byte for byte. Tasks, GPUs and
# processors of a node are options of sbatch; the sizes of the training come from a `pretrain` in front of the real one.
# Needs root and Debian's slurmctld, slurmd and slurm-client.
source tests/lib.sh
page=$OLDPWD/docs/scaling.md
PATH=$PATH:/usr/sbin
for program in slurmctld slurmd sbatch srun unshare; do
  command -v $program > /dev/null || { echo "skipped: there is no $program (slurmctld, slurmd, slurm-client, util-linux)"; exit 0; }
done
[ "$(id -u)" = 0 ] || { echo "skipped: a Slurm of one's own needs root"; exit 0; }

host=$(hostname -s)
port=$((20000 + RANDOM % 9000))
# A short path: Slurm makes sockets below it.
slurm=$(mktemp -d /tmp/slurm.XXXXXX)
ln -s "$slurm" slurm
cat > slurm/slurm.conf << END
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmUser=root
AuthType=auth/none
CredType=cred/none
StateSaveLocation=$slurm/state
SlurmdSpoolDir=$slurm/spool-%n
SlurmctldPidFile=$slurm/slurmctld.pid
SlurmdPidFile=$slurm/slurmd-%n.pid
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/linear
MpiDefault=none
NodeName=node1 NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + 1)) CPUs=1 State=UNKNOWN
NodeName=node2 NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + 2)) CPUs=1 State=UNKNOWN
PartitionName=all Nodes=node1,node2 Default=YES OverSubscribe=FORCE
END
export SLURM_CONF=$slurm/slurm.conf
mkdir slurm/state slurm/spool-node1 slurm/spool-node2
# The nodes' names lead to this machine, for what the nodes run only.
{ cat /etc/hosts; echo '127.0.0.1 node1 node2'; } > hosts
slurmctld -D > slurm/slurmctld.log 2>&1 &
daemons=($!)
for node in node1 node2; do
  unshare --mount sh -c "mount --bind '$PWD/hosts' /etc/hosts && exec slurmd -D -N $node" > slurm/slurmd-$node.log 2>&1 &
  daemons+=($!)
done
trap 'kill "${daemons[@]}" 2> /dev/null; wait; rm -rf "$slurm"' EXIT
idle() { [ "$(sinfo -h -N -o %t 2> /dev/null | grep -c idle)" = 2 ]; }
for _ in $(seq 100); do idle && break; sleep 0.2; done
idle || {
  echo "skipped: no Slurm comes up here: $(tail -qn 1 slurm/*.log | tr '\n' ' ')"
  exit 0
}

# The paragraph of the page with srun pretrain, and its arguments.
awk -v RS= '/#!\/bin\/bash/ && /srun pretrain/' "$page" | sed 's/^    //' > job.sh
arguments=$(sed -n 's/^srun pretrain \(.*\) --output=moco$/\1/p' job.sh)
[ -n "$arguments" ] || fail "docs/scaling.md has no script with srun pretrain ... --output=moco: $(cat job.sh)"
quietly shard_encoder "${small_shapes[@]}" --output=imagenet100
# Of two settings the last counts. The policy's crops stay 224 px.
smaller=(--backbone.width_factor=0.125 --epochs=2 --batch_size=32 --set=method.moco_v2.queue_size=128 --precision=float32
  --compute_threads=1)
quietly pretrain $arguments "${smaller[@]}" --ranks=2 --output=by_ranks

mkdir smaller
printf '#!/bin/bash\nexec %q "$@" %s\n' "$(command -v pretrain)" "${smaller[*]}" > smaller/pretrain
chmod +x smaller/pretrain
export PATH=$PWD/smaller:$PATH
timeout 240 sbatch --wait --ntasks-per-node=1 --gpus-per-node=0 --cpus-per-task=1 --output=job.out job.sh > sbatch.out 2>&1 ||
  fail "the job failed: $(tail -n 3 sbatch.out job.out)"
same by_ranks moco
finish
