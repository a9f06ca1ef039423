"""Run a job to its end on whatever launches jobs, telling the display how far it is.

Trials of mixing methods and training runs are the same to what is in here: a command, a run directory, and lines of
output that begin with ``step N of M``.
"""

import errno
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

from gristmill.core.errors import GristmillError
from gristmill.flows.live import LiveRun
from gristmill.flows.reporter import Meter
from gristmill.tasks.launch.job import FINAL, Job, Launcher, Status

POLL_SECONDS = 0.3
SHARED_POLL_SECONDS = 2.0
"""Elsewhere run directories lie on a file system that many share, and a hundred trials may be followed at once."""
LEAST_FREE = 1 << 16
"""A disk with fewer bytes is full: a watcher cannot write its status."""
MOST_PREEMPTIONS = 5
"""Preemptions in a row that are followed by another try although the job saved nothing new."""

# Torch of a job runs on one thread, which does not spin while it waits; nothing is looked up outside.
ENVIRONMENT = {
    "OMP_WAIT_POLICY": "PASSIVE",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_OFFLINE": "1",
    "PYTHONSAFEPATH": "1",
}
# What cuBLAS needs to give equal bytes again.
GPU_ENVIRONMENT = {"CUBLAS_WORKSPACE_CONFIG": ":4096:8"}


def module_job(
    key: str,
    module: str,
    *folders: Path,
    processes: int = 1,
    nodes: int = 1,
    gpus: int = 0,
    flops_per_token: float = 0.0,
    saves_when_asked: bool = False,
) -> Job:
    """The job that runs a trainer of this package: a module whose arguments are the folders of its runs.

    Several ``processes`` are started by ``torchrun``, on one node, or on ``nodes`` of which the launcher starts it once
    on each and says in the environment where they meet.
    """
    python, last = (sys.executable, "-P", "-u", "-m"), (module, *map(str, folders))
    argv = (*python, *last)
    if processes > 1:
        where = ("--standalone",) if nodes == 1 else ()
        argv = (*python, "torch.distributed.run", *where, "--nproc-per-node", str(processes // nodes), "-m", *last)
    environment = ENVIRONMENT | (GPU_ENVIRONMENT if gpus else {})
    return Job(
        key=key,
        argv=argv,
        environment=environment,
        gpus=gpus,
        flops_per_token=flops_per_token,
        saves_when_asked=saves_when_asked,
    )


def run_job(
    launcher: Launcher,
    job: Job,
    what: str,
    steps: int,
    told: Callable[[int, str], None],
    note: Callable[[str], str],
    saved: Callable[[], set[Path]] | None = None,
    live: Callable[[Status], None] | None = None,
) -> Status:
    """Run ``job``, or find it, and wait for its end. Returns its last status; raises as :func:`follow` does.

    ``told`` is given the number of optimiser steps done, ``steps`` at the end, and what ``note`` makes of the line;
    ``live`` gets the whole status.
    """

    def tell(status: Status) -> None:
        if live is not None:
            live(status)
        told(status.step or 0, note(status.progress))

    status = follow(launcher, job, what, tell, lambda reason: told(0, reason), saved)
    told(steps, "")
    return status


def shown_in(meter: Meter, name: str, steps: int) -> Callable[[Status], None]:
    """Shows a run of ``steps`` steps as a line of the display: step, loss, rate, time left, and its losses."""
    run = LiveRun(steps)
    return lambda status: meter.tell(name, run.line(status), run.picture())


def follow(
    launcher: Launcher,
    job: Job,
    what: str,
    tell: Callable[[Status], None],
    tell_wait: Callable[[str], None] = lambda reason: None,
    saved: Callable[[], set[Path]] | None = None,
) -> Status:
    """Submit or find ``job`` and wait for its end, again after each preemption, as long as it saves more each time.

    ``saved`` gives what the job goes on from: when left out, its checkpoints. ``tell`` gets the status with each new
    progress line,
    ``tell_wait`` each new reason why the job waits or is silent.
    Raises :class:`GristmillError` with the end of the job's log and where its output is, unless it succeeded.
    """
    handle = launcher.submit(job)
    look = saved or (lambda: set(handle.run_dir.glob(job.checkpoint_glob)))
    # Paths that were there once: one that is deleted and saved again is no progress.
    seen = look()
    last, why, stuck = "", "", 0
    while True:
        status = launcher.poll(handle)
        if status.progress and status.progress != last:
            last = status.progress
            tell(status)
        if status.state not in FINAL and status.reason != why:
            why = status.reason
            tell_wait(why)
        if status.state in FINAL:
            break
        if status.state == "preempted":
            there = look()
            stuck = 0 if there - seen else stuck + 1
            seen |= there
            if stuck > MOST_PREEMPTIONS:
                break
            handle = launcher.submit(job)
        time.sleep(POLL_SECONDS if launcher.name == "local" else SHARED_POLL_SECONDS)
    if status.state != "succeeded":
        raise GristmillError(failure(what, status, handle.run_dir))
    return status


def failure(what: str, status: Status, run_dir: Path) -> str:
    """Why a job ended without success, and what to do."""
    if status.state == "preempted":
        return (
            f"{what} was preempted {MOST_PREEMPTIONS + 1} times in a row and saved nothing new; the last time it "
            f"reached step {status.step or 0}: {status.reason}\nIts output is in {run_dir / 'log'}. "
            "Save checkpoints more often, or ask for more time."
        )
    if is_full(status.reason, run_dir):
        return (
            f"{what} ended as {status.state}, because the disk of {run_dir} is full: {status.reason}\n"
            "Free some space (gristmill gc, older checkpoints, or train.keep_last for fewer), and run the same command "
            "again: a job goes on from where it was."
        )
    return (
        f"{what} ended as {status.state}: {status.reason}\nIts output is in {run_dir / 'log'}. "
        "Run the same command again: a job goes on from where it was."
    )


def is_full(reason: str, run_dir: Path) -> bool:
    """Whether a job ended because there was no space left: by its last words, or because there is none now."""
    said = any(os.strerror(number) in reason for number in (errno.ENOSPC, errno.EDQUOT))
    return said or (run_dir.is_dir() and shutil.disk_usage(run_dir).free < LEAST_FREE)
