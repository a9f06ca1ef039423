"""Following a job, with a launcher that says what a test wrote down."""

import errno
import os
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest

from gristmill.core.errors import GristmillError
from gristmill.flows.train import jobs
from gristmill.flows.train.jobs import MOST_PREEMPTIONS, follow, run_job
from gristmill.tasks.launch.job import Handle, Job, Status

JOB = Job(key="k", argv=("train",))


@dataclass
class Scripted:
    """Gives its statuses one after the other, and counts how often the job was submitted."""

    statuses: list[Status]
    submitted: int = 0
    name: str = "local"
    root: Path = field(default_factory=Path)

    def find(self, key: str) -> Handle | None:
        return None

    def submit(self, job: Job) -> Handle:
        self.submitted += 1
        return Handle(job.key, self.root, str(self.submitted))

    def poll(self, handle: Handle) -> Status:
        return self.statuses.pop(0)

    def logs(self, handle: Handle, offset: int) -> tuple[bytes, int]:
        return b"", offset

    def cancel(self, handle: Handle) -> None:
        return


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "POLL_SECONDS", 0)


def preempted(step: int) -> Status:
    return Status(state="preempted", step=step)


@dataclass
class Saving(Scripted):
    """Saves a checkpoint in each attempt."""

    def submit(self, job: Job) -> Handle:
        handle = super().submit(job)
        folder = self.root / "checkpoints" / f"step-{self.submitted}"
        folder.mkdir(parents=True)
        (folder / "checkpoint.json").touch()
        return handle


def test_a_preempted_job_is_submitted_again_as_long_as_it_saves_more(tmp_path: Path) -> None:
    launcher = Saving([*[preempted(3)] * 20, Status(state="succeeded")], root=tmp_path)
    follow(launcher, JOB, "a test", lambda words: None)
    assert launcher.submitted == 21


def test_a_job_that_saves_nothing_is_given_up_however_far_it_gets(tmp_path: Path) -> None:
    launcher = Scripted([preempted(step) for step in range(50)], root=tmp_path)
    told = r"(?s)a test was preempted 6 times in a row and saved nothing new.*step 5.*checkpoints more often"
    with pytest.raises(GristmillError, match=told):
        follow(launcher, JOB, "a test", lambda words: None)
    assert launcher.submitted == MOST_PREEMPTIONS + 1


def test_a_person_is_told_why_a_job_waits_once_for_each_reason() -> None:
    waits = [Status(state="queued", reason=reason) for reason in ("Priority", "Priority", "Resources", "")]
    launcher = Scripted([*waits, Status(state="running", progress="step 1"), Status(state="succeeded")])
    steps: list[str] = []
    reasons: list[str] = []
    follow(launcher, JOB, "a test", lambda status: steps.append(status.progress), reasons.append)
    assert (steps, reasons) == (["step 1"], ["Priority", "Resources", ""])


def test_steps_are_those_of_the_status_also_where_the_line_does_not_tell_them() -> None:
    """TRL prints its losses apart from its steps, which the watcher finds in the line after."""
    going = [Status(state="running", progress="{'loss': 2.5}", step=7), Status(state="succeeded")]
    told: list[tuple[int, str]] = []
    run_job(Scripted(going), JOB, "a test", 9, lambda step, words: told.append((step, words)), str.upper)
    assert told == [(7, "{'LOSS': 2.5}"), (9, "")]


@pytest.mark.parametrize("free", [1 << 40, 0])
def test_a_full_disk_is_told_with_what_to_do(free: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs.shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    said = f"SafetensorError: I/O error: {os.strerror(errno.ENOSPC)} (os error 28)" if free else "the watcher is gone"
    launcher = Scripted([Status(state="failed", reason=said)], root=tmp_path)
    told = r"(?s)a test ended as failed, because the disk of .* is full: .*Free some space .*run the same command again"
    with pytest.raises(GristmillError, match=told):
        follow(launcher, JOB, "a test", lambda status: None)


def test_another_failure_says_nothing_of_disks(tmp_path: Path) -> None:
    with pytest.raises(GristmillError, match="ended as failed: no such file") as told:
        follow(Scripted([Status(state="failed", reason="no such file")], root=tmp_path), JOB, "a", lambda status: None)
    assert "disk" not in str(told.value)
