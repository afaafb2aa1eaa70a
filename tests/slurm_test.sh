#!/bin/bash
# The Slurm script of docs/scaling.md, run by a Slurm of this machine alone: ranks that srun starts train what
# `pretrain --ranks=2` trains, byte for byte. Needs root and Debian's slurmctld, slurmd and slurm-client.
source tests/lib.sh
page=$OLDPWD/docs/scaling.md
for program in slurmctld slurmd sbatch srun; do
  PATH=$PATH:/usr/sbin command -v $program > /dev/null || { echo "skipped: there is no $program (slurmctld, slurmd, slurm-client)"; exit 0; }
done
[ "$(id -u)" = 0 ] || { echo "skipped: a Slurm of one's own needs root"; exit 0; }
PATH=$PATH:/usr/sbin

host=$(hostname -s)
port=$((20000 + RANDOM % 9000))
# A short path: Slurm makes sockets below it.
slurm=$(mktemp -d /tmp/slurm.XXXXXX)
ln -s "$slurm" slurm
cat > slurm/slurm.conf << END
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmdPort=$((port + 1))
SlurmUser=root
AuthType=auth/none
CredType=cred/none
StateSaveLocation=$slurm/state
SlurmdSpoolDir=$slurm/spool
SlurmctldPidFile=$slurm/slurmctld.pid
SlurmdPidFile=$slurm/slurmd.pid
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/linear
MpiDefault=none
NodeName=$host NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=all Nodes=$host Default=YES OverSubscribe=FORCE
END
export SLURM_CONF=$slurm/slurm.conf
mkdir slurm/state slurm/spool
slurmctld -D > slurm/slurmctld.log 2>&1 &
control=$!
slurmd -D -N "$host" > slurm/slurmd.log 2>&1 &
daemon=$!
trap 'kill $control $daemon 2> /dev/null; rm -rf "$slurm"' EXIT
for _ in $(seq 100); do sinfo -h -o %t 2> /dev/null | grep -q idle && break; sleep 0.2; done
sinfo -h -o %t 2> /dev/null | grep -q idle || {
  echo "skipped: no Slurm comes up here: $(tail -1 slurm/slurmctld.log slurm/slurmd.log | tr '\n' ' ')"
  exit 0
}

quietly shard_encoder "${small_shapes[@]}" --output=images
training=(--input=images "${small_training[@]}" --precision=float32 --epochs=2)
quietly pretrain "${training[@]}" --ranks=2 --output=by_ranks

# The script of the page, smaller: two tasks of one node, and this training.
sed -n '/^ *#!\/bin\/bash/,/^ *srun pretrain/p' "$page" | sed -n '/SBATCH.*ntasks/,$p' | sed 's/^    //' > from_page
grep -q '^srun pretrain' from_page || fail "docs/scaling.md has no script with srun pretrain"
{
  echo '#!/bin/bash'
  echo '#SBATCH --nodes=1 --ntasks=2 --output=job.out'
  sed -n '/^srun/p' from_page | sed "s|srun pretrain.*|srun $(command -v pretrain) ${training[*]} --output=by_slurm|"
} > job.sh
timeout 120 sbatch --wait job.sh > sbatch.out 2>&1 || fail "the job failed: $(tail -3 job.out)"
same by_ranks by_slurm
finish
