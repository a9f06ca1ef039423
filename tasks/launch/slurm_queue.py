"""Slurm's own view of jobs, asked through its command-line tools.

One ``squeue`` answers for all jobs of the user, and its answer serves everyone who asks within some seconds: a
scheduler that hundreds of followers ask each second is slow for all its users. An ``squeue`` that fails, or
lists nothing a single time, says nothing about a job: clients have taken live clusters for dead ones that way.
"""

import re
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gristmill.core.errors import GristmillError

COMMAND_SECONDS = 120
WAITING = frozenset(
    {"PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "RESV_DEL_HOLD", "SPECIAL_EXIT"}
)
ON_NODES = frozenset({"RUNNING", "COMPLETING", "SUSPENDED", "RESIZING", "SIGNALING", "STAGE_OUT", "STOPPED"})
COLUMNS = "%i|%j|%T|%r"


@dataclass(frozen=True)
class QueueRow:
    """A job as ``squeue`` lists it. ``id`` of an element of an array is ``JOB_INDEX``."""

    id: str
    name: str
    state: str
    reason: str

    @property
    def is_active(self) -> bool:
        """Whether it waits, runs or is being ended."""
        return self.state in WAITING or self.state in ON_NODES

    @property
    def index(self) -> int | None:
        """The index in its array; None for a job of its own."""
        index = self.id.partition("_")[2]
        return int(index) if index.isdigit() else None


@dataclass
class Queue:
    """The last listing of this user's jobs, and how many listings in a row did not have a job that was asked for."""

    seconds: float
    """How old a listing may be."""
    taken: float = float("-inf")
    rows: dict[str, QueueRow] = field(default_factory=dict)
    misses: dict[str, int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def look(self, job: str) -> tuple[QueueRow | None, int]:
        """The row of a job, and for how many listings in a row it has been missing. A listing that fails counts for
        nothing: what was known before stands."""
        with self.lock:
            self.misses.setdefault(job, 0)
            if time.monotonic() - self.taken > self.seconds:
                try:
                    self._list()
                except GristmillError:
                    self.taken = time.monotonic()
            return self.rows.get(job), self.misses[job]

    def active(self, name: str, index: int | None) -> QueueRow | None:
        """A job of that name that waits or runs now. Raises :class:`GristmillError` when ``squeue`` fails."""
        with self.lock:
            self._list()
            fits = [row for row in self.rows.values() if row.is_active and row.name == name]
        return next((row for row in fits if row.index == index), None)

    def stale(self) -> None:
        """Ask Slurm again at the next look, because something was submitted or cancelled."""
        with self.lock:
            self.taken = float("-inf")

    def _list(self) -> None:
        said = slurm("squeue", "--me", "-h", "-r", "-t", "all", "-o", COLUMNS)
        listed = [[word.strip() for word in line.split("|", 3)] for line in said.splitlines()]
        self.rows = {words[0]: QueueRow(*words) for words in listed if len(words) == 4}
        self.taken = time.monotonic()
        self.misses = {job: 0 if job in self.rows else count + 1 for job, count in self.misses.items()}


def shown(job: str) -> str | None:
    """The state of one job that ``squeue`` does not list; empty when Slurm does not know it, None when it is silent."""
    try:
        said = slurm("scontrol", "show", "job", "-o", job)
    except GristmillError as error:
        return "" if "Invalid job id" in str(error) else None
    found = re.search(r"\bJobState=(\w+)", said)
    return found[1] if found else None


def accounted(job: str) -> str | None:
    """The state of a job that ``squeue`` has forgotten, from accounting; None where there is no accounting."""
    try:
        said = slurm("sacct", "-j", job, "-n", "-P", "-X", "-o", "State")
    except GristmillError:
        return None
    words = said.split()
    return words[0] if words else None


def slurm(*words: str, cwd: Path | None = None) -> str:
    """What a tool of Slurm prints. Raises :class:`GristmillError` with its complaint when it fails or is not there."""
    return _run(words, cwd)


def _run(words: Sequence[str], cwd: Path | None) -> str:
    try:
        done = subprocess.run(
            list(words), capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False, cwd=cwd
        )
    except FileNotFoundError as error:
        raise GristmillError(
            f"there is no {words[0]} on this machine. Run this where Slurm's commands are, such as on a login node."
        ) from error
    except subprocess.TimeoutExpired as error:
        raise GristmillError(f"{words[0]} did not answer within {COMMAND_SECONDS} s. Is slurmctld up?") from error
    if done.returncode != 0:
        complaint = " ".join(done.stderr.split())
        raise GristmillError(f"{words[0]} failed: {complaint or done.returncode}{_unreachable(complaint)}")
    return done.stdout


def _unreachable(complaint: str) -> str:
    """What to do where no controller answers; empty for other complaints, which say it themselves."""
    if "contact slurm controller" not in complaint.casefold():
        return ""
    return ". No controller of Slurm answers here: see what sinfo says, and which cluster SLURM_CONF names."
