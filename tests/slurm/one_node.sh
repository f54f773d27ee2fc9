#!/usr/bin/env bash
# One node of Slurm on loopback, as root and without systemd: one_node.sh DIR start|stop|node
# `node` stops the daemon of the node and starts it again. Debian's packages are installed where they are missing.
set -euo pipefail
D=$1 N=$(hostname -s)
export SLURM_CONF=$D/slurm.conf
case $2 in
stop)
  for daemon in slurmd slurmctld; do
    [ -f "$D/run/$daemon.pid" ] && kill "$(cat "$D/run/$daemon.pid")" || true
  done
  exit 0 ;;
node)
  kill "$(cat "$D/run/slurmd.pid")"
  while [ -e "$D/run/slurmd.pid" ] && kill -0 "$(cat "$D/run/slurmd.pid")" 2>/dev/null; do sleep 0.2; done
  exec slurmd -f "$SLURM_CONF" ;;
esac
command -v slurmctld >/dev/null || {
  apt-get update -q
  apt-get install -qy --no-install-recommends slurmctld slurmd slurm-client munge
}
mkdir -p "$D"/{spool,state,log,run}
cat >"$SLURM_CONF" <<CONF
ClusterName=loop
SlurmctldHost=$N(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
StateSaveLocation=$D/state
SlurmdSpoolDir=$D/spool
SlurmctldPidFile=$D/run/slurmctld.pid
SlurmdPidFile=$D/run/slurmd.pid
SlurmctldLogFile=$D/log/slurmctld.log
SlurmdLogFile=$D/log/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
ReturnToService=2
OverTimeLimit=0
SchedulerParameters=sched_interval=2
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
NodeName=$N NodeAddr=127.0.0.1 NodeHostname=$N CPUs=$(nproc) RealMemory=3000 State=UNKNOWN
PartitionName=main Nodes=$N Default=YES MaxTime=INFINITE State=UP
CONF
mkdir -p /run/munge
chown munge: /run/munge
munge -n >/dev/null 2>&1 || runuser -u munge -- munged --force
slurmctld -f "$SLURM_CONF"
slurmd -f "$SLURM_CONF"
for _ in $(seq 60); do
  sinfo -h -o %t 2>/dev/null | grep -qx idle && exit 0
  sleep 0.5
done
sinfo
exit 1
