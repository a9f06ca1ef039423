"""Noise, signal and decision accuracy of trajectories, by hand and as allenai/signal-and-noise gives them."""

import numpy as np
import pytest

from evals.statistics.series import around_common_mean, decision_accuracy, noise, signal, signal_to_noise, smoothed

CURVE = [0.25, 0.31, 0.28, 0.35, 0.33, 0.40, 0.36]


def test_the_smoothed_line_is_the_mean_of_the_last() -> None:
    found = smoothed(CURVE, 3)
    assert found[:2] == pytest.approx([0.25, 0.28])
    assert found[2:] == pytest.approx([np.mean(CURVE[end - 3 : end]) for end in range(3, 8)])
    assert smoothed(CURVE, 1) == pytest.approx(CURVE)
    assert smoothed([], 3) == []


def test_noise_looks_at_the_last_checkpoints_alone() -> None:
    assert noise([0.9, 0.1, *CURVE[-5:]]) == pytest.approx(np.std(CURVE[-5:]))
    assert noise([0.3]) is None


def test_signal_to_noise_as_upstream_defines_it() -> None:
    """``snr/metrics.py``: max difference over the mean, divided by the population standard deviation over the mean."""
    finals, last = [0.40, 0.46, 0.31], CURVE[-5:]
    largest = max(abs(one - other) for one in finals for other in finals)
    expected = (largest / np.mean(finals)) / (np.std(last) / np.mean(last))
    assert signal_to_noise(finals, last) == pytest.approx(expected)
    assert signal(finals) == pytest.approx(0.15)


def test_what_has_no_noise_or_no_candidates_has_no_ratio() -> None:
    assert signal([0.3]) is None
    assert signal_to_noise([0.3], CURVE) is None
    assert signal_to_noise([0.3, 0.4], [0.2, 0.2]) is None
    assert signal_to_noise([0.3, 0.4], [0.2]) is None
    assert signal_to_noise([0.0, 0.0], CURVE) is None


def test_the_noise_of_several_runs_leaves_out_what_they_differ_by() -> None:
    runs = [[0.1, 0.30, 0.32, 0.34], [0.2, 0.60, 0.58, 0.62]]
    moved = around_common_mean(runs, 3)
    assert np.mean(moved) == pytest.approx(np.mean([0.30, 0.32, 0.34, 0.60, 0.58, 0.62]))
    assert np.std(moved) == pytest.approx(np.std([0.30, 0.32, 0.34]))
    assert around_common_mean([[], []]) == []


def test_a_tie_is_no_order_and_agrees_with_nothing() -> None:
    assert decision_accuracy([0, 0, 0], [1, 2, 3]) is None
    assert decision_accuracy([0, 0], [0, 0]) is None
    assert decision_accuracy([1, 1, 2], [3, 4, 5]) == 1  # of the two pairs that both tell apart
    assert decision_accuracy([1, 1, 2], [3, 4, 2]) == 0
    assert decision_accuracy([0, 0, 5], [2, 1, 1]) == 0  # one pair: the last beats the first, and loses to it


def test_decision_accuracy_counts_pairs_in_the_same_order() -> None:
    assert decision_accuracy([1, 2, 3, 4], [10, 20, 30, 40]) == 1
    assert decision_accuracy([1, 2, 3, 4], [40, 30, 20, 10]) == 0
    assert decision_accuracy([1, 2, 3, 4], [10, 30, 20, 40]) == pytest.approx(5 / 6)
    assert decision_accuracy([1], [2]) is None
    assert decision_accuracy([], []) is None
    with pytest.raises(ValueError, match="same candidates"):
        decision_accuracy([1, 2], [1, 2, 3])
