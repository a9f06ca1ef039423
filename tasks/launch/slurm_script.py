"""The batch script of a job on Slurm: the request, the environment, and the watcher in place of the shell."""

import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator

from gristmill.core.config import Config
from gristmill.core.flag import Flag

OPTION = re.compile(r"--[a-z][a-z-]*(=[^\n]*)?")
OURS = ("--job-name", "--comment", "--output", "--error", "--chdir", "--array", "--signal", "--requeue", "--no-requeue")
PLACES = (
    'export MASTER_ADDR="$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)"',
    'export MASTER_PORT="$((20000 + SLURM_JOB_ID % 20000))"',
    'export PET_NNODES="$SLURM_JOB_NUM_NODES" PET_RDZV_BACKEND=c10d PET_RDZV_ID="$SLURM_JOB_ID"',
    'export PET_RDZV_ENDPOINT="$MASTER_ADDR:$MASTER_PORT"',
)
"""Where the processes of several nodes meet: names that torch and torchrun read."""


class SlurmConfig(Config):
    """What a job asks Slurm for. What is left out is not asked for, so the cluster's defaults and ``SBATCH_*`` hold."""

    partition: Annotated[str, Flag("--partition")] = Field("", description="Slurm: partition.")
    account: Annotated[str, Flag("--account")] = Field("", description="Slurm: account that is charged.")
    qos: Annotated[str, Flag("--qos")] = Field("", description="Slurm: quality of service.")
    nodes: Annotated[int, Flag("--nodes")] = Field(1, ge=1, description="Slurm: nodes of a job.")
    gpus: Annotated[int, Flag("--gpus")] = Field(0, ge=0, description="Slurm: GPUs of each node.")
    cpus: Annotated[int, Flag("--cpus")] = Field(0, ge=0, description="Slurm: cores of each node.")
    memory: str = Field("", description="Slurm: memory of each node, such as 64G.")
    time_limit: Annotated[str, Flag("--time")] = Field("", description="Slurm: time limit, such as 12:00:00.")
    flags: tuple[str, ...] = Field((), description="Further options of sbatch, such as --constraint=h100.")
    setup: tuple[str, ...] = Field(
        (), description="Lines of shell before the command, such as `module load cuda` or `source ENV/bin/activate`."
    )
    python: str = Field("", description="Interpreter on the nodes that has gristmill; the one that submits by default.")
    requeue: bool = Field(True, description="Let Slurm start the job again after a preemption or the loss of a node.")
    signal_seconds: int = Field(
        120, ge=0, le=65535, description="Seconds before the time limit at which the trainer gets SIGUSR1."
    )
    grace_seconds: float = Field(
        10.0, gt=0, description="Seconds between a signal and SIGKILL; below the cluster's KillWait or GraceTime."
    )
    poll_seconds: float = Field(10.0, ge=0, description="How old Slurm's list of jobs may be before it is asked again.")

    @field_validator("flags")
    @classmethod
    def _options_of_sbatch(cls, flags: tuple[str, ...]) -> tuple[str, ...]:
        for flag in flags:
            if not OPTION.fullmatch(flag):
                raise ValueError(f"{flag!r} is not an option of sbatch: write --NAME or --NAME=VALUE")
            if flag.partition("=")[0] in OURS:
                raise ValueError(f"{flag!r} is set by gristmill, which finds its jobs by it; leave it out")
        return flags

    def options(self) -> list[str]:
        """What is asked for, as options of sbatch."""
        asked: Mapping[str, object] = {
            "--partition": self.partition,
            "--account": self.account,
            "--qos": self.qos,
            "--nodes": self.nodes,
            "--ntasks-per-node": 1,
            "--gpus-per-node": self.gpus,
            "--cpus-per-task": self.cpus,
            "--mem": self.memory,
            "--time": self.time_limit,
            "--signal": f"B:USR1@{self.signal_seconds}" if self.signal_seconds else "",
        }
        found = [f"{name}={value}" for name, value in asked.items() if value]
        return [*found, "--requeue" if self.requeue else "--no-requeue", "--open-mode=append", *self.flags]


def script(config: SlurmConfig, name: str, folder: Path, runs: Sequence[Path] = ()) -> str:
    """The script that runs the job of ``folder``, or as an array, of those of ``runs``, listed in ``folder/runs.txt``.

    The watcher takes the place of the shell, so the signals that Slurm sends to the batch step reach it.
    """
    log = str(folder / "log").replace("%", "%%") + ("/slurm-%A_%a.out" if runs else "/slurm-%j.out")
    named = [f"--job-name={name}", f"--comment={folder}", f"--chdir={folder}", f"--output={log}"]
    watch = f"exec {shlex.quote(config.python or sys.executable)} -P -m gristmill.tasks.launch.watch"
    listed = f'"$(sed -n "$((SLURM_ARRAY_TASK_ID + 1))p" {shlex.quote(str(folder / "runs.txt"))})"'
    lines = [
        "#!/bin/bash",
        *(f"#SBATCH {_quoted(option)}" for option in (*named, *config.options())),
        *config.setup,
        *(PLACES if config.nodes > 1 else ()),
        f"{watch} {listed if runs else shlex.quote(str(folder))} --preemptible",
    ]
    return "\n".join(lines) + "\n"


def _quoted(option: str) -> str:
    """An option as a line of a script holds it: sbatch reads quotes as the shell does."""
    name, equals, value = option.partition("=")
    return f"{name}{equals}{shlex.quote(value)}" if equals else name
