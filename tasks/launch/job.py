"""What a training job is, and the five questions that every launcher answers.

The run directory is the protocol, so that any trainer runs unmodified::

    job.json               what to run; written once, before anything starts
    status.json            state, heartbeat, how far it is, what it has used; replaced by rename
    log/attempt-N.out      standard output and error of attempt N
    cancel                 present if somebody asked for the end, so that it is not taken for a preemption
    save                   there when a checkpoint was asked for that the trainer has not begun yet
    DONE                   written last, after a successful end

``submit`` is idempotent on the job's key: a crash between submitting and remembering costs nothing, because ``find``
asks the place where jobs run, not our own notes.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from pydantic import Field

from gristmill.core.config import Config

State = Literal["queued", "running", "preempted", "succeeded", "failed", "cancelled", "lost"]
FINAL: frozenset[State] = frozenset({"succeeded", "failed", "cancelled", "lost"})
"""The job has ended for good. A preempted job has not: it is submitted again under the same key."""
ENDED: frozenset[State] = FINAL | {"preempted"}
"""The attempt has ended."""

SUBMITTING = "submit.lock"
"""Held by the process that submits a job, so that no two start the same key."""
SAVE = "save"
"""A trainer that looks for this file in its run directory saves after the step that runs, and goes on."""
PREEMPTED_EXIT = 75
"""``EX_TEMPFAIL``: a trainer that exits with it asks to be started again, and so does the watcher of one."""

PROGRESS = (
    r"^(step (?P<step>\d+)(?: of (?P<steps>\d+))?(?: loss (?P<loss>\S+))?(?: tokens (?P<tokens>\d+))?"
    r"(?: at (?P<tokens_per_second>\S+) tokens/s)?.*)$"
)


class Job(Config):
    """A command to run once. ``key`` names it: equal work has an equal key."""

    key: str
    argv: tuple[str, ...] = Field(min_length=1)
    environment: dict[str, str] = Field(default_factory=dict)
    progress_pattern: str = PROGRESS
    """A line of the trainer's output that tells how far it is. Its first group becomes ``Status.progress``; the named
    groups ``step``, ``steps``, ``loss``, ``tokens`` (of the whole run), ``tokens_per_second`` and ``mfu`` (a fraction,
    or a percentage with its sign) become those fields."""
    checkpoint_glob: str = "checkpoints/*/checkpoint.json"
    """Files below the run directory that appear when a checkpoint is whole; work after the newest is not saved yet."""
    gpus: int = Field(0, ge=0)
    """GPUs of the whole job, on all nodes."""
    flops_per_token: float = Field(0, ge=0)
    """Floating-point operations of training on one token, about 6 times the parameters; gives the MFU."""
    stall_seconds: float = Field(1800, gt=0)
    """A trainer that has written nothing for this many seconds is stalled."""
    grace_seconds: float = Field(10.0, gt=0)
    """Seconds between the signal to end and SIGKILL."""
    saves_when_asked: bool = False
    """Whether it heeds :data:`SAVE`. SIGUSR1 then asks it to save; another trainer gets the signal, and has to end."""


class Status(Config):
    """What is known of a job: the state of the current attempt, and what all attempts have used."""

    state: State
    attempt: int = 1
    exit_code: int | None = None
    progress: str = ""
    """The trainer's last line that matched."""
    reason: str = ""
    heartbeat: float = 0.0
    """When the watcher last saw the process alive, seconds since 1970."""
    said: float = 0.0
    """When the trainer last wrote anything, seconds since 1970."""
    stalled: bool = False
    """Alive, and silent for longer than ``Job.stall_seconds``."""
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_rss_bytes: int = 0

    step: int | None = None
    steps: int | None = None
    loss: float | None = None
    tokens: int | None = None
    tokens_per_second: float | None = None
    mfu: float | None = None
    """Model FLOPs utilisation in 0..1, where the kind of GPU is known."""

    preemptions: int = 0
    failures: int = 0
    gpu_seconds: float = 0.0
    """Seconds times GPUs, all attempts."""
    unsaved_seconds: float = 0.0
    """Seconds of this attempt since its last checkpoint: what an end now would cost."""
    wasted_seconds: float = 0.0
    """Seconds after the last checkpoint before a preemption, a failure or a loss, all attempts."""
    wasted_gpu_seconds: float = 0.0

    def ended(self, state: State, gpus: int, reason: str = "") -> "Status":
        """The status when its attempt has ended as ``state``: counted, and its unsaved work wasted unless it succeeded.

        A status that has ended already stays as it is.
        """
        if self.state in ENDED:
            return self
        lost = self.unsaved_seconds if state in ("preempted", "failed", "lost") else 0.0
        return self.model_copy(
            update={
                "state": state,
                "reason": reason or self.reason,
                "stalled": False,
                "preemptions": self.preemptions + (state == "preempted"),
                "failures": self.failures + (state in ("failed", "lost")),
                "unsaved_seconds": 0.0,
                "wasted_seconds": self.wasted_seconds + lost,
                "wasted_gpu_seconds": self.wasted_gpu_seconds + lost * gpus,
            }
        )

    def corrected(self, state: State, reason: str) -> "Status":
        """The status of an attempt whose end the watcher took for a preemption, and a scheduler knows to be ``state``:
        counted as what it was."""
        return self.model_copy(
            update={
                "state": state,
                "reason": reason,
                "preemptions": self.preemptions - 1,
                "failures": self.failures + (state == "failed"),
            }
        )

    def again(self) -> "Status":
        """The status of the next attempt before it starts: what was used and counted stays."""
        return Status(
            state="queued",
            attempt=self.attempt + 1,
            preemptions=self.preemptions,
            failures=self.failures,
            gpu_seconds=self.gpu_seconds,
            wasted_seconds=self.wasted_seconds,
            wasted_gpu_seconds=self.wasted_gpu_seconds,
        )


def read_status(run_dir: Path) -> Status:
    """The status in the run directory; queued if it has none yet."""
    path = run_dir / "status.json"
    return Status.model_validate_json(path.read_bytes()) if path.is_file() else Status(state="queued")


def read_log(run_dir: Path, offset: int) -> tuple[bytes, int]:
    """Output of the current attempt from byte ``offset`` on, and the next offset."""
    path = run_dir / "log" / f"attempt-{read_status(run_dir).attempt}.out"
    if not path.is_file():
        return b"", offset
    with path.open("rb") as file:
        file.seek(offset)
        data = file.read()
    return data, offset + len(data)


@dataclass(frozen=True)
class Handle:
    """A submitted job: its key, its run directory, and the identity the launcher knows it by.

    A local job is a process and its start time; elsewhere ``id`` is what the scheduler calls it.
    """

    key: str
    run_dir: Path
    pid: int = 0
    created: float = 0.0
    id: str = ""


class Launcher(Protocol):
    """Where jobs run: this machine, Slurm, Kubernetes.

    ``root``: the run directory of a job is ``root / key``, on a file system that jobs see under the same path.
    """

    @property
    def name(self) -> str:
        """Its name, as in ``--launcher``."""
        ...

    @property
    def root(self) -> Path:
        """See above."""
        ...

    def find(self, key: str) -> Handle | None:
        """The job called ``key`` if the launcher knows one, running or ended."""
        ...

    def submit(self, job: Job) -> Handle:
        """Start ``job``, or give the one of that key that waits, runs or has succeeded already."""
        ...

    def poll(self, handle: Handle) -> Status:
        """The status of the job now."""
        ...

    def logs(self, handle: Handle, offset: int) -> tuple[bytes, int]:
        """New output since ``offset`` of the current attempt, and the next offset."""
        ...

    def cancel(self, handle: Handle) -> None:
        """End the job and everything it started."""
        ...
