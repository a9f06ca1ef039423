"""The local launcher, with real processes."""

import os
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest

from gristmill.tasks.launch.job import FINAL, Handle, Job, Status
from gristmill.tasks.launch.local import LocalLauncher


def job(code: str, key: str = "k") -> Job:
    return Job(key=key, argv=(sys.executable, "-u", "-c", code))


def wait_for(launcher: LocalLauncher, handle: Handle, seconds: float = 30) -> Status:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        status = launcher.poll(handle)
        if status.state in FINAL:
            return status
        time.sleep(0.05)
    pytest.fail(f"the job did not end: {launcher.poll(handle)}")


def test_a_job_runs_and_tells_its_progress(tmp_path: Path) -> None:
    launcher = LocalLauncher(tmp_path)
    handle = launcher.submit(job("print('step 1'); print('step 2 of 2'); print('bye')"))
    status = wait_for(launcher, handle)
    assert (status.state, status.exit_code, status.progress) == ("succeeded", 0, "step 2 of 2")
    assert (tmp_path / "k" / "DONE").is_file()
    output, offset = launcher.logs(handle, 0)
    assert output.splitlines()[-1] == b"bye"
    assert launcher.logs(handle, offset) == (b"", offset)


def test_a_succeeded_job_is_not_run_twice(tmp_path: Path) -> None:
    launcher = LocalLauncher(tmp_path)
    counting = job("open('count', 'a').write('x')")
    wait_for(launcher, launcher.submit(counting))
    wait_for(launcher, launcher.submit(counting))
    assert (tmp_path / "k" / "count").read_text() == "x"


def test_a_failed_job_says_why_and_is_tried_again(tmp_path: Path) -> None:
    launcher = LocalLauncher(tmp_path)
    failing = job("import sys; sys.exit('no such token file')")
    status = wait_for(launcher, launcher.submit(failing))
    assert (status.state, status.exit_code, status.reason) == ("failed", 1, "no such token file")
    status = wait_for(launcher, launcher.submit(failing))
    assert (status.state, status.attempt) == ("failed", 2)
    assert not (tmp_path / "k" / "DONE").exists()


def test_cancel_ends_the_whole_group(tmp_path: Path) -> None:
    launcher = LocalLauncher(tmp_path)
    code = (
        "import subprocess, sys, time;"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
        "open('child', 'w').write(str(child.pid)); print('step 1', flush=True); time.sleep(600)"
    )
    handle = launcher.submit(job(code))
    while not (tmp_path / "k" / "child").is_file() or not (tmp_path / "k" / "child").read_text():
        time.sleep(0.02)
    grandchild = int((tmp_path / "k" / "child").read_text())
    launcher.cancel(handle)
    assert wait_for(launcher, handle).state == "cancelled"
    psutil.wait_procs([psutil.Process(grandchild)] if psutil.pid_exists(grandchild) else [], timeout=5)
    assert not psutil.pid_exists(grandchild) or psutil.Process(grandchild).status() == psutil.STATUS_ZOMBIE


def test_a_killed_watcher_is_lost_not_running(tmp_path: Path) -> None:
    launcher = LocalLauncher(tmp_path)
    code = "import os, time; open('trainer', 'w').write(str(os.getpid())); time.sleep(600)"
    handle = launcher.submit(job(code))
    while not (tmp_path / "k" / "trainer").is_file() or not (tmp_path / "k" / "trainer").read_text():
        time.sleep(0.02)
    trainer = int((tmp_path / "k" / "trainer").read_text())
    os.kill(handle.pid, signal.SIGKILL)
    assert wait_for(launcher, handle).state == "lost"
    deadline = time.monotonic() + 5
    while psutil.pid_exists(trainer) and psutil.Process(trainer).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "the trainer goes on without its watcher"
        time.sleep(0.05)
