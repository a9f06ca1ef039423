"""How the mix flow runs what a method asks for: in order, side by side, found before it is started."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from gristmill.core.errors import GristmillError
from gristmill.flows.mix.settings import MixtureSettings
from gristmill.flows.mix.steps import MixtureConfig, MixtureContext, find_weights, run_trial
from gristmill.flows.reporter import Meter
from gristmill.tasks.launch.job import Handle, Job, Status
from gristmill.tasks.mix.domains import Domain
from gristmill.tasks.mix.mixers.mixer import Budget, Goal, Mixture, Outcome, Trace, Trial, one_stage, trial
from gristmill.tasks.mix.mixers.trials import WEIGHTS, write_outcome

DOMAINS = (Domain("code", 60_000, 1, "f0"), Domain("prose", 30_000, 1, "f1"))
GOAL = Goal(45_000)
BUDGET = Budget(steps=20)


def outcome(asked: Trial) -> Outcome:
    return Outcome(asked.id, {"code": 3.0}, Trace(), "sha", 1e9, 1.0)


@dataclass(frozen=True)
class Swarm:
    """A method that asks for ``count`` trials at once, and weighs by the first."""

    count: int
    budget: Budget = BUDGET

    def steps(self, domains: Sequence[Domain]) -> int:
        return self.count * self.budget.steps

    def trials(self, domains: Sequence[Domain]) -> list[Trial]:
        return [trial(domains, {"code": 0.5, "prose": 0.5}, self.budget, seed=seed) for seed in range(self.count)]

    def ask(self, domains: Sequence[Domain], goal: Goal, seen: Sequence[Outcome]) -> list[Trial]:
        return [] if seen else self.trials(domains)

    def tell(self, domains: Sequence[Domain], goal: Goal, seen: Sequence[Outcome]) -> Mixture:
        return one_stage({"code": 0.5, "prose": 0.5}, "swarm", ",".join(entry.trial for entry in seen), goal, {})


def test_trials_asked_for_together_run_side_by_side_and_are_told_in_order() -> None:
    both = threading.Barrier(2, timeout=20)

    def run(asked: Trial) -> Outcome:
        both.wait()
        return outcome(asked)

    mixer = Swarm(4)
    mixture, last = find_weights(mixer, DOMAINS, GOAL, run, 2)
    asked = mixer.trials(DOMAINS)
    assert mixture.inputs == ",".join(entry.id for entry in asked)
    assert last == outcome(asked[-1])


def test_no_trial_starts_after_one_has_failed() -> None:
    started: list[str] = []

    def run(asked: Trial) -> Outcome:
        started.append(asked.id)
        raise GristmillError("the disk is full")

    with pytest.raises(GristmillError, match="the disk is full"):
        find_weights(Swarm(200), DOMAINS, GOAL, run, 1)
    assert len(started) < 200


@dataclass
class FakeLauncher:
    """Ends each job at once, as ``state``; it leaves an outcome where it is told to."""

    root: Path
    given: Outcome | None
    submitted: list[Job]
    name: str = "fake"

    def find(self, key: str) -> Handle | None:
        return None

    def submit(self, job: Job) -> Handle:
        self.submitted.append(job)
        if self.given is not None:
            (self.root / job.key / WEIGHTS).touch()
            write_outcome(self.root / job.key, self.given)
        return Handle(job.key, self.root / job.key, "1")

    def poll(self, handle: Handle) -> Status:
        return Status(state="succeeded", progress="step 10 of 20 loss 3.0 tokens 1")

    def logs(self, handle: Handle, offset: int) -> tuple[bytes, int]:
        return b"", offset

    def cancel(self, handle: Handle) -> None:
        """Nothing runs."""


def test_a_trial_is_a_job_that_is_found_before_it_is_started(tmp_path: Path) -> None:
    (asked,) = Swarm(1).trials(DOMAINS)
    launcher, meter = FakeLauncher(tmp_path, outcome(asked), []), Meter()
    told: list[tuple[int, str]] = []
    meter.advance = lambda count=1, note="": told.append((count, note))
    context = MixtureContext(launcher, 1, meter)
    assert run_trial(asked, [tmp_path / "tokens"], context) == outcome(asked)
    (job,) = launcher.submitted
    assert job.key == asked.id
    assert job.argv[-1] == str(tmp_path / asked.id)
    assert [entry for entry in told if entry[0]] == [(10, "static trial"), (10, "")]
    assert run_trial(asked, [tmp_path / "tokens"], context) == outcome(asked)
    assert len(launcher.submitted) == 1


def test_a_job_that_leaves_no_outcome_says_what_to_do(tmp_path: Path) -> None:
    (asked,) = Swarm(1).trials(DOMAINS)
    context = MixtureContext(FakeLauncher(tmp_path, None, []), 1, Meter())
    with pytest.raises(GristmillError, match="ended without an outcome; remove"):
        run_trial(asked, [tmp_path / "tokens"], context)


def test_a_method_says_what_its_trials_cost() -> None:
    def of(method: str) -> tuple[bool, int]:
        settings = MixtureSettings.parse({"name": "m", "method": method, "steps": 40}, "test")
        mixer = MixtureConfig(mixture=settings, row_tokens=64, seed=0, goal=GOAL).mixer
        return mixer.budget is not None, mixer.steps(DOMAINS)

    assert of("doremi") == (True, 80)
    assert of("uniform") == of("proportional") == of("weights") == (False, 0)
