"""Mixers, caps, audit and trials through their public functions."""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gristmill.core.digests import canonical_json, digest_bytes
from gristmill.core.errors import GristmillError, UsageError
from gristmill.core.table import conform
from gristmill.schemas.tables import Mixtures, MixtureTrace
from gristmill.tasks.mix.audit import audit, mixture_rows, trace_rows
from gristmill.tasks.mix.domains import Domain
from gristmill.tasks.mix.mixers.doremi import DoReMi, DoReMiConfig, UpdateConfig
from gristmill.tasks.mix.mixers.mixer import (
    Budget,
    Goal,
    Mixer,
    Mixture,
    Outcome,
    Stage,
    Trace,
    Trial,
    cap,
    one_stage,
    trial,
)
from gristmill.tasks.mix.mixers.mixmin import MixMin, MixMinConfig, read_target
from gristmill.tasks.mix.mixers.proxy_size import parameters, size_of
from gristmill.tasks.mix.mixers.reweighter import reweighter
from gristmill.tasks.mix.mixers.rules import Static, StaticConfig
from gristmill.tasks.mix.mixers.trials import TRAINER, TrialJob, prepare, read_outcome
from gristmill.tasks.mix.planning import make_plan
from gristmill.tasks.mix.token_store import TokenStore

ROW = 9
DOMAINS = (Domain("code", 60_003, 1, "f0"), Domain("prose", 30_006, 1, "f1"), Domain("web", 9_000, 1, "f2"))
GOAL = Goal(45_000)
CONFIG = DoReMiConfig(budget=Budget(steps=4, batch_rows=4, row_tokens=ROW))


def weights(mixture: Mixture) -> dict[str, float]:
    (stage,) = mixture.stages
    return dict(stage.weights)


def static(rule: Any) -> Static:
    return Static(StaticConfig.parse({"weights": rule}, "test"))


def outcome(asked: Trial, steps: Sequence[Sequence[float]] = ()) -> Outcome:
    rows = tuple(tuple(step) for step in steps)
    names = tuple(domain.name for domain in DOMAINS) if rows else ()
    return Outcome(asked.id, {"code": 3.0}, Trace(names, rows, rows), "sha", 1e9, 12.5)


# -- rules ------------------------------------------------------------------------------------------------------------


def test_rules_need_no_trial_and_give_their_shares() -> None:
    mixer: Mixer = static("proportional")
    assert mixer.ask(DOMAINS, GOAL, ()) == []
    assert weights(mixer.tell(DOMAINS, GOAL, ())) == pytest.approx(
        {"code": 60_003 / 99_009, "prose": 30_006 / 99_009, "web": 9_000 / 99_009}
    )
    assert weights(static("uniform").tell(DOMAINS, GOAL, ())) == pytest.approx(
        dict.fromkeys(["code", "prose", "web"], 1 / 3)
    )
    given = {"web": 0.5, "code": 0.25, "prose": 0.25}
    assert weights(static(given).tell(DOMAINS, GOAL, ())) == given


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"code": 0.5, "prose": 0.5}, "no weight for the domains"),
        ({"code": 0.5, "poetry": 0.5}, r"weights for unknown domains \['poetry'\]"),
        ({"code": 0.5, "prose": 0.2, "web": 0.2, "books": 0.1}, "unknown domains"),
        ({"code": 0.5, "prose": 0.2, "web": 0.2}, "sum to 0.9"),
        ({"code": 1.5, "prose": -0.5, "web": 0.0}, "not negative"),
    ],
)
def test_shares_that_do_not_fit_the_domains_are_refused(given: dict[str, float], message: str) -> None:
    with pytest.raises(GristmillError, match=message):
        static(given).tell(DOMAINS, GOAL, ())


def test_a_mixture_knows_the_tokens_it_was_made_for() -> None:
    other = (replace(DOMAINS[0], fingerprint="changed"), *DOMAINS[1:])
    mixtures = [static("uniform").tell(domains, GOAL, ()) for domains in (DOMAINS, other)]
    assert mixtures[0].stages == mixtures[1].stages
    assert mixtures[0].inputs != mixtures[1].inputs
    assert mixtures[0].digest != mixtures[1].digest


# -- caps -------------------------------------------------------------------------------------------------------------


def test_caps_keep_what_was_asked_beside_what_is_possible() -> None:
    goal = Goal(90_000, max_epochs=2)
    capped = cap(static("uniform").tell(DOMAINS, goal, ()), DOMAINS, goal)
    (stage,) = capped.stages
    assert stage.raw == pytest.approx(dict.fromkeys(["code", "prose", "web"], 1 / 3))
    assert stage.weights == pytest.approx({"code": 0.4, "prose": 0.4, "web": 0.2})


def test_minimums_are_kept() -> None:
    goal = Goal(10_000, minimums={"web": 0.3})
    capped = cap(static({"code": 0.6, "prose": 0.3, "web": 0.1}).tell(DOMAINS, goal, ()), DOMAINS, goal)
    assert weights(capped) == pytest.approx({"code": 0.7 * 2 / 3, "prose": 0.7 / 3, "web": 0.3})
    with pytest.raises(GristmillError, match="unknown domains"):
        cap(capped, DOMAINS, Goal(10_000, minimums={"books": 0.1}))
    with pytest.raises(GristmillError, match=r"a prior for unknown domains \['books'\]"):
        cap(capped, DOMAINS, Goal(10_000, prior={"books": 1.0}))
    with pytest.raises(GristmillError, match=r"minimums sum to 1\.2, above 1"):
        cap(capped, DOMAINS, Goal(10_000, minimums={"code": 0.6, "web": 0.6}))


def test_stages_share_the_cap_of_a_domain() -> None:
    shares = {"code": 0.5, "prose": 0.0, "web": 0.5}
    mixture = Mixture((Stage(20_000, shares, shares), Stage(80_000, shares, shares)), "static", "inputs")
    first, second = cap(mixture, DOMAINS, Goal(80_000, max_epochs=2)).stages
    assert second.weights["web"] == pytest.approx(0.3)  # the 18 000 tokens that two epochs give, kept for the end
    assert second.weights["code"] == pytest.approx(0.7)
    assert first.weights["web"] == pytest.approx(0)


def test_a_target_that_cannot_be_met_says_what_can() -> None:
    goal = Goal(1_000_000)
    with pytest.raises(GristmillError, match="at most 396036 can"):
        cap(static("uniform").tell(DOMAINS, goal, ()), DOMAINS, goal)


# -- DoReMi as a mixer ------------------------------------------------------------------------------------------------


def test_doremi_asks_for_the_reference_then_the_proxy_then_tells() -> None:
    mixer: Mixer = DoReMi(CONFIG)
    (reference,) = mixer.ask(DOMAINS, GOAL, [])
    assert (reference.loop, reference.init) == ("static", None)
    assert reference.weights["code"] == pytest.approx(60_003 / 99_009)
    assert reference.data_share == pytest.approx(4 * 4 * ROW / 45_000)
    first = outcome(reference)
    (proxy,) = mixer.ask(DOMAINS, GOAL, [first])
    assert (proxy.loop, proxy.init) == ("doremi", reference.id)
    assert dict(proxy.options) == {"eta": 0.1, "smoothing": 1e-3, "clip": "token"}
    assert mixer.ask(DOMAINS, GOAL, [first]) == [proxy]  # the same question has the same answer
    second = outcome(proxy, [(0.3, 0.3, 0.4), (0.3, 0.4, 0.3), (0.4, 0.3, 0.3), (0.4, 0.4, 0.2)])
    assert mixer.ask(DOMAINS, GOAL, [second, first]) == []
    mixture = mixer.tell(DOMAINS, GOAL, [second, first])
    assert weights(mixture) == pytest.approx({"code": 0.35, "prose": 0.35, "web": 0.3})
    assert mixture.diagnostics["effective_domains"] == pytest.approx(2.99, abs=0.01)
    assert mixture.diagnostics["drift"] == pytest.approx(0.1)
    assert mixture.diagnostics["converged"] is False
    slower = [replace(first, seconds=99.0), second]
    assert mixer.tell(DOMAINS, GOAL, slower).digest == mixture.digest  # no measurement enters the mixture


def test_doremi_goes_on_from_its_last_weights_until_they_settle_or_the_rounds_are_used_up() -> None:
    def run(rounds: int, traces: list[tuple[float, float, float]]) -> tuple[Mixture, list[Trial]]:
        mixer = DoReMi(CONFIG.model_copy(update={"rounds": rounds}))
        asked: list[Trial] = []
        seen: list[Outcome] = []
        while trials := mixer.ask(DOMAINS, GOAL, seen):
            asked += trials
            told = traces[len(asked) // 2 - 1]
            seen += [outcome(each, [told] * 4 if each.loop == "doremi" else ()) for each in trials]
        return mixer.tell(DOMAINS, GOAL, seen), asked

    first, second, third = (0.3, 0.3, 0.4), (0.2, 0.3, 0.5), (0.2004, 0.2998, 0.4998)
    mixture, asked = run(2, [first, second])
    assert len(asked) == 4
    assert list(asked[2].weights.values()) == pytest.approx(first)
    assert asked[3].init == asked[2].id
    assert weights(mixture) == pytest.approx(dict(zip(("code", "prose", "web"), second, strict=True)))
    assert (mixture.diagnostics["rounds"], mixture.diagnostics["settled"]) == (2, False)
    assert mixture.diagnostics["moved"] == pytest.approx(0.1)
    mixture, asked = run(9, [first, second, third])
    assert len(asked) == 6
    assert (mixture.diagnostics["rounds"], mixture.diagnostics["settled"]) == (3, True)
    assert mixture.diagnostics["moved"] == pytest.approx(0.0004)


def test_doremi_starts_from_the_goals_prior() -> None:
    (reference,) = DoReMi(CONFIG).ask(DOMAINS, Goal(45_000, prior={"code": 0.2, "prose": 0.2, "web": 0.6}), [])
    assert reference.weights == {"code": 0.2, "prose": 0.2, "web": 0.6}


def test_doremi_refuses_missing_trials_wrong_traces_and_one_hot_weights() -> None:
    mixer = DoReMi(CONFIG)
    reference, proxy = mixer.trials(DOMAINS, GOAL)
    with pytest.raises(GristmillError, match="has not seen its trials"):
        mixer.tell(DOMAINS, GOAL, [outcome(reference)])
    with pytest.raises(GristmillError, match="has 1 steps"):
        mixer.tell(DOMAINS, GOAL, [outcome(reference), outcome(proxy, [(0.3, 0.3, 0.4)])])
    with pytest.raises(GristmillError, match="nearly all weight to one domain"):
        mixer.tell(DOMAINS, GOAL, [outcome(reference), outcome(proxy, [(0.01, 0.005, 0.985)] * 4)])


def test_trials_are_other_trials_when_tokens_or_settings_change() -> None:
    other = (replace(DOMAINS[0], fingerprint="changed"), *DOMAINS[1:])
    clip = CONFIG.model_copy(update={"update": UpdateConfig(clip="domain")})
    base = [asked.id for asked in DoReMi(CONFIG).trials(DOMAINS, GOAL)]
    assert not set(base) & {asked.id for asked in DoReMi(CONFIG).trials(other, GOAL)}
    changed = [asked.id for asked in DoReMi(clip).trials(DOMAINS, GOAL)]
    assert changed[0] == base[0]  # the reference is the same run and is cached
    assert changed[1] != base[1]


def test_a_reweighter_without_a_reference_is_refused() -> None:
    _, proxy = DoReMi(CONFIG).trials(DOMAINS, GOAL)
    with pytest.raises(GristmillError, match="needs a trained reference"):
        reweighter(replace(proxy, init=None), DOMAINS)
    with pytest.raises(GristmillError, match="no loop 'bandit'"):
        reweighter(replace(proxy, loop="bandit"), DOMAINS)
    with pytest.raises(UsageError, match='did you mean "eta"'):
        reweighter(replace(proxy, options={"etta": 1.0}), DOMAINS)
    loop = reweighter(proxy, DOMAINS)
    ids = np.array([0, 1, 2])
    with pytest.raises(ValueError, match="needs the reference"):
        loop.step(ids, np.ones(3), None)
    first = loop.step(ids, np.array([2.0, 1.0, 1.0]), np.ones(3))
    second = loop.step(ids, np.array([2.0, 1.0, 1.0]), np.ones(3))
    assert 1 / 3 < first[0] < second[0]  # carried from step to step
    assert loop.trace().weights == (tuple(first.tolist()), tuple(second.tolist()))


# -- audit and tables -------------------------------------------------------------------------------------------------


def make_store(folder: Path, sizes: dict[str, int], heldout: int = 0) -> TokenStore:
    """A token folder with Markov-like text of 40 tokens in a vocabulary of 64, in the format of the tokens step."""
    folder.mkdir(parents=True)
    domains: dict[str, dict[str, Any]] = {}
    for number, (domain, size) in enumerate(sizes.items()):
        for split, count in (("train", size), ("heldout", heldout)):
            if not count:
                continue
            generator = np.random.default_rng([number, count])
            tokens = (np.cumsum(generator.integers(1, 2 + number, size=count)) % 40 + 1).astype("<u2")
            tokens[-1] = 0
            files = {"tok": tokens.tobytes(), "ends": np.array([count], dtype="<u8").tobytes(), "docs": bytes(16)}
            for kind, data in files.items():
                (folder / f"{domain}.{split}.{kind}").write_bytes(data)
            digests = {kind: digest_bytes(data) for kind, data in files.items()}
            entry = {"documents": 1, "tokens": count, "bytes": count * 3, "digests": digests}
            domains.setdefault(domain, {})[split] = entry
    manifest = {"format": 1, "tokenizer": "t", "eos_id": 0, "vocab_size": 64, "dtype": "<u2", "domains": domains}
    (folder / "manifest.json").write_bytes(canonical_json(manifest))
    return TokenStore.open([folder])


def test_requested_and_realised_shares_are_rows_of_the_lake(tmp_path: Path) -> None:
    store = make_store(tmp_path / "tokens", {"code": 9000, "prose": 1800})
    domains = store.domains(ROW)
    goal = Goal(9 * 1000)
    mixture = cap(static("uniform").tell(domains, goal, ()), domains, goal)
    plan = make_plan(mixture, domains, row_tokens=ROW, block=64, seed=1, max_epochs=goal.max_epochs)
    table = conform(Mixtures, mixture_rows("base", mixture, plan, store, goal))
    rows = table.to_pylist()
    assert [row["domain"] for row in rows] == ["code", "prose"]
    assert [row["rows"] for row in rows] == [500, 500]
    assert [row["realised"] for row in rows] == [0.5, 0.5]
    assert rows[1]["epochs"] == pytest.approx(500 / 200)
    other = one_stage({"code": 0.9, "prose": 0.1}, "static", "inputs", goal, {})
    with pytest.raises(GristmillError, match="from another mixture"):
        audit(plan, other, 4)
    with pytest.raises(GristmillError, match="the cap is 2"):
        audit(plan, mixture, 2)


def test_a_trace_becomes_rows() -> None:
    reference, proxy = DoReMi(CONFIG).trials(DOMAINS, GOAL)
    assert trace_rows("m", outcome(reference)).num_rows == 0
    table = conform(MixtureTrace, trace_rows("m", outcome(proxy, [(0.3, 0.3, 0.4), (0.2, 0.3, 0.5)])))
    assert table.num_rows == 6
    assert table.slice(5).to_pylist() == [
        {"mixture": "m", "step": 1, "domain": "web", "weight": 0.5, "excess_loss": 0.5}
    ]


# -- trials -----------------------------------------------------------------------------------------------------------

TINY = DoReMiConfig(budget=Budget(steps=30, batch_rows=6, row_tokens=17, width=16, layers=1, heads=2))


def as_process(folder: Path) -> None:
    subprocess.run([sys.executable, "-P", "-m", TRAINER, str(folder)], check=True, capture_output=True)


def in_process(folder: Path) -> None:
    from gristmill.tasks.train.trial import main  # imports torch, which the other tests do without

    assert main([str(folder)]) == 0


def proxy_as_process(folder: Path) -> None:
    """The trial that starts from another, as the flow runs it. The reference would only pay for torch once more."""
    (as_process if TrialJob.read(folder).trial.init else in_process)(folder)


def run_trials(base: Path, store: Path, goal: Goal, run: Callable[[Path], None]) -> tuple[Mixture, list[Outcome]]:
    """What the mix flow does: ask, run each trial, tell."""
    mixer = DoReMi(TINY)
    domains = TokenStore.open([store]).domains(17)
    seen: list[Outcome] = []
    while asked := mixer.ask(domains, goal, seen):
        for each in asked:
            folder = base / each.id
            prepare(folder, each, [store], base / each.init if each.init else None)
            run(folder)
            found = read_outcome(folder)
            assert found is not None
            seen.append(found)
    return mixer.tell(domains, goal, seen), seen


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Mixture, list[Outcome]]:
    pytest.importorskip("torch", reason="the proxy trainer needs torch (make installs it)")
    base = tmp_path_factory.mktemp("trials")
    make_store(base / "tokens", {"easy": 4000, "hard": 4000}, heldout=400)
    mixture, seen = run_trials(base / "runs", base / "tokens", Goal(10_000), proxy_as_process)
    return base, mixture, seen


def test_doremi_runs_end_to_end_on_the_cpu(trained: tuple[Path, Mixture, list[Outcome]]) -> None:
    _, mixture, (reference, proxy) = trained
    assert sum(weights(mixture).values()) == pytest.approx(1)
    assert set(reference.losses) == {"easy", "hard"}
    assert all(loss < np.log(64) for loss in reference.losses.values())
    assert len(proxy.trace.weights) == 30
    assert proxy.trace.weights[0] != proxy.trace.weights[-1]
    assert reference.trace == Trace()
    assert proxy.flops > reference.flops > 0
    assert reference.seconds is not None


def test_trials_give_the_same_bytes_again_and_are_found_done(
    trained: tuple[Path, Mixture, list[Outcome]], tmp_path: Path
) -> None:
    base, mixture, seen = trained
    again, _ = run_trials(tmp_path, base / "tokens", Goal(10_000), in_process)
    assert again.digest == mixture.digest
    for found in seen:
        for name in ("outcome.json", "model.safetensors"):
            assert (base / "runs" / found.trial / name).read_bytes() == (tmp_path / found.trial / name).read_bytes()
        text = (tmp_path / found.trial / "outcome.json").read_text(encoding="utf-8")
        assert json.loads(text)["seconds"] is None
    weights_file = tmp_path / seen[0].trial / "model.safetensors"
    before = weights_file.stat().st_mtime_ns
    run_trials(tmp_path, base / "tokens", Goal(10_000), in_process)
    assert weights_file.stat().st_mtime_ns == before


def test_a_sampled_trial_reads_its_shares_and_scores_the_target(
    trained: tuple[Path, Mixture, list[Outcome]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from gristmill.tasks.train.trial import TrialRows, main  # imports torch, which the other tests do without

    base, _, _ = trained
    store = TokenStore.open([base / "tokens"])
    domains, budget = store.domains(17), TINY.budget
    options = {"score": "target"}
    asked = [
        trial(domains, {"easy": share, "hard": 1 - share}, budget, loop="sampled", options=options)
        for share in (0.7, 0.0)
    ]
    reader = TrialRows(store, domains, asked[0])
    drawn = np.concatenate([reader.next(step)[0] for step in range(budget.steps)])
    assert (drawn == 0).sum() == pytest.approx(0.7 * budget.steps * budget.batch_rows, abs=2)
    for each in asked:
        prepare(tmp_path / each.id, each, [base / "tokens"])
    assert main([str(tmp_path / each.id) for each in asked]) == 0
    told = capsys.readouterr().out
    assert "step 30 of 60 loss" in told
    assert "step 60 of 60 loss" in told
    found = [read_outcome(tmp_path / each.id) for each in asked]
    seen = [outcome for outcome in found if outcome is not None]
    assert {outcome.parameters for outcome in seen} == {parameters(budget, 64)}
    assert seen[0].heldout == {domain.name: domain.heldout for domain in domains}
    assert seen[1].losses["easy"] > seen[0].losses["easy"]
    for outcome in seen:
        scored = read_target(tmp_path)(outcome)
        rows = {domain.name: min(store.rows(domain.name, 17, "heldout"), 64) for domain in domains}
        first = scored[: 16 * rows["easy"]]
        assert len(scored) == 16 * sum(rows.values())
        assert -first.mean() == pytest.approx(outcome.losses["easy"], rel=1e-5)
    before = (tmp_path / asked[0].id / "model.safetensors").stat().st_mtime_ns
    assert main([str(tmp_path / each.id) for each in asked]) == 0
    assert "step" not in capsys.readouterr().out
    assert (tmp_path / asked[0].id / "model.safetensors").stat().st_mtime_ns == before


def test_a_trial_leaves_out_domains_that_it_does_not_name(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="the trial model needs torch (make installs it)")
    from gristmill.tasks.train.trial import main  # imports torch, which the other tests do without

    store = make_store(tmp_path / "tokens", {"easy": 400, "hard": 400, "small": 20}, heldout=100)
    domains = store.domains(33)
    assert [domain.name for domain in domains] == ["easy", "hard"]
    assert len(store.domains(17)) == 3
    config = MixMinConfig(budget=Budget(steps=1, batch_rows=2, row_tokens=17, width=16, layers=1, heads=2))
    mixer = MixMin(config, read_target(tmp_path))
    asked = mixer.ask(domains, Goal(1_000), [])
    for each in asked:
        prepare(tmp_path / each.id, each, [tmp_path / "tokens"])
    assert main([str(tmp_path / each.id) for each in asked]) == 0
    seen = [outcome for each in asked if (outcome := read_outcome(tmp_path / each.id)) is not None]
    assert [set(outcome.heldout) for outcome in seen] == [{"easy", "hard"}] * 2
    assert set(mixer.tell(domains, Goal(1_000), seen).stages[0].raw) == {"easy", "hard"}


def test_the_size_is_that_of_the_trial_model() -> None:
    pytest.importorskip("torch", reason="the trial model needs torch (make installs it)")
    from gristmill.tasks.train.model import Llama  # imports torch, which the other tests do without
    from gristmill.tasks.train.trial import trial_shape

    budget = Budget(steps=1, width=16, layers=3, heads=2, row_tokens=17)
    model = Llama(trial_shape(64, budget))
    count = sum(parameter.numel() for parameter in model.parameters())
    assert parameters(budget, 64) == count
    outcome = Outcome("t", {}, Trace(), "sha", 6.0 * count * budget.tokens)
    assert size_of(outcome, budget) == count
    assert size_of(Outcome("t", {}, Trace(), "sha", 0.0, parameters=7), budget) == 7


def test_a_trial_refuses_other_tokens_and_a_missing_reference(
    trained: tuple[Path, Mixture, list[Outcome]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from gristmill.tasks.train.trial import main  # imports torch, which the other tests do without

    base, _, _ = trained
    domains = TokenStore.open([base / "tokens"]).domains(17)
    reference, proxy = DoReMi(TINY).trials(domains, Goal(10_000))
    make_store(tmp_path / "changed", {"easy": 4001, "hard": 4000})

    def fails(folder: Path, asked: Trial, store: Path, init: Path | None = None) -> str:
        prepare(folder, asked, [store], init)
        assert main([str(folder)]) == 1
        assert read_outcome(folder) is None
        return capsys.readouterr().err

    assert "made for other tokens" in fails(tmp_path / "a", reference, tmp_path / "changed")
    prepare(tmp_path / "unfinished", reference, [base / "tokens"])
    assert "holds no finished trial" in fails(tmp_path / "b", proxy, base / "tokens", tmp_path / "unfinished")
    assert "needs the trained reference" in fails(tmp_path / "c", proxy, base / "tokens")
    assert main([str(tmp_path / "nothing")]) == 2
    assert "holds no trial.json" in capsys.readouterr().err
