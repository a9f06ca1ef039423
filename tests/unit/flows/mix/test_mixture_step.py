"""How the mix flow runs what a method asks for: in order, side by side, found before it is started."""

import io
import json
import math
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from gristmill.core.digests import canonical_json, digest_bytes
from gristmill.core.errors import GristmillError, UsageError
from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset, FilesRef, Manifest
from gristmill.core.steps.inputs import Inputs as InputsOf
from gristmill.core.table import conform
from gristmill.flows.mix.curriculum import stage_rows
from gristmill.flows.mix.methods import before_training, mixer_of
from gristmill.flows.mix.reuse import earlier_trials, read_trials
from gristmill.flows.mix.settings import MixSettings
from gristmill.flows.mix.show import show_mixtures, warnings
from gristmill.flows.mix.steps import MixtureConfig, mixture_config, mixture_step, report_step
from gristmill.flows.mix.trials import DoneTrial, MixtureContext, domains_of, run_asked, run_group, run_trials
from gristmill.flows.reporter import Meter
from gristmill.tasks.launch.job import Handle, Job, Status
from gristmill.tasks.mix.domains import Domain
from gristmill.tasks.mix.mixers import mixer
from gristmill.tasks.mix.mixers.mixer import Budget, Goal, Mixture, Outcome, Trace, Trial, one_stage, trial
from gristmill.tasks.mix.mixers.trials import TRAINER, WEIGHTS, TrialJob, read_outcome, write_outcome
from gristmill.tasks.mix.plan import FILE, Plan
from gristmill.tasks.mix.token_store import TokenStore
from tests.helpers.training_inputs import ROW, Inputs, make_inputs

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


def test_trials_are_told_in_the_order_they_were_asked_for() -> None:
    mixer = Swarm(4)
    search = run_asked(mixer, DOMAINS, GOAL, lambda asked: [outcome(trial) for trial in asked])
    asked = mixer.trials(DOMAINS)
    assert search.trials == tuple(asked)
    assert search.outcomes == tuple(outcome(trial) for trial in asked)


@dataclass
class FakeLauncher:
    """Ends each job at once; each of its trials leaves what ``give`` makes of it."""

    root: Path
    give: Callable[[Trial], Outcome | None]
    submitted: list[Job] = field(default_factory=list)
    ran: list[str] = field(default_factory=list)
    name: str = "fake"

    def find(self, key: str) -> Handle | None:
        return None

    def submit(self, job: Job) -> Handle:
        self.submitted.append(job)
        for folder in map(Path, job.argv[job.argv.index(TRAINER) + 1 :]):
            trial = TrialJob.read(folder).trial
            if read_outcome(folder) is None and (found := self.give(trial)) is not None:
                self.ran.append(trial.id)
                (folder / WEIGHTS).touch()
                write_outcome(folder, found)
        return Handle(job.key, self.root / job.key, "1")

    def poll(self, handle: Handle) -> Status:
        return Status(state="succeeded", progress="step 10 of 20 loss 3.0 tokens 1", step=10)

    def logs(self, handle: Handle, offset: int) -> tuple[bytes, int]:
        return b"", offset

    def cancel(self, handle: Handle) -> None:
        """Nothing runs."""


def test_jobs_run_side_by_side(tmp_path: Path) -> None:
    both = threading.Barrier(2, timeout=120)

    def give(trial: Trial) -> Outcome:
        both.wait()
        return outcome(trial)

    asked = Swarm(4).trials(DOMAINS)
    context = MixtureContext(FakeLauncher(tmp_path, give), 2, Meter())
    assert run_trials(asked, [tmp_path / "tokens"], context) == [outcome(trial) for trial in asked]


def test_no_trial_starts_after_one_has_failed(tmp_path: Path) -> None:
    def give(trial: Trial) -> Outcome:
        raise GristmillError("the disk is full")

    launcher = FakeLauncher(tmp_path, give)
    with pytest.raises(GristmillError, match="the disk is full"):
        run_trials(Swarm(200).trials(DOMAINS), [tmp_path / "tokens"], MixtureContext(launcher, 1, Meter()))
    assert len(launcher.submitted) < 25


def test_a_trial_is_a_job_that_is_found_before_it_is_started(tmp_path: Path) -> None:
    (asked,) = Swarm(1).trials(DOMAINS)
    launcher, meter = FakeLauncher(tmp_path, outcome), Meter()
    told: list[tuple[int, str]] = []
    meter.advance = lambda count=1, note="": told.append((count, note))
    context = MixtureContext(launcher, 1, meter)
    assert run_group([asked], [tmp_path / "tokens"], context) == [outcome(asked)]
    (job,) = launcher.submitted
    assert job.key == asked.id
    assert job.argv[-1] == str(tmp_path / asked.id)
    assert [entry for entry in told if entry[0]] == [(10, "static trials"), (10, "")]
    assert run_group([asked], [tmp_path / "tokens"], context) == [outcome(asked)]
    assert len(launcher.submitted) == 1


def test_many_trials_share_jobs_that_are_the_same_when_some_are_done(tmp_path: Path) -> None:
    asked = Swarm(40).trials(DOMAINS)

    def dies(trial: Trial) -> Outcome:
        if trial in asked[11:]:
            raise GristmillError("the machine went down")
        return outcome(trial)

    first = FakeLauncher(tmp_path, dies)
    with pytest.raises(GristmillError, match="went down"):
        run_trials(asked, [tmp_path / "tokens"], MixtureContext(first, 1, Meter()))
    second = FakeLauncher(tmp_path, outcome)
    found = run_trials(asked, [tmp_path / "tokens"], MixtureContext(second, 1, Meter()))
    assert found == [outcome(trial) for trial in asked]
    assert [len(job.argv) - job.argv.index(TRAINER) - 1 for job in second.submitted] == [8, 8, 8, 8]
    assert second.submitted[0].key == first.submitted[1].key
    assert sorted(first.ran + second.ran) == sorted(trial.id for trial in asked)


def test_a_job_that_leaves_no_outcome_says_what_to_do(tmp_path: Path) -> None:
    (asked,) = Swarm(1).trials(DOMAINS)
    context = MixtureContext(FakeLauncher(tmp_path, lambda trial: None), 1, Meter())
    with pytest.raises(GristmillError, match="ended without an outcome; remove"):
        run_group([asked], [tmp_path / "tokens"], context)


def test_a_method_says_what_its_trials_cost(tmp_path: Path) -> None:
    def of(method: str, **more: object) -> tuple[bool, int]:
        mixture = {"name": "m", "method": method, **more}
        mixer = mixer_of(MixSettings.parse({"mixtures": [mixture]}, "test").mixtures[0], 0, tmp_path)
        return mixer.budget is not None, mixer.steps(DOMAINS)

    short = {"budget": {"steps": 40}}
    assert of("doremi", steps=40) == (True, 80)
    assert of("doremi", options={"rounds": 3, **short}) == (True, 240)
    assert of("mixmin", options=short) == (True, 80)
    assert of("swarm", options=short) == (True, 34 * 40)
    assert of("uniform") == of("proportional") == of("temperature") == of("unimax") == (False, 0)
    assert of("static", weights={"code": 1.0}) == (False, 0)


# -- the steps over a real token store --------------------------------------------------------------------------------

FIT = {"bootstraps": 20, "permutations": 99}
OPTIONS: dict[str, object] = {"budget": {"steps": 10}, "adaptive": 2, "kl": 0.001, "fit": FIT}
SWARM: dict[str, object] = {"name": "s", "method": "swarm", "options": OPTIONS}


def planted(trial: Trial) -> Outcome:
    """Losses that fall with the share of their domain; code pays most."""
    noise = 0.001 * ((trial.seed % 7) - 3)
    losses = {name: 2 + depth * math.exp(-2 * trial.weights[name]) + noise for name, depth in DEPTHS.items()}
    return Outcome(trial.id, losses, Trace(), "sha", 1e9, 1.0, parameters=250_000)


DEPTHS = {"code": 3.0, "prose": 1.2}


def found_by(
    mixture: dict[str, object], inputs: Inputs, base: Path, launcher: FakeLauncher
) -> tuple[dict[str, object], dict[str, list[dict[str, Any]]]]:
    """What both steps give for a mixture: the facts of the first, and the tables of both by name."""
    settings = MixSettings.parse({"mixtures": [mixture], "target_tokens": 20_000}, "test")
    config = mixture_config(settings.mixtures[0], settings.model_copy(update={"row_tokens": ROW}))
    context = MixtureContext(launcher, 2, Meter())
    for name in ("plan", "report"):
        (base / name).mkdir(parents=True)
    first = config.model_copy(update={"mixture": before_training(config.mixture)})
    step, report = mixture_step(context), report_step(context)
    written = step.function([inputs.tokens], first, base / "plan")
    before = len(launcher.ran)
    reported = report.function([base / "plan", inputs.tokens], config, base / "report")
    tables = zip((*step.writes, *report.writes), (*written.tables, *reported.tables), strict=True)
    facts = {**written.facts, "ran_before_the_report": before}
    stages = stage_rows(config.mixture.name, Plan.load(base / "plan" / FILE), written.facts.get("without_value", {}))
    found = {table.name: conform(table, rows).to_pylist() for table, rows in tables}
    return facts, found | {"mixture_stages": stages}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    return make_inputs(tmp_path_factory.mktemp("inputs"))


def test_a_swarm_stores_its_trials_predictions_checks_caps_and_baselines(inputs: Inputs, tmp_path: Path) -> None:
    launcher = FakeLauncher(tmp_path / "trials", planted)
    facts, tables = found_by(SWARM, inputs, tmp_path / "out", launcher)
    roles = Counter({row["trial"]: row["role"] for row in tables["trials"]}.values())
    assert roles["adaptive"] == 2
    assert roles["held-out"] >= 3
    assert set(roles) == {"design", "anchor", "deletion", "upweight", "held-out", "adaptive"}
    shares = {(row["trial"], row["domain"]): row["weight"] for row in tables["trials"]}
    assert sum(shares.values()) == pytest.approx(len({trial for trial, _ in shares}))
    assert all(row["predicted"] is not None for row in tables["trial_results"])
    diagnostics = facts["diagnostics"]
    assert isinstance(diagnostics, dict)
    # The prediction is in the manifest of a step that no trial of the winner had run for.
    assert facts["ran_before_the_report"] == len(launcher.ran) - 2
    winner = {row["metric"]: row for row in tables["mixture_predictions"] if row["subject"] == "winner"}
    assert winner["objective"]["predicted"] == pytest.approx(diagnostics["predicted"])
    assert winner["objective"]["low"] <= winner["objective"]["predicted"] <= winner["objective"]["high"]
    checks = {row["name"]: row for row in tables["mixture_checks"]}
    assert checks["spearman"]["value"] > 0.9
    assert not checks["nothing_learnt"]["value"]
    assert checks["winner_gap"]["value"] == pytest.approx(0, abs=0.05)
    assert checks["parameters"]["warning"]
    assert "below 15M" in checks["parameters"]["detail"]
    own = {row["domain"]: row for row in tables["mixture_baselines"] if row["baseline"] == "s"}
    uniform = {row["domain"]: row for row in tables["mixture_baselines"] if row["baseline"] == "uniform"}
    assert own["code"]["raw"] > 0.6 > 0.5 == uniform["code"]["raw"]
    assert own["code"]["low"] <= own["code"]["capped"] + 0.05
    assert {row["cap"] for row in tables["mixture_caps"]} == {4.0, 8.0, 16.0}
    again = FakeLauncher(tmp_path / "trials", planted)
    assert found_by(SWARM, inputs, tmp_path / "again", again) == ({**facts, "ran_before_the_report": 0}, tables)
    assert again.ran == []


def test_shuffled_outcomes_say_that_nothing_was_learnt(inputs: Inputs, tmp_path: Path) -> None:
    def noise(trial: Trial) -> Outcome:
        losses = {name: 3 + (int(trial.id[:6], 16) % 1000) / 5000 for name in DEPTHS}
        return Outcome(trial.id, losses, Trace(), "sha", 1e9, 1.0, parameters=250_000)

    _, tables = found_by(SWARM, inputs, tmp_path / "out", FakeLauncher(tmp_path / "trials", noise))
    told = warnings(tables["mixture_checks"])
    assert any("nothing_learnt" in line and "no better than chance" in line for line in told)
    shares = {row["baseline"]: row["raw"] for row in tables["mixture_baselines"] if row["domain"] == "code"}
    assert shares["s"] == pytest.approx(shares["proportional"], abs=1e-3)


def test_a_rule_has_caps_and_baselines_and_no_trial(inputs: Inputs, tmp_path: Path) -> None:
    mixture: dict[str, object] = {"name": "flat", "method": "unimax"}
    _, tables = found_by(mixture, inputs, tmp_path / "out", FakeLauncher(tmp_path / "trials", planted))
    assert not tables["trials"] + tables["trial_results"] + tables["mixture_checks"] + tables["mixture_predictions"]
    assert {row["baseline"] for row in tables["mixture_baselines"]} == {"flat", "proportional", "uniform"}
    console = Console(width=200, record=True, file=io.StringIO())
    show_mixtures(tables, console)
    text = console.export_text()
    assert all(word in text for word in ("flat", "capped", "realised", "proportional", "at most 16 epochs"))


def printed(tables: dict[str, list[dict[str, Any]]]) -> str:
    console = Console(width=220, record=True, file=io.StringIO())
    show_mixtures(tables, console)
    return console.export_text()


def test_annealing_is_two_stages_and_says_what_the_default_rate_does_to_it(inputs: Inputs, tmp_path: Path) -> None:
    mixture: dict[str, object] = {
        "name": "flat",
        "method": "uniform",
        "curriculum": {"preset": "annealing", "last": 0.25, "boost": {"code": 3}},
    }
    facts, tables = found_by(mixture, inputs, tmp_path / "out", FakeLauncher(tmp_path / "trials", planted))
    assert "without_value" not in facts
    shares = {(row["stage"], row["domain"]): row["realised"] for row in tables["mixtures"]}
    assert shares == pytest.approx(
        {(0, "code"): 0.5, (0, "prose"): 0.5, (1, "code"): 0.75, (1, "prose"): 0.25}, abs=0.03
    )
    ends = [(row["first_token"], row["until_token"], row["signal"]) for row in tables["mixture_stages"]]
    border = -(-15_000 // ROW) * ROW
    assert ends == [(0, border, None), (border, -(-20_000 // ROW) * ROW, None)]
    text = printed(tables)
    assert "Stages" in text
    assert "code 0.7" in text
    assert "Careful: flat: the last stage, stage 1, is read at 15% of the peak learning rate (cosine, which" in text


def test_a_sorted_mixture_is_printed_with_what_an_order_cannot_do(inputs: Inputs, tmp_path: Path) -> None:
    mixture: dict[str, object] = {"name": "long", "method": "uniform", "curriculum": "long-documents-last"}
    facts, tables = found_by(mixture, inputs, tmp_path / "out", FakeLauncher(tmp_path / "trials", planted))
    assert facts["without_value"] == {"0": 0.0}
    (stage,) = tables["mixture_stages"]
    assert (stage["signal"], stage["descending"], stage["without_value"]) == ("length", False, 0.0)
    (row,) = [row for row in tables["mixtures"] if row["domain"] == "code"]
    assert row["epochs"] > 1.05
    text = printed(tables)
    assert "length, ascending" in text
    assert "Careful: long: stage 0 is sorted by length, and what comes last is read at 13%" in text
    assert f"it goes from 0.00 to {row['epochs']:.2f} readings of code, and its order starts over with each" in text
    stage["without_value"] = 0.25
    assert "25% of its rows have no length, and come last" in printed(tables)
    plain = found_by({"name": "flat", "method": "uniform"}, inputs, tmp_path / "flat", FakeLauncher(tmp_path, planted))[
        1
    ]
    assert "Stages" not in printed(plain)


def test_what_is_printed_says_how_far_a_swarm_can_be_trusted(inputs: Inputs, tmp_path: Path) -> None:
    _, tables = found_by(SWARM, inputs, tmp_path / "out", FakeLauncher(tmp_path / "trials", planted))
    console = Console(width=200, record=True, file=io.StringIO())
    show_mixtures(tables, console)
    text = console.export_text()
    assert "90 % interval" in text
    assert "held_out_spearman" in text
    assert "Careful: s: parameters: proxies of 250k parameters: below 15M" in text


def swarm_config(**options: object) -> MixtureConfig:
    settings = MixSettings.parse(
        {"mixtures": [{**SWARM, "options": {**OPTIONS, **options}}], "target_tokens": 20_000}, "test"
    )
    return MixtureConfig(mixture=settings.mixtures[0], row_tokens=ROW, seed=0, goal=settings.goal)


def with_domain(inputs: Inputs, folder: Path, name: str, tokens: int) -> Path:
    """A folder of tokens with one more domain, ``name``: the first tokens of ``code``."""
    folder.mkdir(parents=True)
    manifest = json.loads((inputs.tokens / "manifest.json").read_bytes())
    kind = np.dtype(manifest["dtype"])
    data = {
        "tok": (inputs.tokens / "code.train.tok").read_bytes()[: tokens * kind.itemsize],
        "ends": np.array([tokens], dtype="<u8").tobytes(),
        "docs": bytes(16),
    }
    for ending, each in data.items():
        (folder / f"{name}.train.{ending}").write_bytes(each)
    digests = {ending: digest_bytes(each) for ending, each in data.items()}
    entry = {"documents": 1, "tokens": tokens, "bytes": tokens, "digests": digests}
    (folder / "manifest.json").write_bytes(canonical_json({**manifest, "domains": {name: {"train": entry}}}))
    return folder


def test_trials_that_a_change_of_the_data_leaves_valid_are_used_again(inputs: Inputs, tmp_path: Path) -> None:
    lake, launcher = Lake.open(tmp_path / "lake"), FakeLauncher(tmp_path / "trials", planted)
    tokens = (lake.publish_files(shutil.copytree(inputs.tokens, tmp_path / "old"), "tokens", "old", "0" * 16),)
    added = lake.publish_files(with_domain(inputs, tmp_path / "web", "web", 4_000), "tokens", "new", "1" * 16)

    def commit(config: MixtureConfig, refs: tuple[FilesRef, ...]) -> Manifest:
        """Find a mixture as the flow does, and make its mix the current one."""
        context = MixtureContext(launcher, 2, Meter())
        earlier = earlier_trials(lake, "m", config, refs, mixture_step(context))
        context = replace(context, earlier=earlier)
        config = config.model_copy(update={"earlier": tuple(each.designed.trial.id for each in earlier)})
        first = config.model_copy(update={"mixture": before_training(config.mixture)})
        plan = mixture_step(context).run(lake, "s", InputsOf(files=refs), first).manifest
        report = report_step(context).run(lake, "s", InputsOf(files=(*plan.files, *refs)), config).manifest
        settings = {"mixtures": [config.mixture.model_dump(mode="json")]}
        files = {"mixture-report": report.files}
        lake.commit(Dataset(kind="mix", name="m", config={"settings": settings}, counts={}, tables={}, files=files))
        return plan

    def earlier(refs: tuple[FilesRef, ...], **options: object) -> tuple[DoneTrial, ...]:
        step = mixture_step(MixtureContext(launcher, 2, Meter()))
        return earlier_trials(lake, "m", swarm_config(**options), refs, step)

    before = commit(swarm_config(), tokens)
    reused = earlier((*tokens, added))
    assert "adaptive" not in {each.designed.role for each in reused}
    assert len(reused) > 25
    # Other settings over the same data are a replication or another design, and take nothing.
    assert earlier(tokens) == earlier(tokens, seed=1) == earlier(tokens, budget={"steps": 20}) == ()
    assert earlier((*tokens, added), seed=1) == earlier((*tokens, added), design={"trials_per_domain": 5}) == ()
    with pytest.MonkeyPatch.context() as patch:  # losses of another trainer are not comparable
        patch.setattr(mixer, "TRIAL_VERSION", mixer.TRIAL_VERSION + 1)
        assert earlier((*tokens, added)) == ()
    ran = len(launcher.ran)
    after = commit(swarm_config(), (*tokens, added))
    assert len(after.config["earlier"]) == len(reused)
    stored = read_trials(lake.files_path(report_of(lake)))
    assert {each.designed.trial.id for each in stored if each.designed.earlier} == set(after.config["earlier"])
    assert len(launcher.ran) - ran == len(stored) - len(reused)
    assert commit(swarm_config(), (*tokens, added)).key == after.key
    # Back to the old data: the old mixture, although trials of the new one would count.
    assert commit(swarm_config(), tokens).key == before.key


def report_of(lake: Lake) -> FilesRef:
    dataset = lake.dataset("mix", "m")
    assert dataset is not None
    return dataset.files["mixture-report"][0]


def test_a_domain_too_small_for_a_row_of_the_run_has_no_part_in_trials(inputs: Inputs, tmp_path: Path) -> None:
    store = TokenStore.open([inputs.tokens, with_domain(inputs, tmp_path / "web", "web", ROW + 5)])
    assert [domain.name for domain in store.domains(ROW)] == ["code", "prose", "web"]
    assert [domain.name for domain in domains_of(Budget(row_tokens=ROW), store, 2 * ROW)] == ["code", "prose"]
    launcher = FakeLauncher(tmp_path / "trials", planted)
    context = MixtureContext(launcher, 2, Meter())
    config = swarm_config().model_copy(update={"row_tokens": 2 * ROW})
    folders = [inputs.tokens, tmp_path / "web"]
    for name in ("plan", "report"):
        (tmp_path / name).mkdir()
    mixture_step(context).function(folders, config, tmp_path / "plan")
    report_step(context).function([tmp_path / "plan", *folders], config, tmp_path / "report")
    assert launcher.ran


def test_a_domain_too_small_for_a_row_of_a_trial_is_told_before_any_trial(inputs: Inputs, tmp_path: Path) -> None:
    folders = [inputs.tokens, with_domain(inputs, tmp_path / "web", "web", 40)]
    launcher = FakeLauncher(tmp_path / "trials", planted)
    config = swarm_config().model_copy(update={"row_tokens": 32})
    with pytest.raises(UsageError, match=r"\['web'\] hold .* no row of 65 .*row_tokens of the mixture to 32 or less"):
        mixture_step(MixtureContext(launcher, 2, Meter())).function(folders, config, tmp_path)
    assert not launcher.ran


def test_other_tokens_make_other_trials(inputs: Inputs, tmp_path: Path) -> None:
    settings = MixSettings.parse({"mixtures": [SWARM], "target_tokens": 20_000}, "test")
    mixer = mixer_of(settings.mixtures[0], 0, tmp_path)
    domains = TokenStore.open([inputs.tokens]).domains(65)
    changed = [replace(domain, fingerprint="other") if domain.name == "code" else domain for domain in domains]
    before, after = ({trial.id: trial for trial in mixer.ask(each, settings.goal, [])} for each in (domains, changed))
    # Only trials that never read the changed domain are those of before.
    assert all(trial.weights["code"] == 0 for name, trial in before.items() if name in after)
    with pytest.raises(GristmillError, match="has not seen"):
        mixer.tell(changed, settings.goal, [planted(trial) for trial in before.values()])
