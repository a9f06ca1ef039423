"""The sidecar of one local job: ``python -m gristmill.tasks.launch.watch RUN_DIR``.

Starts the command in a process group of its own, writes ``status.json`` once a second (heartbeat, the trainer's last
progress line, processor time, memory), forwards SIGTERM with a grace time, and writes ``DONE`` last.
"""

import ctypes
import os
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

import psutil

from gristmill.core.files.atomic import write_whole
from gristmill.tasks.launch.job import Job, Status
from gristmill.tasks.launch.local import GRACE_SECONDS, Watcher

BEAT_SECONDS = 0.5
TAIL_BYTES = 4096
PR_SET_PDEATHSIG = 1  # prctl(2): Linux sends this signal when the parent dies


def watch(run_dir: Path) -> int:
    """Run the job of ``run_dir`` to its end and give its exit code."""
    job = Job.model_validate_json((run_dir / "job.json").read_bytes())
    log_dir = run_dir / "log"
    log_dir.mkdir(exist_ok=True)
    attempt = len(list(log_dir.glob("attempt-*.out"))) + 1
    log = log_dir / f"attempt-{attempt}.out"
    started = time.monotonic()
    cancelled = False

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

    def forward(_number: int, _frame: FrameType | None) -> None:
        nonlocal cancelled
        cancelled = True
        _signal_group(child.pid, signal.SIGTERM)

    signal.signal(signal.SIGTERM, forward)
    write_whole(
        run_dir / "status.json", Status(state="running", attempt=attempt, heartbeat=time.time()).model_dump_json()
    )
    me = psutil.Process()
    watcher = Watcher(pid=me.pid, created=me.create_time(), attempt=attempt)
    write_whole(run_dir / "watcher.json", watcher.model_dump_json())

    deadline: float | None = None
    while True:
        try:
            child.wait(timeout=BEAT_SECONDS)
            break
        except subprocess.TimeoutExpired:
            if cancelled and deadline is None:
                deadline = time.monotonic() + GRACE_SECONDS
            if deadline is not None and time.monotonic() > deadline:
                _signal_group(child.pid, signal.SIGKILL)
        status = Status(
            state="running",
            attempt=attempt,
            progress=last_progress(log, job.progress_pattern),
            heartbeat=time.time(),
            seconds=time.monotonic() - started,
        )
        write_whole(run_dir / "status.json", status.model_dump_json())
    _signal_group(child.pid, signal.SIGKILL)  # whatever the trainer left behind

    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    code = child.returncode
    state = "cancelled" if cancelled else "succeeded" if code == 0 else "failed"
    final = Status(
        state=state,
        attempt=attempt,
        exit_code=code,
        progress=last_progress(log, job.progress_pattern),
        reason="" if code == 0 else _last_line(log),
        heartbeat=time.time(),
        seconds=time.monotonic() - started,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        peak_rss_bytes=usage.ru_maxrss * 1024,
    )
    if state == "succeeded":
        write_whole(run_dir / "DONE", "")
    write_whole(run_dir / "status.json", final.model_dump_json())
    return code


def die_with_parent() -> None:
    """In the child, on Linux: no trainer goes on unwatched, or a second attempt would write beside it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def last_progress(log: Path, pattern: str) -> str:
    """The first group of the last line of ``log`` that matches ``pattern``; empty when none does."""
    matches = re.findall(pattern, _tail(log), flags=re.MULTILINE)
    return str(matches[-1]) if matches else ""


def _last_line(log: Path) -> str:
    lines = [line for line in _tail(log).splitlines() if line.strip()]
    return lines[-1] if lines else "the trainer said nothing"


def _tail(log: Path) -> str:
    with log.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - TAIL_BYTES))
        return file.read().decode("utf-8", "replace")


def _signal_group(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return


if __name__ == "__main__":
    sys.exit(watch(Path(sys.argv[1])))
