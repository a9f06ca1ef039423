"""What a training job is, and the five questions that every launcher answers.

The run directory is the protocol, so that any trainer runs unmodified::

    job.json               what to run; written once, before anything starts
    status.json            state, heartbeat, the trainer's last words; replaced by rename
    log/attempt-N.out      standard output and error of attempt N
    DONE                   written last, after a successful end

``submit`` is idempotent on the job's key: a crash between submitting and remembering costs nothing, because ``find``
asks the place where jobs run, not our own notes.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from pydantic import Field

from gristmill.core.config import Config

State = Literal["queued", "running", "succeeded", "failed", "cancelled", "lost"]
FINAL: frozenset[State] = frozenset({"succeeded", "failed", "cancelled", "lost"})


class Job(Config):
    """A command to run once. ``key`` names it: equal work has an equal key."""

    key: str
    argv: tuple[str, ...] = Field(min_length=1)
    environment: dict[str, str] = Field(default_factory=dict)
    progress_pattern: str = r"^(step .*)$"
    """A line of the trainer's output that tells how far it is; its first group becomes ``Status.progress``."""


class Status(Config):
    """What is known of a job. ``progress`` is the trainer's last matching line."""

    state: State
    attempt: int = 1
    exit_code: int | None = None
    progress: str = ""
    reason: str = ""
    heartbeat: float = 0.0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_rss_bytes: int = 0


@dataclass(frozen=True)
class Handle:
    """A submitted job: its key, its run directory, and the identity the launcher knows it by."""

    key: str
    run_dir: Path
    pid: int
    created: float


class Launcher(Protocol):
    """Where jobs run: this machine, Slurm, Kubernetes."""

    def find(self, key: str) -> Handle | None:
        """The job called ``key`` if the launcher knows one, running or ended."""
        ...

    def submit(self, job: Job) -> Handle:
        """Start ``job``, or give the one of that key that runs or has succeeded already."""
        ...

    def poll(self, handle: Handle) -> Status:
        """How it stands."""
        ...

    def logs(self, handle: Handle, offset: int) -> tuple[bytes, int]:
        """New output since ``offset`` of the current attempt, and the next offset."""
        ...

    def cancel(self, handle: Handle) -> None:
        """End the job and everything it started."""
        ...
