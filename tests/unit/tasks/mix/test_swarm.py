"""The swarm on laws that are known: what it finds, what it admits, and what it never fits."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from gristmill.core.errors import GristmillError
from gristmill.tasks.mix.domains import Domain, Vector
from gristmill.tasks.mix.mixers.caps import at_caps, limits
from gristmill.tasks.mix.mixers.checks import Check
from gristmill.tasks.mix.mixers.entropic import minimise
from gristmill.tasks.mix.mixers.mixer import Budget, Cap, Goal, Mixer, Outcome, Trace, Trial, cap
from gristmill.tasks.mix.mixers.swarm.design import natural
from gristmill.tasks.mix.mixers.swarm.mixer import Swarm, SwarmResult
from gristmill.tasks.mix.mixers.swarm.reuse import reusable, stranded
from gristmill.tasks.mix.mixers.swarm.settings import DesignConfig, FitConfig, SwarmConfig

SIZES = {"books": 4e6, "code": 30e6, "forum": 9e6, "news": 20e6, "web": 60e6}
DOMAINS = tuple(Domain(name, int(size), 1, f"train-{name}", f"heldout-{name}") for name, size in SIZES.items())
NAMES = tuple(SIZES)
GOAL = Goal(40_000_000)
QUICK = FitConfig(bootstraps=20, permutations=199)
CONFIG = SwarmConfig(budget=Budget(steps=10, batch_rows=8, row_tokens=33), fit=QUICK)
SLOPES = np.array(
    [
        [-3.1, -0.4, -0.8, -1.1, -0.6],
        [-0.2, -3.6, -0.9, -0.3, -0.5],
        [-0.9, -1.2, -4.0, -0.8, -1.3],
        [-1.0, -0.2, -0.6, -3.3, -0.9],
        [-0.8, -0.5, -1.1, -1.4, -2.9],
    ]
)
"""The planted law: loss i is e + e^(slopes i . mixture), plus noise that is larger where there are more books."""


def share(trial: Trial) -> Vector:
    return np.array([trial.weights.get(name, 0.0) for name in NAMES])


def measured(trial: Trial) -> Outcome:
    mixture = share(trial)
    noise = np.random.default_rng(trial.seed).normal(size=5) * (0.002 + 0.02 * mixture[0])
    rate = trial.budget.learning_rate / CONFIG.budget.learning_rate
    losses = np.e + np.exp(SLOPES @ mixture) + noise - 0.1 * np.log10(rate)
    told = {name: f"heldout-{name}" for name in NAMES}
    return Outcome(trial.id, dict(zip(NAMES, losses.tolist(), strict=True)), Trace(), "sha", 1e9, heldout=told)


def run(mixer: Swarm, goal: Goal = GOAL, measure: Callable[[Trial], Outcome] = measured) -> list[Outcome]:
    """Ask and measure until no trial is needed."""
    seen: list[Outcome] = []
    while asked := mixer.ask(DOMAINS, goal, seen):
        seen += [measure(trial) for trial in asked]
    return seen


def truth(goal: Goal, kl: float = CONFIG.kl) -> Vector:
    floors, ceilings = limits(DOMAINS, goal)
    prior = natural(DOMAINS, goal)

    def loss(mixture: Vector) -> tuple[float, Vector]:
        parts = np.exp(SLOPES @ mixture) / 5
        return float(parts.sum()), parts @ SLOPES

    return minimise(loss, prior, floors, ceilings, prior=prior, kl=kl)


def by_name(checks: tuple[Check, ...]) -> dict[str, Check]:
    return {check.name: check for check in checks}


@pytest.fixture(scope="module")
def found() -> tuple[list[Outcome], SwarmResult]:
    mixer = Swarm(CONFIG.model_copy(update={"adaptive": 3, "design": DesignConfig(rate_mixtures=5)}))
    seen = run(mixer)
    return seen, mixer.result(DOMAINS, GOAL, seen)


# -- the design -------------------------------------------------------------------------------------------------------


def test_the_design_has_draws_anchors_single_domains_and_a_held_out_tenth() -> None:
    design = Swarm(CONFIG).design(DOMAINS, GOAL)
    roles = [each.role for each in design]
    assert {role: roles.count(role) for role in set(roles)} == {
        "design": 20,
        "anchor": 18,
        "deletion": 5,
        "upweight": 5,
        "held-out": 6,
    }
    assert len({each.trial.id for each in design}) == len(design)
    assert Swarm(CONFIG).steps(DOMAINS) == 54 * 10
    prior = natural(DOMAINS, GOAL)
    assert sum(np.allclose(share(each.trial), prior, atol=1e-5) for each in design) == 8
    assert len({each.trial.seed for each in design if each.role == "anchor"}) == 18
    for each in design:
        assert (each.trial.loop, each.trial.budget) == ("sampled", CONFIG.budget)
        assert each.trial.data_share == pytest.approx(10 * 8 * 33 / 40e6)
        assert share(each.trial).sum() == pytest.approx(1, abs=1e-9)
        assert np.all(share(each.trial) * 40e6 <= 16 * np.array(list(SIZES.values())) * 1.001)
    deleted = [each.trial for each in design if each.role == "deletion"]
    assert [list(trial.weights.values()).index(0.0) for trial in deleted] == [0, 1, 2, 3, 4]
    assert all(set(trial.tokens) == set(NAMES) - {name} for trial, name in zip(deleted, NAMES, strict=True))


def test_the_design_is_the_same_again_and_keeps_its_draws_when_it_grows() -> None:
    small, large = (
        Swarm(CONFIG.model_copy(update={"design": DesignConfig(trials_per_domain=size)})).design(DOMAINS, GOAL)
        for size in (4, 8)
    )
    assert Swarm(CONFIG).design(DOMAINS, GOAL) == small
    assert {each.trial.id for each in small} <= {each.trial.id for each in large}
    other = Swarm(CONFIG.model_copy(update={"seed": 1})).design(DOMAINS, GOAL)
    assert not {each.trial.id for each in small} & {each.trial.id for each in other}


def test_d_optimal_draws_say_more_about_a_linear_law() -> None:
    def information(kind: str) -> float:
        config = CONFIG.model_copy(update={"design": DesignConfig.parse({"kind": kind}, "test")})
        drawn = [share(each.trial) for each in Swarm(config).design(DOMAINS, GOAL) if each.role == "design"]
        return float(np.linalg.slogdet(np.array(drawn).T @ np.array(drawn))[1])

    assert information("d-optimal") > information("dirichlet") + 2


def test_one_domain_or_too_few_tokens_are_refused() -> None:
    with pytest.raises(GristmillError, match="two domains or more"):
        Swarm(CONFIG).ask(DOMAINS[:1], GOAL, [])
    with pytest.raises(GristmillError, match="16 epochs of each domain"):
        Swarm(CONFIG).ask(DOMAINS, Goal(4_000_000_000), [])


# -- what it finds ----------------------------------------------------------------------------------------------------


def test_a_planted_best_mixture_is_found_through_noise(found: tuple[list[Outcome], SwarmResult]) -> None:
    _, result = found
    report = result.report
    best = truth(GOAL)
    assert report.weights == pytest.approx(best, abs=0.04)
    assert np.all(report.low <= report.weights + 1e-9)
    assert np.all(report.weights <= report.high + 1e-9)
    assert np.all(best >= report.low - 0.03)
    assert np.all(best <= report.high + 0.03)
    checks = by_name(result.checks)
    assert checks["nothing_learnt"].value == 0
    assert checks["spearman"].value > 0.9
    assert checks["held_out_spearman"].value > 0.7
    assert checks["rmse"].value < 0.02
    assert checks["gain_less_optimism"].value > 0.02
    assert checks["noise_most"].value > 2 * checks["noise_least"].value  # the anchor of books is noisier
    assert checks["parameters"].warning
    assert result.mixture.diagnostics["nothing_learnt"] is False


def test_predictions_are_blind_and_the_winners_trials_are_never_fitted(
    found: tuple[list[Outcome], SwarmResult],
) -> None:
    seen, result = found
    roles = {each.trial.id: each.role for each in result.trials}
    assert list(roles.values()).count("adaptive") == 3
    assert sum(row.role == "held-out" for row in result.report.predictions) == 6 * 5
    checks = by_name(result.checks)
    assert abs(checks["winner_gap"].value) < 0.02
    changed = [
        replace(outcome, losses=dict.fromkeys(NAMES, 9.0))
        if roles[outcome.trial] in ("held-out", "adaptive")
        else outcome
        for outcome in seen
    ]
    mixer = Swarm(CONFIG.model_copy(update={"adaptive": 3, "design": DesignConfig(rate_mixtures=5)}))
    again = mixer.result(DOMAINS, GOAL, changed)
    assert again.report.weights == pytest.approx(result.report.weights, abs=1e-12)
    assert by_name(again.checks)["winner_gap"].value > 5
    first = [outcome for outcome in seen if roles[outcome.trial] != "adaptive"]
    assert mixer.tell(DOMAINS, GOAL, first[::-1]).digest == result.mixture.digest


def test_two_learning_rates_are_compared(found: tuple[list[Outcome], SwarmResult]) -> None:
    checks = by_name(found[1].checks)
    assert checks["rate_spearman"].value > 0.8
    assert "of 5 mixtures" in checks["rate_spearman"].detail
    assert not [row for row in found[1].report.predictions if row.role == "rate" and row.predicted is not None]


def test_shuffled_outcomes_give_nothing_learnt_and_the_prior() -> None:
    mixer: Mixer = Swarm(CONFIG)
    seen = run(Swarm(CONFIG))
    order = np.random.default_rng(1).permutation(len(seen))
    shuffled = [replace(one, losses=seen[place].losses) for one, place in zip(seen, order, strict=True)]
    mixture = mixer.tell(DOMAINS, GOAL, shuffled)
    assert mixture.diagnostics["nothing_learnt"] is True
    assert mixture.diagnostics["spearman_p"] > 0.05
    assert list(mixture.stages[0].weights.values()) == pytest.approx(natural(DOMAINS, GOAL))


def test_the_optimum_is_solved_under_the_caps_of_each_domain(found: tuple[list[Outcome], SwarmResult]) -> None:
    goal = Goal(40_000_000, caps={"forum": Cap(0.5, "half of it is the target's own test set")})
    seen = list(found[0])
    mixer = Swarm(CONFIG, tuple(each for each in found[1].trials if each.role != "rate"))
    seen += [measured(trial) for trial in mixer.ask(DOMAINS, goal, seen)]
    result = mixer.result(DOMAINS, goal, seen)
    (stage,) = result.mixture.stages
    assert stage.weights["forum"] == pytest.approx(9e6 * 0.5 / 40e6, abs=1e-6)
    assert stage.raw["forum"] > stage.weights["forum"] + 0.05
    assert result.report.weights == pytest.approx(truth(goal), abs=0.05)
    assert cap(result.mixture, DOMAINS, goal).stages[0].weights == pytest.approx(stage.weights, abs=1e-9)
    rows = at_caps(result.mixture, DOMAINS, goal, solve=lambda loose: mixer.at_caps(DOMAINS, loose, result))
    shown = {(row.cap, row.domain): row for row in rows}
    assert {at for at, _ in shown} == {4.0, 8.0, 16.0}
    assert shown[16.0, "forum"].weight > stage.weights["forum"] + 0.05
    assert shown[4.0, "books"].epochs <= 4 + 1e-6


def test_missing_trials_and_unknown_metrics_are_named() -> None:
    mixer = Swarm(CONFIG)
    seen = [measured(trial) for trial in mixer.ask(DOMAINS, GOAL, [])]
    assert mixer.ask(DOMAINS, GOAL, seen) == []
    with pytest.raises(GristmillError, match="has not seen 1 of its 54 trials"):
        mixer.tell(DOMAINS, GOAL, seen[1:])
    wrong = CONFIG.model_copy(update={"fit": QUICK.model_copy(update={"metrics": {"poems": 1.0}})})
    with pytest.raises(GristmillError, match=r"no trial measured \['poems'\]"):
        Swarm(wrong).tell(DOMAINS, GOAL, seen)


# -- a change of the data ---------------------------------------------------------------------------------------------


def test_a_change_strands_the_trials_that_read_it_and_the_others_are_used_again() -> None:
    before = Swarm(CONFIG)
    seen = run(before)
    changed = (replace(DOMAINS[0], fingerprint="new", heldout="new"), *DOMAINS[1:])
    design = before.design(DOMAINS, GOAL)
    now = {domain.name: domain.fingerprint for domain in changed}
    lost = [fate for each in design if (fate := stranded(each.trial.tokens, now))]
    kept = reusable([each.trial for each in design], changed)
    assert len(lost) + len(kept) == len(design)
    assert all(each.weights["books"] == 0 for each in kept)
    assert {each.changed for each in lost} == {("books",)}
    del now["books"]
    assert stranded(design[0].trial.tokens, now).gone == ("books",)

    after = Swarm(CONFIG, design)
    asked = after.ask(changed, GOAL, seen)
    fresh = Swarm(CONFIG).ask(changed, GOAL, [])
    assert 0 < len(asked) < len(fresh)
    assert not {trial.id for trial in asked} & {trial.id for trial in kept}

    def measured_now(trial: Trial) -> Outcome:
        outcome = measured(trial)
        return replace(outcome, heldout={**outcome.heldout, "books": "new"})

    result = after.result(changed, GOAL, [*seen, *(measured_now(trial) for trial in asked)])
    old = {trial.id for trial in kept}
    counted = [row for row in result.report.predictions if row.trial in old]
    assert {row.metric for row in counted} == set(NAMES) - {"books"}  # its held-out text is other text now
    assert result.report.weights == pytest.approx(truth(GOAL), abs=0.05)
