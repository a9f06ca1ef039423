"""Noise, signal and decision accuracy of trajectories: by hand, on curves without noise, and below what they need."""

from itertools import pairwise

import numpy as np
import pytest

from gristmill.evals.statistics.series import (
    LEAST_CHECKPOINTS,
    LEAST_PAIRS,
    decision_accuracy,
    noise,
    pooled,
    signal,
    signal_to_noise,
    smoothed,
)

CURVE = [0.25, 0.31, 0.28, 0.35, 0.33, 0.40, 0.36]
STEPS = [100, 200, 300, 400, 500, 600, 700]


def test_the_smoothed_line_is_the_mean_of_the_last() -> None:
    found = smoothed(CURVE, 3)
    assert found[:2] == pytest.approx([0.25, 0.28])
    assert found[2:] == pytest.approx([np.mean(CURVE[end - 3 : end]) for end in range(3, 8)])
    assert smoothed(CURVE, 1) == pytest.approx(CURVE)
    assert smoothed([], 3) == []


def test_noise_is_how_far_a_score_lies_from_the_line_through_its_neighbours() -> None:
    """Even steps: the misses are (x - (before + after) / 2), of variance 1.5 where a score has 1."""
    last = CURVE[-5:]
    misses = [now - (before + after) / 2 for before, now, after in zip(last, last[1:], last[2:], strict=False)]
    assert noise(STEPS, CURVE) == pytest.approx(np.sqrt(np.mean(np.square(misses)) / 1.5))
    assert noise([1, 2, *STEPS[-5:]], [0.9, 0.1, *last]) == noise(STEPS, CURVE), "the last checkpoints alone"


@pytest.mark.parametrize("steps", [STEPS, [1, 2, 4, 8, 16, 32, 64], [10, 11, 30, 31, 32, 90, 91]])
@pytest.mark.parametrize("slope", [0.0, 0.001, -0.5, 40.0])
def test_a_trend_is_no_noise(steps: list[int], slope: float) -> None:
    assert noise(steps, [2.0 + slope * step for step in steps], 7) == pytest.approx(0, abs=1e-9)


def test_a_falling_curve_has_the_noise_that_was_put_in() -> None:
    """Loss as a power of the steps. Its standard deviation over the last five is mostly its slope."""
    random = np.random.default_rng(5)
    steps = np.arange(10, 60)
    curve = 1.5 + 8 * steps**-0.5
    found, plain = [], []
    for _ in range(300):
        scores = (curve + random.normal(0, 0.005, steps.size)).tolist()
        found.append(noise(steps.tolist(), scores, 30))
        plain.append(np.std(scores[-30:]))
    assert np.mean([one for one in found if one is not None]) == pytest.approx(0.005, rel=0.05)
    assert np.mean(plain) > 10 * 0.005


@pytest.mark.parametrize("count", range(LEAST_CHECKPOINTS))
def test_too_few_checkpoints_have_no_noise(count: int) -> None:
    assert noise(STEPS[:count], CURVE[:count]) is None
    assert noise(STEPS[:count], CURVE[:count], 2) is None


def test_the_noise_of_several_runs_is_told_where_each_has_one() -> None:
    assert pooled([0.3, 0.4]) == pytest.approx(np.sqrt((0.09 + 0.16) / 2))
    assert pooled([0.3, None]) is None
    assert pooled([]) is None


def test_signal_to_noise_of_candidates() -> None:
    finals = [0.40, 0.46, 0.31]
    largest = max(abs(one - other) for one in finals for other in finals)
    assert signal(finals) == pytest.approx(largest)
    assert signal_to_noise(finals, 0.03) == pytest.approx(largest / 0.03)


@pytest.mark.parametrize(
    ("finals", "wobble"), [([0.3], 0.1), ([], 0.1), ([0.3, 0.4], None), ([0.3, 0.4], 0.0), ([0.0, 0.0, 0.0], 0.1)]
)
def test_what_has_no_noise_or_no_candidates_that_differ_has_no_ratio(finals: list[float], wobble: float | None) -> None:
    assert signal_to_noise(finals, wobble) is None


def test_decision_accuracy_counts_pairs_in_the_same_order() -> None:
    assert decision_accuracy([1, 2, 3, 4], [10, 20, 30, 40]) == (6, 1)
    assert decision_accuracy([1, 2, 3, 4], [40, 30, 20, 10]) == (6, 0)
    assert decision_accuracy([1, 2, 3, 4], [10, 30, 20, 40]) == (6, pytest.approx(5 / 6))
    with pytest.raises(ValueError, match="same candidates"):
        decision_accuracy([1, 2], [1, 2, 3])


@pytest.mark.parametrize("candidates", range(4))
def test_an_order_of_few_pairs_says_nothing(candidates: int) -> None:
    ranks = list(range(candidates))
    pairs = len([*pairwise(ranks)]) * candidates // 2
    assert decision_accuracy(ranks, ranks) == (pairs, None)
    assert pairs < LEAST_PAIRS


def test_a_tie_is_no_order_and_agrees_with_nothing() -> None:
    assert decision_accuracy([0] * 9, list(range(9))) == (0, None)
    assert decision_accuracy([0] * 9, [0] * 9) == (0, None)
    assert decision_accuracy([1, 1, 2, 3, 4], [3, 4, 5, 6, 7]) == (9, 1)  # of the nine pairs that both tell apart
    assert decision_accuracy([0, 0, 0, 0, 5], [4, 3, 2, 1, 0]) == (4, None)
