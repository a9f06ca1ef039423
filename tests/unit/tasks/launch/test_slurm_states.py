"""What the launcher makes of each word of Slurm, with tools that say what a test wrote down.

A real Slurm is in tests/e2e/test_slurm.py; accounting, and states that it cannot be brought into at will, are here.
"""

import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from gristmill.core.errors import GristmillError, UsageError
from gristmill.tasks.launch.job import Handle, Job, State, Status, read_status
from gristmill.tasks.launch.slurm import SlurmLauncher
from gristmill.tasks.launch.slurm_script import SlurmConfig, script


@dataclass(frozen=True)
class Tools:
    """Commands named as Slurm's that print what their files hold; one without a file fails."""

    folder: Path

    def says(self, tool: str, words: str | None) -> None:
        place = self.folder / f"{tool}.txt"
        place.unlink(missing_ok=True)
        if words is not None:
            place.write_text(words)


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tools:
    folder = tmp_path / "tools"
    folder.mkdir()
    for name in ("sbatch", "squeue", "scancel", "sacct", "scontrol"):
        (folder / name).write_text(
            f"#!/bin/sh\n/bin/cat {folder}/{name}.txt && exit\necho Invalid job id >&2\nexit 1\n"
        )
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    found = Tools(folder)
    found.says("squeue", "")
    found.says("sbatch", "7;cluster\n")
    return found


@pytest.fixture
def launcher(tmp_path: Path) -> SlurmLauncher:
    return SlurmLauncher(tmp_path / "jobs", SlurmConfig(poll_seconds=0, gpus=2))


def listed(handle: Handle, launcher: SlurmLauncher, state: str, reason: str = "None") -> str:
    name = (launcher.root / "k" / "job.sbatch").read_text().split("--job-name=")[1].split()[0]
    return f"{handle.id}|{name}|{state}|{reason}\n"


def running(launcher: SlurmLauncher, heartbeat: float) -> Handle:
    """A job of number 7 whose watcher wrote that it runs, and has not saved for 30 seconds."""
    handle = launcher.submit(Job(key="k", argv=("train",)))
    status = Status(state="running", step=5, heartbeat=heartbeat, unsaved_seconds=30)
    (handle.run_dir / "status.json").write_text(status.model_dump_json())
    return handle


@pytest.mark.parametrize(
    ("slurm", "state", "preemptions", "failures"),
    [
        ("PREEMPTED", "preempted", 1, 0),
        ("TIMEOUT", "preempted", 1, 0),
        ("CANCELLED", "cancelled", 0, 0),
        ("OUT_OF_MEMORY", "failed", 0, 1),
        ("NODE_FAIL", "lost", 0, 1),
        ("SOMETHING_NEW", "lost", 0, 1),
    ],
)
def test_the_end_that_slurm_tells_is_counted_once(
    tools: Tools, launcher: SlurmLauncher, slurm: str, state: State, preemptions: int, failures: int
) -> None:
    handle = running(launcher, time.time())
    tools.says("squeue", listed(handle, launcher, slurm))
    status = launcher.poll(handle)
    assert (status.state, status.preemptions, status.failures) == (state, preemptions, failures)
    assert status.wasted_gpu_seconds == (0 if state == "cancelled" else 60)
    assert launcher.poll(handle) == status == read_status(handle.run_dir)
    tools.says("sbatch", "8\n")
    again = launcher.submit(Job(key="k", argv=("train",)))
    assert again.id == "8"
    assert read_status(handle.run_dir).preemptions == preemptions


def test_completed_is_no_success_until_the_run_directory_says_so(tools: Tools, launcher: SlurmLauncher) -> None:
    handle = running(launcher, time.time())
    tools.says("squeue", listed(handle, launcher, "COMPLETED"))
    assert launcher.poll(handle).state == "running"
    (handle.run_dir / "status.json").write_text(Status(state="succeeded").model_dump_json())
    assert launcher.poll(handle).state == "succeeded"
    tools.says("sbatch", None)
    assert launcher.submit(Job(key="k", argv=("train",))).id == handle.id


def test_a_job_that_is_not_listed_ends_as_its_accounting_says(tools: Tools, launcher: SlurmLauncher) -> None:
    handle = running(launcher, 0)
    tools.says("sacct", "CANCELLED by 1000\n")
    assert launcher.poll(handle).state == "running", "one listing without it is no evidence"
    assert launcher.poll(handle).state == "cancelled"


def test_without_accounting_a_job_is_lost_only_when_it_is_silent_too(tools: Tools, launcher: SlurmLauncher) -> None:
    handle = running(launcher, time.time())
    assert [launcher.poll(handle).state for _ in range(4)] == ["running"] * 4
    silent = read_status(handle.run_dir).model_copy(update={"heartbeat": 1.0})
    (handle.run_dir / "status.json").write_text(silent.model_dump_json())
    assert launcher.poll(handle).state == "lost"


def test_a_job_that_only_scontrol_knows_goes_on(tools: Tools, launcher: SlurmLauncher) -> None:
    handle = running(launcher, 0)
    tools.says("scontrol", f"JobId={handle.id} JobName=x JobState=PENDING Reason=Priority\n")
    assert [launcher.poll(handle).state for _ in range(4)] == ["running"] * 4
    tools.says("scontrol", f"JobId={handle.id} JobName=x JobState=PREEMPTED Reason=None\n")
    assert launcher.poll(handle).state == "preempted"


def test_a_squeue_that_fails_says_nothing(tools: Tools, launcher: SlurmLauncher) -> None:
    handle = running(launcher, 0)
    tools.says("squeue", None)
    assert [launcher.poll(handle).state for _ in range(4)] == ["running"] * 4
    with pytest.raises(GristmillError, match="squeue failed"):
        launcher.submit(Job(key="k", argv=("train",)))


def test_a_controller_that_is_not_there_is_told_with_what_to_look_at(tools: Tools, launcher: SlurmLauncher) -> None:
    tool = tools.folder / "squeue"
    tool.write_text("#!/bin/sh\necho 'slurm_load_jobs error: Unable to contact slurm controller' >&2\nexit 1\n")
    with pytest.raises(GristmillError, match=r"controller\. No controller .*sinfo .*SLURM_CONF"):
        launcher.submit(Job(key="k", argv=("train",)))


def test_a_watcher_that_no_longer_beats_is_stalled_while_slurm_says_that_it_runs(
    tools: Tools, launcher: SlurmLauncher
) -> None:
    handle = running(launcher, time.time() - 300)
    tools.says("squeue", listed(handle, launcher, "RUNNING"))
    status = launcher.poll(handle)
    assert (status.state, status.stalled) == ("running", True)
    assert "no heartbeat for 300 s" in status.reason


def test_another_job_that_got_the_number_is_not_ours(tools: Tools, launcher: SlurmLauncher) -> None:
    handle = running(launcher, 0)
    tools.says("squeue", f"{handle.id}|somebody|COMPLETED|None\n")
    tools.says("sacct", "NODE_FAIL\n")
    assert launcher.poll(handle).state == "lost"


@pytest.mark.parametrize(("asked", "uses", "line"), [(0, 4, 2), (8, 4, 8), (0, 3, 2)])
def test_the_gpus_that_a_job_uses_are_asked_for_where_nobody_says(
    tools: Tools, tmp_path: Path, asked: int, uses: int, line: int
) -> None:
    launcher = SlurmLauncher(tmp_path / "jobs", SlurmConfig(nodes=2, gpus=asked))
    handle = launcher.submit(Job(key="k", argv=("train",), gpus=uses))
    assert f"#SBATCH --gpus-per-node={line}\n" in (handle.run_dir / "job.sbatch").read_text()


def test_the_script_asks_for_what_was_given_and_no_more() -> None:
    asked = SlurmConfig(
        partition="gpu", nodes=2, gpus=8, memory="64G", flags=("--constraint=h100 80",), setup=("module load cuda",)
    )
    lines = script(asked, "name", Path("/a lake/%j/k")).splitlines()
    assert lines[0] == "#!/bin/bash"
    assert "#SBATCH --constraint='h100 80'" in lines
    assert "#SBATCH --output='/a lake/%%j/k/log/slurm-%j.out'" in lines
    assert {"#SBATCH --partition=gpu", "#SBATCH --gpus-per-node=8", "#SBATCH --mem=64G"} < set(lines)
    assert not [line for line in lines if "--account" in line or "--time" in line]
    assert lines.index("module load cuda") < len(lines) - 1
    assert lines[-1].startswith("exec ")
    assert lines[-1].endswith(" '/a lake/%j/k' --preemptible")


@pytest.mark.parametrize("flag", ["constraint=x", "--wrap=x\n#SBATCH -p y", "--job-name=mine", "-p gpu"])
def test_an_option_that_is_none_or_ours_is_refused(flag: str) -> None:
    with pytest.raises(UsageError, match="flags"):
        SlurmConfig.parse({"flags": [flag]}, "slurm")
