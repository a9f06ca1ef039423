"""The sidecar of one job: ``python -m gristmill.tasks.launch.watch RUN_DIR [--preemptible]``.

Starts the command in a process group of its own, writes ``status.json`` at every beat (heartbeat, how far the trainer
is, processor time, memory, GPU-seconds), forwards SIGTERM and SIGUSR1 with a grace time, and writes ``DONE`` last. At
SIGUSR1 a trainer that saves when it is asked to is asked by a file, and goes on.

Any other signal ends the job as cancelled, or under ``--preemptible`` as preempted unless the run directory holds
``cancel``: a scheduler that takes the machine back and one that was told to cancel send the same signal. A preempted
attempt is never a success, whatever the trainer's exit code, and gives :data:`PREEMPTED_EXIT`.
"""

import ctypes
import fcntl
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import psutil

from gristmill.core.files.atomic import write_whole
from gristmill.tasks.launch.devices import device_name, utilisation
from gristmill.tasks.launch.job import PREEMPTED_EXIT, SAVE, Job, State, Status, read_status
from gristmill.tasks.launch.local import Watcher
from gristmill.tasks.launch.progress import Progress, last_line, read_progress

BEAT_SECONDS = 0.5
LOCK_SECONDS = 20.0
PR_SET_PDEATHSIG = 1  # prctl(2): Linux sends this signal when the parent dies


@dataclass
class Attempt:
    """One attempt while it runs: where it stands is read from its log and its checkpoints."""

    run_dir: Path
    job: Job
    before: Status
    log: Path
    started: float
    device: str
    first: tuple[float, int] | None = None
    """When the first line with a count of tokens was seen, and the count: the rate is measured from there."""

    def status(self) -> Status:
        """The status of the attempt now."""
        now = time.time()
        progress = read_progress(self.log, self.job.progress_pattern)
        rate = progress.tokens_per_second or self._rate(progress.tokens, now)
        said = max(self.started, self.log.stat().st_mtime)
        seconds = now - self.started
        return self.before.model_copy(
            update={
                "state": "running",
                "progress": progress.words,
                "heartbeat": now,
                "said": said,
                "stalled": now - said > self.job.stall_seconds,
                "seconds": seconds,
                "step": progress.step,
                "steps": progress.steps,
                "loss": progress.loss,
                "tokens": progress.tokens,
                "tokens_per_second": rate,
                "mfu": self._mfu(progress, rate),
                "gpu_seconds": self.before.gpu_seconds + seconds * self.job.gpus,
                "unsaved_seconds": now - max(self.started, self._saved()),
            }
        )

    def _rate(self, tokens: int | None, now: float) -> float | None:
        if tokens is None:
            return None
        if self.first is None:
            self.first = (now, tokens)
        since, first = self.first
        return (tokens - first) / (now - since) if tokens > first else None

    def _mfu(self, progress: Progress, rate: float | None) -> float | None:
        if progress.mfu is not None or rate is None:
            return progress.mfu
        return utilisation(rate, self.job.flops_per_token, self.job.gpus, self.device)

    def _saved(self) -> float:
        """When the newest whole checkpoint appeared, seconds since 1970; 0 when there is none."""
        newest = 0.0
        with suppress(FileNotFoundError):  # one that is deleted between the two looks; the next round sees the rest
            for path in self.run_dir.glob(self.job.checkpoint_glob):
                newest = max(newest, path.stat().st_mtime)
        return newest


def watch(run_dir: Path, preemptible: bool = False) -> int:
    """Run the job of ``run_dir`` to its end and give its exit code."""
    with only_watcher(run_dir):
        return _watch(run_dir, preemptible)


def _watch(run_dir: Path, preemptible: bool) -> int:
    job = Job.model_validate_json((run_dir / "job.json").read_bytes())
    log_dir = run_dir / "log"
    log_dir.mkdir(exist_ok=True)
    number = len(list(log_dir.glob("attempt-*.out"))) + 1
    log = log_dir / f"attempt-{number}.out"
    before = read_status(run_dir)
    if before.state != "queued":
        # An attempt that is still called running was cut off: its machine was taken back, or is gone.
        before = before.ended("preempted" if preemptible else "lost", job.gpus).again()
    before = before.model_copy(update={"attempt": number})
    told: signal.Signals | None = None
    (run_dir / SAVE).unlink(missing_ok=True)

    with log.open("wb") as output:
        child = subprocess.Popen(
            list(job.argv),
            env=os.environ | job.environment,
            cwd=run_dir,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            process_group=0,
            preexec_fn=die_with_parent,  # this process has one thread
        )

    def forward(number: int, _frame: FrameType | None) -> None:
        nonlocal told
        if number == signal.SIGUSR1 and job.saves_when_asked:
            (run_dir / SAVE).touch()
            return
        told = signal.Signals(number)
        _signal_group(child.pid, told)

    signal.signal(signal.SIGTERM, forward)
    signal.signal(signal.SIGUSR1, forward)
    attempt = Attempt(run_dir, job, before, log, time.time(), device_name() if job.gpus else "")
    write_whole(run_dir / "status.json", attempt.status().model_dump_json())
    me = psutil.Process()
    watcher = Watcher(pid=me.pid, created=me.create_time(), attempt=number)
    write_whole(run_dir / "watcher.json", watcher.model_dump_json())

    deadline: float | None = None
    while True:
        try:
            child.wait(timeout=BEAT_SECONDS)
            break
        except subprocess.TimeoutExpired:
            if told is not None and deadline is None:
                deadline = time.monotonic() + job.grace_seconds
            if deadline is not None and time.monotonic() > deadline:
                _signal_group(child.pid, signal.SIGKILL)
        write_whole(run_dir / "status.json", attempt.status().model_dump_json())
    _signal_group(child.pid, signal.SIGKILL)  # whatever the trainer left behind

    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    code = child.returncode
    asked = (run_dir / "cancel").exists() or not preemptible
    state = end_state(code, told is not None, asked)
    reason = "" if state == "succeeded" else f"{told.name} came" if told and state == "preempted" else last_line(log)
    final = attempt.status().ended(state, job.gpus, reason)
    final = final.model_copy(
        update={
            "exit_code": code,
            "cpu_seconds": usage.ru_utime + usage.ru_stime,
            "peak_rss_bytes": usage.ru_maxrss * 1024,
        }
    )
    if state == "succeeded":
        write_whole(run_dir / "DONE", "")
    write_whole(run_dir / "status.json", final.model_dump_json())
    return PREEMPTED_EXIT if state == "preempted" else code


def end_state(code: int, signalled: bool, asked: bool) -> State:
    """How an attempt ended: by its exit code, whether a signal came, and whether somebody had asked for the end."""
    if signalled:
        return "cancelled" if asked else "preempted"
    if code == PREEMPTED_EXIT:
        return "preempted"
    return "succeeded" if code == 0 else "failed"


@contextmanager
def only_watcher(run_dir: Path) -> Iterator[None]:
    """Hold the run directory for this process: two attempts at once would write the same checkpoints."""
    with (run_dir / "watch.lock").open("a") as lock:
        deadline = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    sys.exit(f"{run_dir}: another process still runs this job. Cancel that one first.")
                time.sleep(0.2)
        yield


def die_with_parent() -> None:
    """In the child, on Linux: a trainer must not outlive its watcher, or a second attempt would write beside it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _signal_group(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return


if __name__ == "__main__":
    sys.exit(watch(Path(sys.argv[1]), "--preemptible" in sys.argv[2:]))
