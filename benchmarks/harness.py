"""Measure commands: each in a fresh process, on a fixed number of cores, with all its descendants.

Processor time is user and system time of the command and of every descendant that has ended: this process adopts those
that outlive their parents (``PR_SET_CHILD_SUBREAPER``), and waits for them. What still runs after ``GRACE`` seconds,
such as a server, is killed unless it is to stay, and is not counted. Memory is the largest sum of resident sets of the
command and its descendants, sampled every ``SAMPLE`` seconds, and at least the kernel's high-water mark of one of them;
pages that two processes share count twice, for every side alike. A command is pinned to its cores
(``sched_setaffinity``), so that threads a library starts on its own do not turn one worker into two.
"""

import ctypes
import os
import platform
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil

SAMPLE = 0.05
GRACE = 2.0
PR_SET_CHILD_SUBREAPER = 36
MEGABYTE = 1e6


@dataclass(frozen=True)
class Run:
    """One execution: wall-clock seconds, processor seconds, and peak resident bytes."""

    wall: float
    cpu: float
    peak: int


@dataclass(frozen=True)
class Side:
    """A command to measure, under a name. ``fresh`` are folders to empty before every run of it."""

    name: str
    command: Sequence[str]
    versions: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    cores: int = 1


class CommandError(Exception):
    """A measured command exited with an error; the message ends with the last lines it wrote."""


def measure(side: Side, log: Path, timeout: float | None = None, keep_servers: bool = False) -> Run:
    """Run the command once; what it prints goes to ``log``. Raises :class:`CommandError`.

    ``keep_servers``: descendants that outlive the command stay, for the next command to find.
    """
    _adopt_descendants()
    before = set(psutil.Process().children())
    cores = sorted(os.sched_getaffinity(0))
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        os.sched_setaffinity(0, cores[-side.cores :])
        try:
            began = time.perf_counter()
            process = subprocess.Popen(
                list(side.command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **side.environment},
                start_new_session=True,
            )
        finally:
            os.sched_setaffinity(0, cores)
        peak = _Peak(process.pid)
        alarm = threading.Timer(timeout, _stop, [process.pid]) if timeout else None
        if alarm:
            alarm.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            _stop(process.pid)
            process.wait()
            raise
        finally:
            if alarm:
                alarm.cancel()
            sampled = peak.stop()
    wall = time.perf_counter() - began
    cpu = usage.ru_utime + usage.ru_stime + _collect(before, keep_servers)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
        raise CommandError(f"{side.name} ended with {process.returncode} after {wall:.1f} s:\n{tail}")
    return Run(wall, cpu, sampled)


def _adopt_descendants() -> None:
    """Become the parent of descendants whose own parent ends, so that this process can wait for them (Linux)."""
    libc = ctypes.CDLL(None, use_errno=True)
    if sys.platform == "linux" and libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


def _collect(before: set[psutil.Process], keep: bool) -> float:
    """Processor seconds of adopted descendants that end by themselves; the others are killed, unless they are kept."""
    seconds = 0.0
    deadline = time.monotonic() + GRACE
    while adopted := [child for child in psutil.Process().children() if child not in before]:
        late = time.monotonic() > deadline
        if late and keep:
            break
        for child in adopted:
            if late:
                child.kill()
            ended, _, usage = os.wait4(child.pid, 0 if late else os.WNOHANG)
            if ended and not late:  # what has to be killed, such as a server, is not part of the command's work
                seconds += usage.ru_utime + usage.ru_stime
        time.sleep(SAMPLE)
    return seconds


def _stop(group: int) -> None:
    """End the process group that :func:`measure` started."""
    if psutil.pid_exists(group):
        os.killpg(group, signal.SIGKILL)


class _Peak:
    """The largest sum of resident sets of a process tree, sampled by a thread until :meth:`stop`."""

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)
        self._largest = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._ended.wait(SAMPLE):
            self._largest = max(self._largest, _resident(self._root))

    def stop(self) -> int:
        """Bytes at the peak."""
        self._ended.set()
        self._thread.join()
        return self._largest


def _resident(root: psutil.Process) -> int:
    """Resident bytes of a process and its descendants together, or the high-water mark of one of them if that is more.

    Those that end meanwhile count as 0. (``ru_maxrss`` does not work: it starts with the parent's memory at the fork.)
    """
    total = highest = 0
    try:
        tree = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    for process in tree:
        try:
            fields = dict(
                line.split(":", 1)
                for line in Path(f"/proc/{process.pid}/status").read_text("ascii", "replace").splitlines()
            )
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += _kilobytes(fields.get("VmRSS", "0 kB"))
        highest = max(highest, _kilobytes(fields.get("VmHWM", "0 kB")))
    return max(total, highest) * 1024


def _kilobytes(field: str) -> int:
    return int(field.split()[0])


@dataclass(frozen=True)
class Figures:
    """The figures of a side's runs. Rates are of the fastest run, the one that other work disturbed least."""

    name: str
    command: str
    versions: Mapping[str, str]
    cores: int
    runs: list[Run]
    bytes: int
    documents: int

    @property
    def wall(self) -> float:
        """Least wall-clock seconds."""
        return min(run.wall for run in self.runs)

    @property
    def cpu(self) -> float:
        """Least processor seconds."""
        return min(run.cpu for run in self.runs)

    @property
    def peak(self) -> int:
        """Peak resident bytes of the run that needed most."""
        return max(run.peak for run in self.runs)

    @property
    def per_core(self) -> tuple[float, float]:
        """Megabytes and documents per second of processor time."""
        return self.bytes / MEGABYTE / self.cpu, self.documents / self.cpu

    def record(self) -> dict[str, Any]:
        """The record for the results file."""
        megabytes, documents = self.per_core
        return {
            "name": self.name,
            "command": self.command,
            "versions": dict(self.versions),
            "cores": self.cores,
            "runs": [{key: round(value, 3) for key, value in asdict(run).items()} for run in self.runs],
            "median_wall_s": round(statistics.median(run.wall for run in self.runs), 3),
            "min_wall_s": round(self.wall, 3),
            "min_cpu_s": round(self.cpu, 3),
            "mb_per_s_core": float(f"{megabytes:.4g}"),
            "documents_per_s_core": float(f"{documents:.4g}"),
            "peak_mb": round(self.peak / MEGABYTE),
        }


def machine() -> dict[str, Any]:
    """The machine that the figures were measured on."""
    model = platform.processor() or platform.machine()
    information = Path("/proc/cpuinfo")
    if information.is_file():
        named = [line for line in information.read_text(encoding="utf-8").splitlines() if line.startswith("model name")]
        model = named[0].partition(":")[2].strip() if named else model
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 2),
    }
