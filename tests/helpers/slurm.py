"""A real Slurm of two nodes on this machine, without systemd: munged, slurmctld and two slurmd, ended with the block.

Partitions: ``low`` (preempted by REQUEUE), ``spot`` (by CANCEL) and ``high``, which preempts both, on node n1; ``pair``
on both nodes. Each node says that it has two GPUs, which nothing looks at. No accounting, as on many small clusters.
"""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

CONF = """
ClusterName=gristmill
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CryptoType=crypto/munge
MpiDefault=none
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/builtin
SchedulerParameters=sched_interval=1
SlurmdParameters=config_overrides
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
ReturnToService=2
SlurmctldPort={port}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
SlurmdTimeout=3
MessageTimeout=2
TCPTimeout=1
InactiveLimit=0
KillWait=3
GresTypes=gpu
NodeName=n[1-2] NodeHostname={host} NodeAddr=127.0.0.1 Port=[{nodes}] CPUs=4 RealMemory=1000 Gres=gpu:2 State=UNKNOWN
PartitionName=low Nodes=n1 Default=YES State=UP PriorityTier=1 PreemptMode=REQUEUE
PartitionName=spot Nodes=n1 State=UP PriorityTier=1 PreemptMode=CANCEL
PartitionName=high Nodes=n1 State=UP PriorityTier=10 PreemptMode=OFF
PartitionName=pair Nodes=n[1-2] State=UP PriorityTier=1 PreemptMode=OFF
"""


@dataclass
class Cluster:
    """The daemons of a Slurm that runs while the block does."""

    folder: Path
    daemons: list[psutil.Popen] = field(default_factory=list)
    nodes: dict[str, psutil.Popen] = field(default_factory=dict)

    def start_node(self, name: str) -> None:
        """Start a node and wait until Slurm can use it."""
        self.nodes[name] = self.start("slurmd", "-D", "-N", name)
        wait_until(lambda: _state(name) == "idle", f"node {name} is up")

    def lose_node(self, name: str, watcher: int) -> None:
        """Kill a node as a power failure does: slurmd, the step of the watcher, and the watcher with its trainer."""
        self.nodes.pop(name).kill()
        step = psutil.Process(watcher).parent()
        assert step is not None
        step.kill()
        psutil.Process(watcher).kill()

    def start(self, *words: str) -> psutil.Popen:
        """Start a daemon in the foreground."""
        with (self.folder / f"{words[0]}.out").open("ab") as log:
            process = psutil.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        self.daemons.append(process)
        return process


def tool(*words: str) -> str:
    """What a command of Slurm prints."""
    return subprocess.run(words, capture_output=True, text=True, check=True, timeout=120).stdout


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 120) -> None:
    """Wait for a condition. Fails with ``what`` when it does not come."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s: {what}"
        time.sleep(0.1)


@contextmanager
def slurm_cluster() -> Iterator[Cluster]:
    """A Slurm to submit to, through ``SLURM_CONF`` of this process; skips where Slurm or munge is not installed."""
    missing = [name for name in ("sbatch", "slurmctld", "slurmd", "munged") if shutil.which(name, path=_path()) is None]
    if missing:
        pytest.skip(f"needs a Slurm of this machine: no {missing[0]} (Debian: slurm-wlm and munge)")
    # munge wants every folder above its socket open to all for passing through, and sockets want short paths.
    folder = Path(tempfile.mkdtemp(prefix="gm-slurm-", dir="/tmp"))
    cluster = Cluster(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLURM_CONF", str(folder / "slurm.conf"))
        patch.setenv("PATH", _path())
        try:
            _start(cluster)
            yield cluster
            tool("scancel", "--me")
            wait_until(lambda: not tool("squeue", "--me", "-h").strip(), "all jobs have ended")
        finally:
            for process in reversed(cluster.daemons):
                if process.is_running():
                    process.terminate()
            _, alive = psutil.wait_procs(cluster.daemons, timeout=60)
            for process in alive:
                process.kill()
            shutil.rmtree(folder, ignore_errors=True)


def _start(cluster: Cluster) -> None:
    folder = cluster.folder
    folder.chmod(0o755)
    (folder / "state").mkdir()
    for name in ("n1", "n2"):
        (folder / f"spool-{name}").mkdir()
    first = free_ports(3)
    user, host = pwd.getpwuid(os.getuid()).pw_name, socket.gethostname().partition(".")[0]
    conf = CONF.format(host=host, user=user, folder=folder, port=first, nodes=f"{first + 1}-{first + 2}")
    (folder / "slurm.conf").write_text(conf)
    (folder / "gres.conf").write_text(f"NodeName=n[1-2] Name=gpu File={folder}/gpu[0-1]\n")
    for number in range(2):
        (folder / f"gpu{number}").symlink_to("/dev/null")
    key = folder / "munge.key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    places = {"socket": "munge.socket", "key-file": "munge.key", "pid-file": "munged.pid", "log-file": "munged.log"}
    words = [f"--{name}={folder / file}" for name, file in (places | {"seed-file": "munged.seed"}).items()]
    cluster.start("munged", "--foreground", *words)
    wait_until((folder / "munge.socket").exists, "munged is up")
    cluster.start("slurmctld", "-D")
    for name in ("n1", "n2"):
        cluster.nodes[name] = cluster.start("slurmd", "-D", "-N", name)
    wait_until(lambda: _state("n1") == _state("n2") == "idle", "both nodes are up")


def _state(node: str) -> str:
    """What Slurm says of a node; nothing while it does not answer yet."""
    words = ("sinfo", "-h", "-n", node, "-o", "%t")
    said = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)
    return (said.stdout.split() or [""])[0]


def free_ports(count: int) -> int:
    """The first of some ports in a row that nobody listens at; each process begins its search elsewhere."""
    for first in range(16800 + os.getpid() % 1000 * 8, 32000, 8):
        try:
            for port in range(first, first + count):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return first
    raise AssertionError("no free ports")


def _path() -> str:
    """Debian keeps daemons where users do not look."""
    return f"{os.environ['PATH']}:/usr/sbin:/sbin"
