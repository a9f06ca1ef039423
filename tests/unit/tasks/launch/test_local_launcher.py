"""The local launcher, with real processes."""

import os
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest

from gristmill.tasks.launch.job import ENDED, FINAL, Handle, Job, Status
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
    psutil.wait_procs([psutil.Process(grandchild)] if psutil.pid_exists(grandchild) else [], timeout=60)
    assert not psutil.pid_exists(grandchild) or psutil.Process(grandchild).status() == psutil.STATUS_ZOMBIE


def test_a_trainer_that_saves_when_it_is_asked_goes_on(tmp_path: Path) -> None:
    launcher = LocalLauncher(tmp_path)
    code = (
        "import pathlib, time\n"
        "open('begun', 'w').close()\n"
        "while not pathlib.Path('save').exists(): time.sleep(0.02)\n"
        "print('step 1 saved', flush=True)"
    )
    handle = launcher.submit(job(code).model_copy(update={"saves_when_asked": True}))
    while not (tmp_path / "k" / "begun").is_file():
        time.sleep(0.02)
    os.kill(handle.pid, signal.SIGUSR1)
    status = wait_for(launcher, handle)
    assert (status.state, status.progress) == ("succeeded", "step 1 saved")


def test_a_killed_watcher_is_lost_not_running(tmp_path: Path) -> None:
    launcher = LocalLauncher(tmp_path)
    code = "import os, time; open('trainer', 'w').write(str(os.getpid())); time.sleep(600)"
    handle = launcher.submit(job(code))
    while not (tmp_path / "k" / "trainer").is_file() or not (tmp_path / "k" / "trainer").read_text():
        time.sleep(0.02)
    trainer = int((tmp_path / "k" / "trainer").read_text())
    os.kill(handle.pid, signal.SIGKILL)
    assert wait_for(launcher, handle).state == "lost"
    deadline = time.monotonic() + 60
    while psutil.pid_exists(trainer) and psutil.Process(trainer).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "the trainer goes on without its watcher"
        time.sleep(0.05)


def test_a_job_that_asks_to_be_started_again_is_preempted_and_goes_on_under_its_key(tmp_path: Path) -> None:
    launcher = LocalLauncher(tmp_path)
    code = (
        "import os, sys; first = not os.path.exists('here'); open('here', 'w');"
        "print('step 3 of 9'); sys.exit(75 * first)"
    )
    first = launcher.submit(job(code))
    status = ended(launcher, first)
    assert (status.state, status.preemptions, status.failures) == ("preempted", 1, 0)
    assert not (tmp_path / "k" / "DONE").exists()
    status = wait_for(launcher, launcher.submit(job(code)))
    assert (status.state, status.attempt, status.preemptions, status.failures) == ("succeeded", 2, 1, 0)


def test_work_since_the_last_checkpoint_is_wasted_when_the_job_fails(tmp_path: Path) -> None:
    launcher = LocalLauncher(tmp_path)
    code = (
        "import os, sys, time; print('step 1'); time.sleep(.8); os.makedirs('checkpoints/a', exist_ok=True);"
        "open('checkpoints/a/checkpoint.json', 'w'); time.sleep(.4); sys.exit('out of memory')"
    )
    status = wait_for(launcher, launcher.submit(job(code).model_copy(update={"gpus": 4})))
    assert (status.state, status.failures) == ("failed", 1)
    assert 0.3 < status.wasted_seconds < status.seconds - 0.6
    assert status.wasted_gpu_seconds == pytest.approx(4 * status.wasted_seconds)
    assert status.gpu_seconds == pytest.approx(4 * status.seconds)
    again = wait_for(launcher, launcher.submit(job("pass").model_copy(update={"gpus": 4})))
    assert (again.state, again.failures) == ("succeeded", 1)
    assert again.wasted_seconds == status.wasted_seconds
    assert again.gpu_seconds == pytest.approx(status.gpu_seconds + 4 * again.seconds)


def test_a_silent_job_is_stalled_and_still_runs(tmp_path: Path) -> None:
    launcher = LocalLauncher(tmp_path)
    handle = launcher.submit(job("import time; time.sleep(600)").model_copy(update={"stall_seconds": 0.5}))
    deadline = time.monotonic() + 120
    while not (status := launcher.poll(handle)).stalled:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    launcher.cancel(handle)
    assert (status.state, wait_for(launcher, handle).stalled) == ("running", False)


def ended(launcher: LocalLauncher, handle: Handle) -> Status:
    deadline = time.monotonic() + 120
    while (status := launcher.poll(handle)).state not in ENDED:
        assert time.monotonic() < deadline, status
        time.sleep(0.05)
    return status
