"""Entropic descent and MixMin beside brute force on a grid."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize as scipy_minimize

from gristmill.core.errors import GristmillError
from gristmill.tasks.mix.domains import Domain, Vector
from gristmill.tasks.mix.mixers.entropic import divergence, minimise
from gristmill.tasks.mix.mixers.mixer import Budget, Goal, Outcome, Trace, Trial
from gristmill.tasks.mix.mixers.mixmin import TARGET, MixMin, MixMinConfig, likeliest, read_target

DOMAINS = (Domain("code", 60_000, 1, "f0"), Domain("prose", 30_000, 1, "f1"), Domain("web", 9_000, 1, "f2"))
GOAL = Goal(45_000)
CONFIG = MixMinConfig(budget=Budget(steps=4, batch_rows=4, row_tokens=9))


def drawn(truth: list[float], tokens: int = 4000, seed: int = 0) -> np.ndarray:
    """Log-probabilities (3, tokens) of text drawn from a mixture of three known distributions over 12 symbols."""
    generator = np.random.default_rng(seed)
    models = generator.dirichlet(np.full(12, 0.5), size=3)
    text = generator.choice(12, size=tokens, p=np.array(truth) @ models)
    found: np.ndarray = np.log(np.maximum(models[:, text], 1e-30))
    return found


def grid(step: float = 0.02) -> np.ndarray:
    ticks = np.arange(0, 1 + step / 2, step)
    points = [(a, b, 1 - a - b) for a in ticks for b in ticks if a + b <= 1 + 1e-9]
    return np.clip(np.array(points), 0, 1)


@pytest.mark.parametrize("truth", [[0.2, 0.5, 0.3], [0.0, 0.9, 0.1], [1.0, 0.0, 0.0]])
def test_mixmin_finds_what_brute_force_on_a_grid_finds(truth: list[float]) -> None:
    logs = drawn(truth)
    weights, loss = likeliest(logs)
    points = grid()
    losses = -np.log(points @ np.exp(logs)).mean(axis=1)
    assert loss <= losses.min() + 1e-9
    assert weights == pytest.approx(points[losses.argmin()], abs=0.02)
    assert weights == pytest.approx(truth, abs=0.06)


def test_log_probabilities_that_are_none_are_refused() -> None:
    for wrong in (np.array([[0.5], [-1.0]]), np.array([[np.nan], [-1.0]]), np.zeros((2, 0)), np.zeros(3)):
        with pytest.raises(ValueError, match="log-probabilities must be"):
            likeliest(wrong)


def test_entropic_descent_agrees_with_a_general_solver_under_caps_and_a_prior() -> None:
    generator = np.random.default_rng(3)
    centre, prior = generator.dirichlet(np.ones(5)), generator.dirichlet(np.ones(5))
    scale = generator.uniform(0.5, 30, size=5)
    floors, ceilings = np.array([0.05, 0, 0, 0, 0]), np.array([1, 0.25, 0.2, 1, 1.0])

    def quadratic(mixture: Vector) -> tuple[float, Vector]:
        return float(scale @ (mixture - centre) ** 2), 2 * scale * (mixture - centre)

    for kl in (0.0, 0.05, 1.0):
        found = minimise(quadratic, np.full(5, 0.2), floors, ceilings, prior=prior, kl=kl)

        def total(mixture: Vector, kl: float = kl) -> float:
            return quadratic(mixture)[0] + kl * divergence(mixture, prior)

        other = scipy_minimize(
            total,
            np.full(5, 0.2),
            method="SLSQP",
            bounds=list(zip(floors + 1e-12, ceilings, strict=True)),
            constraints={"type": "eq", "fun": lambda mixture: mixture.sum() - 1},
            options={"ftol": 1e-14, "maxiter": 500},
        )
        assert found.sum() == pytest.approx(1)
        assert np.all(found >= floors - 1e-9)
        assert np.all(found <= ceilings + 1e-9)
        assert total(found) <= other.fun + 1e-7
        assert found == pytest.approx(other.x, abs=2e-3)
    with pytest.raises(ValueError, match="the total"):
        minimise(quadratic, np.full(5, 0.2), np.zeros(5), np.full(5, 0.1))


def outcomes(root: Path, trials: list[Trial], logs: np.ndarray) -> list[Outcome]:
    """What the trial trainer gives for each trial, with its target file."""
    found = []
    for asked, values in zip(trials, logs, strict=True):
        data = values.astype("<f4").tobytes()
        (root / asked.id).mkdir()
        (root / asked.id / TARGET).write_bytes(data)
        found.append(Outcome(asked.id, {}, Trace(), "sha", 1e9, 1.0, hashlib.sha256(data).hexdigest()))
    return found


def test_mixmin_asks_for_a_trial_a_domain_and_tells_the_weights(tmp_path: Path) -> None:
    mixer = MixMin(CONFIG, read_target(tmp_path))
    trials = mixer.ask(DOMAINS, GOAL, [])
    assert [asked.weights[name] for asked, name in zip(trials, ("code", "prose", "web"), strict=True)] == [1, 1, 1]
    assert [dict(asked.tokens) for asked in trials] == [{"code": "f0"}, {"prose": "f1"}, {"web": "f2"}]
    seen = outcomes(tmp_path, trials, drawn([0.2, 0.5, 0.3]))
    assert mixer.ask(DOMAINS, GOAL, seen[:2]) == trials[2:]
    with pytest.raises(GristmillError, match="has not seen its trials"):
        mixer.tell(DOMAINS, GOAL, seen[:2])
    mixture = mixer.tell(DOMAINS, GOAL, seen)
    assert list(mixture.stages[0].raw.values()) == pytest.approx([0.2, 0.5, 0.3], abs=0.06)
    told = mixture.diagnostics
    assert told["target_loss"] < told["uniform_loss"] < told["best_single_loss"]
    assert mixer.tell(DOMAINS, GOAL, seen[::-1]).digest == mixture.digest


def test_other_data_in_one_domain_asks_for_that_domain_only(tmp_path: Path) -> None:
    mixer = MixMin(CONFIG, read_target(tmp_path))
    before = mixer.ask(DOMAINS, GOAL, [])
    changed = (*DOMAINS[:2], replace(DOMAINS[2], fingerprint="changed"))
    after = mixer.ask(changed, GOAL, [])
    assert [asked.id for asked in before[:2]] == [asked.id for asked in after[:2]]
    assert before[2].id != after[2].id


def test_other_held_out_text_in_the_target_asks_for_all_trials_again(tmp_path: Path) -> None:
    def ids(heldout: str, target: str | None) -> list[str]:
        mixer = MixMin(CONFIG.model_copy(update={"target": target}), read_target(tmp_path))
        domains = (*DOMAINS[:2], replace(DOMAINS[2], heldout=heldout))
        return [asked.id for asked in mixer.ask(domains, GOAL, [])]

    for target in (None, "web"):
        assert not set(ids("h0", target)) & set(ids("h1", target))
    assert ids("h0", "code") == ids("h1", "code")


def test_log_probabilities_of_different_texts_are_refused(tmp_path: Path) -> None:
    mixer = MixMin(CONFIG, read_target(tmp_path))
    seen = outcomes(tmp_path, mixer.ask(DOMAINS, GOAL, []), drawn([0.2, 0.5, 0.3]))
    told = [replace(each, heldout={"code": "h0", "prose": "h0"}) for each in seen]
    mixer.tell(DOMAINS, GOAL, told)
    told[0] = replace(told[0], heldout={"code": "h0", "prose": "h1"})
    with pytest.raises(GristmillError, match=r"different held-out text of \['prose'\]"):
        mixer.tell(DOMAINS, GOAL, told)


def test_targets_that_changed_are_missing_or_differ_are_refused(tmp_path: Path) -> None:
    mixer = MixMin(CONFIG, read_target(tmp_path))
    trials = mixer.ask(DOMAINS, GOAL, [])
    seen = outcomes(tmp_path, trials, drawn([0.2, 0.5, 0.3]))
    with pytest.raises(GristmillError, match="gave no log-probabilities"):
        mixer.tell(DOMAINS, GOAL, [replace(seen[0], target=None), *seen[1:]])
    (tmp_path / seen[0].trial / TARGET).write_bytes(bytes(8))
    with pytest.raises(GristmillError, match="is not what its trial wrote"):
        mixer.tell(DOMAINS, GOAL, seen)
    short = replace(seen[0], target=hashlib.sha256(bytes(8)).hexdigest())
    with pytest.raises(GristmillError, match=r"targets of \[2, 4000\] tokens"):
        mixer.tell(DOMAINS, GOAL, [short, *seen[1:]])
    unknown = MixMin(CONFIG.model_copy(update={"target": "books"}), read_target(tmp_path))
    with pytest.raises(GristmillError, match="no domain 'books'"):
        unknown.ask(DOMAINS, GOAL, [])
