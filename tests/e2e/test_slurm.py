"""The launcher against a real Slurm of this machine (tests/helpers/slurm.py)."""

import os
import sys
import time
from pathlib import Path

import psutil
import pytest

from gristmill.flows.train.jobs import follow
from gristmill.tasks.launch.job import ENDED, Handle, Job, Status, read_status
from gristmill.tasks.launch.local import Watcher
from gristmill.tasks.launch.slurm import SlurmLauncher
from gristmill.tasks.launch.slurm_script import SlurmConfig
from tests.helpers.slurm import Cluster, tool, wait_until

pytestmark = pytest.mark.e2e

HELD_S = 1.0
"""How long a job works before it is told to save."""
# Saves a checkpoint at its first start and waits to be stopped; goes on and ends at the next.
RESUMING = """
import os, time
again = os.path.exists("checkpoints/a/checkpoint.json")
os.makedirs("checkpoints/a", exist_ok=True)
open("checkpoints/a/checkpoint.json", "w")
print("step 2 of 2" if again else "step 1 of 2", flush=True)
time.sleep(0 if again else 600)
"""


def launcher_in(folder: Path, **asked: object) -> SlurmLauncher:
    return SlurmLauncher(folder, SlurmConfig.parse({"poll_seconds": 0.2, "grace_seconds": 1, **asked}, "slurm"))


def job(code: str, key: str = "k") -> Job:
    return Job(key=key, argv=(sys.executable, "-u", "-c", code))


def wait_for(launcher: SlurmLauncher, handle: Handle, *states: str, seconds: float = 180) -> Status:
    deadline = time.monotonic() + seconds
    while (status := launcher.poll(handle)).state not in states:
        assert time.monotonic() < deadline, status
        time.sleep(0.1)
    return status


def wait_for_step(launcher: SlurmLauncher, handle: Handle, step: int) -> Status:
    wait_until(lambda: launcher.poll(handle).step == step, f"step {step}")
    return launcher.poll(handle)


def test_a_job_is_submitted_once_found_followed_and_not_run_again(tmp_path: Path, cluster: Cluster) -> None:
    root = tmp_path / "with a space"
    counting = job(
        "open('count', 'a').write('x'); print('step 3 of 4 loss 2.5', flush=True); import time; time.sleep(2)"
    )
    launcher = launcher_in(root, setup=["export FROM_SETUP=yes"])
    first = launcher.submit(counting)
    (root / "k" / "slurm.json").unlink()  # the submitter died before it noted the number
    second = launcher_in(root).submit(counting)
    assert second.id == first.id
    told: list[str] = []
    follow(launcher_in(root), counting, "a test", lambda status: told.append(status.progress))
    assert told == ["step 3 of 4 loss 2.5"]
    status = launcher.poll(launcher.submit(counting))
    assert (status.state, status.step, status.loss, status.attempt) == ("succeeded", 3, 2.5, 1)
    assert (root / "k" / "count").read_text() == "x"
    assert (root / "k" / "DONE").is_file()
    assert "export FROM_SETUP=yes" in (root / "k" / "job.sbatch").read_text()


def test_what_slurm_refuses_is_told_with_the_command(tmp_path: Path, cluster: Cluster) -> None:
    with pytest.raises(Exception, match=r"(?s)invalid partition.*job\.sbatch.*--partition"):
        launcher_in(tmp_path, partition="nowhere").submit(job("pass"))
    launcher = launcher_in(tmp_path)
    failed = wait_for(launcher, launcher.submit(job("import sys; sys.exit('no such file')", "f")), *ENDED)
    assert (failed.state, failed.reason, failed.failures, failed.preemptions) == ("failed", "no such file", 1, 0)


def test_cancelled_is_a_trainer_that_ignores_it_a_job_that_waits_and_what_others_cancel(
    tmp_path: Path, cluster: Cluster
) -> None:
    launcher = launcher_in(tmp_path)
    stubborn = launcher.submit(
        job(
            "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
            "open('pid', 'w').write(str(os.getpid())); print('step 1', flush=True); time.sleep(600)"
        )
    )
    held = launcher_in(tmp_path, flags=["--hold"])
    waiting = held.submit(job("pass", "waiting"))
    wait_for_step(launcher, stubborn, 1)
    assert held.poll(waiting).reason.startswith("waiting in Slurm: JobHeld")
    for handle, where in ((stubborn, launcher), (waiting, held)):
        where.cancel(handle)
        assert where.poll(handle).state == "cancelled"
        assert read_status(handle.run_dir).state == "cancelled", "Slurm forgets its jobs"
    assert not psutil.pid_exists(int((tmp_path / "k" / "pid").read_text()))
    again = launcher.submit(job("import time; print('step 1', flush=True); time.sleep(600)", "waiting"))
    wait_for_step(launcher, again, 1)
    tool("scancel", again.id)  # by somebody else: the watcher takes it for a preemption, and Slurm knows better
    status = wait_for(launcher, again, *ENDED)
    assert (status.state, status.preemptions) == ("cancelled", 0)


def test_preempted_by_requeue_it_goes_on_under_its_key_and_number(tmp_path: Path, cluster: Cluster) -> None:
    launcher = launcher_in(tmp_path, partition="low", cpus=4)
    handle = launcher.submit(job(RESUMING))
    wait_for_step(launcher, handle, 1)
    preempt(tmp_path)
    waiting = wait_for(launcher, handle, "queued")
    assert (waiting.preemptions, waiting.failures) == (1, 0)
    assert launcher.submit(job(RESUMING)).id == handle.id, "it waits in Slurm already"
    tool("scontrol", "update", f"JobId={handle.id}", "StartTime=now")
    status = wait_for(launcher, handle, *ENDED)
    assert (status.state, status.attempt, status.preemptions, status.failures) == ("succeeded", 2, 1, 0)


def test_preempted_by_cancel_it_is_submitted_again_and_never_a_success(tmp_path: Path, cluster: Cluster) -> None:
    launcher = launcher_in(tmp_path, partition="spot", cpus=4)
    handle = launcher.submit(job(RESUMING))
    wait_for_step(launcher, handle, 1)
    preempt(tmp_path)
    status = wait_for(launcher, handle, *ENDED)
    assert (status.state, status.preemptions, status.failures) == ("preempted", 1, 0)
    assert not (tmp_path / "k" / "DONE").exists()
    follow(launcher, job(RESUMING), "a test", lambda words: None)
    again = launcher.find("k")
    assert again is not None
    assert again.id != handle.id
    status = launcher.poll(again)
    assert (status.state, status.attempt, status.preemptions) == ("succeeded", 2, 1)


def test_a_warning_of_slurm_reaches_the_trainer_which_saves_and_goes_on(tmp_path: Path, cluster: Cluster) -> None:
    saving = (
        "import os, signal, sys, time\n"
        "def save(number, frame):\n"
        "    os.makedirs('checkpoints/a'); open('checkpoints/a/checkpoint.json', 'w'); sys.exit(0)\n"
        "signal.signal(signal.SIGUSR1, save)\n"
        "print('step 1', flush=True)\n"
        "time.sleep(0 if os.path.exists('checkpoints/a') else 600)\n"
    )
    launcher = launcher_in(tmp_path, grace_seconds=20)
    handle = launcher.submit(job(saving).model_copy(update={"gpus": 1}))
    wait_for_step(launcher, handle, 1)
    time.sleep(HELD_S)
    assert f"--signal=B:USR1@{SlurmConfig().signal_seconds}" in (tmp_path / "k" / "job.sbatch").read_text()
    tool("scancel", "--batch", "--signal=USR1", handle.id)
    status = wait_for(launcher, handle, *ENDED)
    assert (status.state, status.reason, status.exit_code) == ("preempted", "SIGUSR1 came", 0)
    assert status.gpu_seconds - status.wasted_gpu_seconds > HELD_S / 2, "what it did before it saved counts as wasted"
    follow(launcher, job(saving), "a test", lambda words: None)
    assert (tmp_path / "k" / "DONE").is_file()


def test_a_job_whose_node_is_lost_is_lost_and_goes_on_elsewhere(tmp_path: Path, cluster: Cluster) -> None:
    launcher = launcher_in(tmp_path, requeue=False)
    handle = launcher.submit(job(RESUMING))
    wait_for_step(launcher, handle, 1)
    watcher = Watcher.model_validate_json((tmp_path / "k" / "watcher.json").read_bytes())
    cluster.lose_node("n1", watcher.pid)
    status = wait_for(launcher, handle, *ENDED)
    assert (status.state, status.reason, status.failures) == ("lost", "its node failed", 1)
    assert read_status(tmp_path / "k") == status, "it is written down, for Slurm forgets"
    cluster.start_node("n1")
    status = wait_for(launcher, launcher.submit(job(RESUMING)), *ENDED)
    assert (status.state, status.attempt, status.failures) == ("succeeded", 2, 1)


def test_one_empty_squeue_is_no_end(tmp_path: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    launcher = launcher_in(tmp_path, poll_seconds=0)
    handle = launcher.submit(job("import time; print('step 1', flush=True); time.sleep(600)"))
    wait_for_step(launcher, handle, 1)
    with monkeypatch.context() as patch:
        empty = tmp_path / "bin" / "squeue"
        empty.parent.mkdir()
        empty.write_text("#!/bin/sh\n")
        empty.chmod(0o755)
        patch.setenv("PATH", f"{empty.parent}:{os.environ['PATH']}")
        assert [launcher.poll(handle).state for _ in range(4)] == ["running"] * 4, "its watcher beats"
        empty.write_text("#!/bin/sh\nexit 1\n")
        assert launcher.poll(handle).state == "running"
    launcher.cancel(handle)
    assert launcher.poll(handle).state == "cancelled"


def test_an_array_submits_only_what_is_not_done(tmp_path: Path, cluster: Cluster) -> None:
    launcher = launcher_in(tmp_path)
    jobs = [job(f"import sys; open('ran', 'a').write('x'); sys.exit({code})", f"j{code}") for code in (0, 3, 0)]
    jobs[2] = jobs[2].model_copy(update={"key": "last"})
    first = launcher.submit_all(jobs, "array", at_once=2)
    assert [wait_for(launcher, handle, *ENDED).state for handle in first] == ["succeeded", "failed", "succeeded"]
    second = launcher.submit_all(jobs, "array")
    assert [handle.id == before.id for handle, before in zip(second, first, strict=True)] == [True, False, True]
    assert wait_for(launcher, second[1], *ENDED).attempt == 2
    assert [(tmp_path / key / "ran").read_text() for key in ("j0", "j3", "last")] == ["x", "xx", "x"]


def test_a_job_of_two_nodes_runs_its_command_on_each(tmp_path: Path, cluster: Cluster) -> None:
    launcher = launcher_in(tmp_path, partition="pair", nodes=2)
    code = "import os; print(os.environ['SLURM_NODEID'], os.environ['PET_NNODES'], flush=True)"
    handle = launcher.submit(job(code))
    assert wait_for(launcher, handle, *ENDED).state == "succeeded"
    assert sorted(launcher.logs(handle, 0)[0].split(b"\n")) == [b"", b"0 2", b"1 2"]


def preempt(folder: Path) -> None:
    """A job of higher priority that takes the node and leaves it at once."""
    tool("sbatch", "-p", "high", "-c", "4", "-o", str(folder / "high.out"), "--wrap", "true")
