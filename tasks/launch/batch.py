"""What the launchers of schedulers share: the run directory of a job that is submitted, and what they make of a
watcher's heartbeat.

A scheduler says where a job is; how it ended well only its watcher says, in the run directory. What a scheduler says of
an end is written there, since it forgets its jobs.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gristmill.core.files.atomic import write_whole
from gristmill.core.files.locks import locked
from gristmill.tasks.launch.job import SUBMITTING, Job, Status, read_status

SILENT_SECONDS = 60.0
"""Without a heartbeat for so long, a watcher is taken for gone; what a shared file system shows may be as late."""
MISSES = 2
"""Looks in a row without a job that make it missing; one alone says nothing."""


@contextmanager
def submitting(folder: Path) -> Iterator[None]:
    """One submitter of a key at a time, over all machines that share the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / SUBMITTING):
        yield


def begin(run_dir: Path, job: Job) -> None:
    """Make the run directory ready for another attempt of ``job``: what was used and counted stays."""
    (run_dir / "log").mkdir(parents=True, exist_ok=True)
    (run_dir / "cancel").unlink(missing_ok=True)
    status = read_status(run_dir)
    if status.state != "queued":
        write_whole(run_dir / "status.json", status.ended("lost", job.gpus).again().model_dump_json())


def settled(run_dir: Path, status: Status) -> Status:
    """Write down how it ended where no watcher is left to do so."""
    if status != read_status(run_dir):
        write_whole(run_dir / "status.json", status.model_dump_json())
    return status


def beats(status: Status) -> bool:
    """Whether its watcher was heard of lately."""
    return time.time() - status.heartbeat < SILENT_SECONDS


def on_nodes(status: Status, reason: str) -> Status:
    """The scheduler says that it runs. A watcher that no longer beats is stalled: only the scheduler can say that it is
    gone. ``reason`` stands until the watcher has written anything."""
    if status.state != "running":
        return status.model_copy(update={"state": "running", "reason": reason})
    if beats(status):
        return status
    silent = time.time() - status.heartbeat
    return status.model_copy(update={"stalled": True, "reason": f"no heartbeat for {silent:.0f} s"})
