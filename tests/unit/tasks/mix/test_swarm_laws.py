"""Laws and diagnosis: RegMix's published trials, and small cases that can be worked out."""

import csv
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from gristmill.core.errors import GristmillError, UsageError
from gristmill.tasks.mix.mixers.swarm.boosting import fit_boosted
from gristmill.tasks.mix.mixers.swarm.diagnosis import out_of_fold, rank, tail_optimism
from gristmill.tasks.mix.mixers.swarm.law import fit_log_linear
from gristmill.tasks.mix.mixers.swarm.noise import estimate_noise, residual_weights
from gristmill.tasks.mix.mixers.swarm.solve import best_drawn, best_mixture

PILE = [
    0.11328527,
    0.07960865,
    0.00391349,
    0.1853759,
    0.05108136,
    0.01596293,
    0.10175077,
    0.00370752,
    0.06652935,
    0.00175077,
    0.02708548,
    0.23686921,
    0.01184346,
    0.00792997,
    0.00803296,
    0.03882595,
    0.04644696,
]
"""Token shares of the Pile's domains, from RegMix's notebook, in the order of its tables."""
PILE_CC = 11


def published(folder: Path, mixtures: str, losses: str) -> tuple[np.ndarray, np.ndarray]:
    """Mixtures (n, 17) and Pile-CC losses (n,) of RegMix's tables."""
    with (folder / mixtures).open(encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows[0][1 + PILE_CC] == "train_the_pile_pile_cc"
    with (folder / losses).open(encoding="utf-8") as file:
        told = list(csv.DictReader(file))
    assert [row[0] for row in rows[1:]] == [row["index"] for row in told]
    shares = np.array([[float(value) for value in row[1:]] for row in rows[1:]])
    return shares, np.array([float(row["metric/the_pile_pile_cc_val_loss"]) for row in told])


@pytest.fixture(scope="module")
def regmix(shared: Path) -> Path:
    folder = shared / "benchmarks" / "regmix"
    if not folder.is_dir():
        pytest.skip("needs RegMix's published tables")
    return folder


def test_trees_reproduce_regmix(regmix: Path) -> None:
    pytest.importorskip("lightgbm", reason="needs the extra mixing")
    law = fit_boosted(*published(regmix, "train_mixture_1m.csv", "train_pile_loss_1m.csv"))
    mixtures, losses = published(regmix, "test_mixture_1m.csv", "test_pile_loss_1m.csv")
    assert spearmanr(law.predict(mixtures), losses).statistic >= 0.989
    drawn = np.random.RandomState(42).dirichlet(PILE, 100_000)  # the notebook's own draws
    best = best_drawn([law], np.ones(1), np.array(PILE), drawn, kl=0.0)
    assert best.argmax() == PILE_CC
    assert best[PILE_CC] == pytest.approx(0.89, abs=0.01)


def test_a_log_linear_law_of_51_small_runs_ranks_1b_models(regmix: Path) -> None:
    mixtures, losses = published(regmix, "train_mixture_1m.csv", "train_pile_loss_1m.csv")
    law = fit_log_linear(mixtures[:51], losses[:51])
    mixtures, losses = published(regmix, "test_mixture_1B.csv", "test_pile_loss_1B.csv")
    assert len(losses) == 64
    assert spearmanr(law.predict(mixtures), losses).statistic >= 0.98


# -- laws -------------------------------------------------------------------------------------------------------------


def planted(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    mixtures = np.random.default_rng(seed).dirichlet(np.ones(4), count)
    return mixtures, 2.0 + np.exp(mixtures @ np.array([-2.0, 0.5, -1.0, 0.2]))


def test_a_law_without_noise_is_recovered() -> None:
    mixtures, losses = planted(40)
    law = fit_log_linear(mixtures, losses)
    assert np.exp(law.floor) == pytest.approx(2.0, abs=0.02)
    assert law.slopes == pytest.approx([-2.0, 0.5, -1.0, 0.2], abs=0.02)
    other, real = planted(20, seed=1)
    assert law.predict(other) == pytest.approx(real, abs=1e-3)


def test_huber_keeps_a_law_from_broken_trials() -> None:
    mixtures, losses = planted(40)
    broken = losses.copy()
    broken[[3, 17]] += 5.0
    other, real = planted(20, seed=1)
    robust, squared = (fit_log_linear(mixtures, broken, huber=huber) for huber in (0.02, 100.0))
    assert np.abs(robust.predict(other) - real).max() < 0.02
    assert np.abs(squared.predict(other) - real).max() > 0.1


def test_quiet_trials_count_more() -> None:
    mixtures, losses = planted(60)
    noisy = mixtures[:, 0] > 0.3
    generator = np.random.default_rng(2)
    measured = losses + np.where(noisy, 0.3, 0.001) * generator.normal(size=60)
    other, real = planted(40, seed=1)
    quiet = other[:, 0] < 0.2
    weights = 1 / np.where(noisy, 0.3, 0.001) ** 2
    errors = [
        np.abs(fit_log_linear(mixtures, measured, each, huber=1.0).predict(other) - real)[quiet].max()
        for each in (weights, None)
    ]
    assert errors[0] < 0.5 * errors[1]


@pytest.mark.parametrize("losses", [[1.0, 2.0], [1.0, np.nan, 2.0, 3.0], [1.0, 0.0, 2.0, 3.0]])
def test_too_few_or_impossible_losses_are_refused(losses: list[float]) -> None:
    mixtures = np.random.default_rng(0).dirichlet(np.ones(3), len(losses))
    with pytest.raises(GristmillError, match=r"at least 3 trials|finite and above 0"):
        fit_log_linear(mixtures, np.array(losses))


def test_trees_without_lightgbm_name_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "lightgbm", None)
    with pytest.raises(UsageError, match=r"gristmill\[mixing\]"):
        fit_boosted(*planted(40))


def test_trees_find_a_planted_best_mixture_too() -> None:
    pytest.importorskip("lightgbm", reason="needs the extra mixing")
    mixtures, losses = planted(300)
    law, smooth = fit_boosted(mixtures, losses), fit_log_linear(mixtures, losses)
    prior, ceilings = np.full(4, 0.25), np.array([0.5, 1, 1, 1])
    found, best = (
        best_mixture([each], np.ones(1), prior, np.zeros(4), ceilings, kl=0.1, draws=5000) for each in (law, smooth)
    )
    assert best[0] == pytest.approx(0.5)
    assert found[0] <= 0.5 + 1e-9
    assert found == pytest.approx(best, abs=0.12)


# -- noise ------------------------------------------------------------------------------------------------------------


def test_noise_is_that_of_the_nearest_repeats() -> None:
    anchors = np.array([[0.5, 0.5], [1.0, 0.0]])
    generator = np.random.default_rng(0)
    mixtures = np.repeat(anchors, 40, axis=0)
    losses = 3 + np.repeat([0.002, 0.04], 40) * generator.normal(size=80)
    noise = estimate_noise(np.vstack([mixtures, [[0.9, 0.1]]]), np.append(losses, 3.0))
    assert noise is not None
    quiet, loud, between = noise.at(np.array([[0.5, 0.5], [1.0, 0.0], [0.8, 0.2]]))
    assert quiet == pytest.approx(0.009, abs=0.004)  # drawn towards the common one as by 4 repeats
    assert loud == pytest.approx(0.04, rel=0.3)
    assert quiet < between < loud
    assert estimate_noise(anchors, np.array([1.0, 2.0])) is None


def test_one_quiet_anchor_does_not_decide_a_law_that_errs_elsewhere() -> None:
    residuals, sd = np.array([0.001] * 8 + [0.1, -0.1] * 10), np.array([0.001] * 8 + [0.05] * 20)
    weights, misfit = residual_weights(residuals, sd, 4)
    assert misfit == pytest.approx(0.08, abs=0.02)
    assert weights[0] < 2 * weights[-1]
    exact, none = residual_weights(residuals * 0.01, sd, 4)
    assert none == 0
    assert exact[0] > 1000 * exact[-1]


# -- diagnosis --------------------------------------------------------------------------------------------------------


def test_repeats_of_a_mixture_are_never_predicted_from_each_other() -> None:
    mixtures = np.repeat(np.random.default_rng(0).dirichlet(np.ones(3), 9), 3, axis=0)
    seen = []

    def predict(known: np.ndarray, apart: np.ndarray) -> np.ndarray:
        seen.append(int(apart.sum()))
        assert not {tuple(row) for row in mixtures[known]} & {tuple(row) for row in mixtures[apart]}
        return np.ones((int(apart.sum()), 2))

    assert np.all(out_of_fold(mixtures, predict, 2, 4, 0) == 1)
    assert sum(seen) == 27


def test_ranks_are_over_mixtures_and_chance_is_told_apart() -> None:
    generator = np.random.default_rng(0)
    mixtures = generator.dirichlet(np.ones(3), 20)
    real = generator.normal(size=20)
    good = rank(mixtures, real, real + 0.1 * generator.normal(size=20), 199, 0)
    assert good.spearman > 0.9
    assert good.p == pytest.approx(1 / 200)
    assert not good.nothing_learnt
    chance = [rank(mixtures, real, generator.normal(size=20), 199, 0).nothing_learnt for _ in range(40)]
    assert sum(chance) >= 34
    repeats = rank(np.repeat(mixtures[:2], 10, axis=0), np.repeat([1.0, 2.0], 10), np.repeat([1.0, 2.0], 10), 199, 0)
    assert (repeats.mixtures, repeats.nothing_learnt) == (2, True)  # two mixtures cannot tell
    constant = rank(mixtures, real, np.ones(20), 199, 0)
    assert (constant.spearman, constant.nothing_learnt) == (0.0, True)


def test_optimism_is_the_error_where_predictions_are_lowest() -> None:
    predicted = np.arange(40.0)
    measured = predicted.copy()
    measured[:4] += 0.5
    assert tail_optimism(measured, predicted) == pytest.approx(0.5)
    assert tail_optimism(predicted, predicted) == 0
    assert np.isnan(tail_optimism(np.array([np.nan]), np.array([1.0])))
