"""The local launcher: a job is a process group on this machine, watched by a sidecar that outlives its starter.

Liveness is pid *and* start time, since a pid alone is reused. Two starters of one key are kept apart by a file lock.
"""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from gristmill.core.config import Config
from gristmill.core.errors import GristmillError
from gristmill.core.files.atomic import write_whole
from gristmill.core.files.locks import locked
from gristmill.tasks.launch.job import ENDED, SUBMITTING, Handle, Job, Status, read_log, read_status

START_SECONDS = 30.0


class Watcher(Config):
    """Which sidecar watches the job: ``watcher.json``, written by the sidecar itself."""

    pid: int
    created: float
    attempt: int


@dataclass(frozen=True)
class LocalLauncher:
    """Runs jobs in folders below ``root``, one for each key."""

    root: Path

    @property
    def name(self) -> str:
        """See :class:`gristmill.tasks.launch.job.Launcher`."""
        return "local"

    def find(self, key: str) -> Handle | None:
        """The job of that key, if it was ever started here."""
        run_dir = self.root / key
        path = run_dir / "watcher.json"
        if not path.is_file():
            return None
        watcher = Watcher.model_validate_json(path.read_bytes())
        return Handle(key, run_dir, watcher.pid, watcher.created)

    def submit(self, job: Job) -> Handle:
        """Start the job, or give the running or succeeded one; an ended one that failed is tried again, resuming."""
        run_dir = self.root / job.key
        run_dir.mkdir(parents=True, exist_ok=True)
        with locked(run_dir / SUBMITTING):
            known = self.find(job.key)
            if known is not None:
                last = self.poll(known)
                if last.state in ("running", "succeeded"):
                    return known
                (run_dir / "watcher.json").unlink()
                write_whole(run_dir / "status.json", last.again().model_dump_json())
            write_whole(run_dir / "job.json", job.model_dump_json())
            with (run_dir / "watcher.log").open("ab") as log:
                subprocess.Popen(
                    [sys.executable, "-P", "-m", "gristmill.tasks.launch.watch", str(run_dir)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            return self._started(job.key)

    def poll(self, handle: Handle) -> Status:
        """The sidecar's status; ``lost`` when the sidecar died before the job's end."""
        status = read_status(handle.run_dir)
        if status.state in ENDED or _alive(handle):
            return status
        # The sidecar may have written its last word between the two looks.
        status = read_status(handle.run_dir)
        job = Job.model_validate_json((handle.run_dir / "job.json").read_bytes())
        return status.ended("lost", job.gpus, "the process that watched the job is gone")

    def logs(self, handle: Handle, offset: int) -> tuple[bytes, int]:
        """Output of the current attempt from byte ``offset`` on."""
        return read_log(handle.run_dir, offset)

    def cancel(self, handle: Handle) -> None:
        """Ask the sidecar to end the job's process group; end both by force when it does not within the grace time."""
        if not _alive(handle):
            return
        os.kill(handle.pid, signal.SIGTERM)
        job = Job.model_validate_json((handle.run_dir / "job.json").read_bytes())
        deadline = time.monotonic() + job.grace_seconds + 5
        while time.monotonic() < deadline:
            if not _alive(handle):
                return
            time.sleep(0.05)
        os.killpg(handle.pid, signal.SIGKILL)

    def _started(self, key: str) -> Handle:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            handle = self.find(key)
            if handle is not None:
                return handle
            time.sleep(0.02)
        log = (self.root / key / "watcher.log").read_text(encoding="utf-8", errors="replace")[-500:]
        raise GristmillError(f"the training job {key} did not start within {START_SECONDS:.0f} s: {log}")


def _alive(handle: Handle) -> bool:
    try:
        process = psutil.Process(handle.pid)
        return abs(process.create_time() - handle.created) < 1.0 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
