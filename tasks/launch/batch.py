"""What the launchers for schedulers share: the run directory of a submitted job, and its watcher's heartbeat.

A scheduler says where a job is; only its watcher says, in the run directory, that it ended well. Ends that a scheduler
reports are written there too, because schedulers forget their jobs.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gristmill.core.files.atomic import write_whole
from gristmill.core.files.locks import locked
from gristmill.tasks.launch.job import SUBMITTING, Job, Status, read_status

SILENT_SECONDS = 60.0
"""Seconds without a heartbeat after which a watcher counts as gone; a shared file system may show one that late."""
MISSES = 2
"""How many looks in a row must lack a job before it counts as missing; a single one says nothing."""


@contextmanager
def submitting(folder: Path) -> Iterator[None]:
    """Let one process at a time submit a key, over all machines that share the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / SUBMITTING):
        yield


def begin(run_dir: Path, job: Job) -> None:
    """Prepare the run directory for another attempt of ``job``; what earlier attempts used stays counted."""
    (run_dir / "log").mkdir(parents=True, exist_ok=True)
    (run_dir / "cancel").unlink(missing_ok=True)
    status = read_status(run_dir)
    if status.state != "queued":
        write_whole(run_dir / "status.json", status.ended("lost", job.gpus).again().model_dump_json())


def settled(run_dir: Path, status: Status) -> Status:
    """Record how the job ended, if no watcher is left to do so."""
    if status != read_status(run_dir):
        write_whole(run_dir / "status.json", status.model_dump_json())
    return status


def beats(status: Status) -> bool:
    """Whether its watcher has written a heartbeat lately."""
    return time.time() - status.heartbeat < SILENT_SECONDS


def on_nodes(status: Status, reason: str) -> Status:
    """The status of a job that the scheduler says is running. If its watcher is silent, it is stalled and not lost:
    only the scheduler knows that it is gone. ``reason`` stands until the watcher has written something."""
    if status.state != "running":
        return status.model_copy(update={"state": "running", "reason": reason})
    if beats(status):
        return status
    silent = time.time() - status.heartbeat
    return status.model_copy(update={"stalled": True, "reason": f"no heartbeat for {silent:.0f} s"})
