"""Scores along a training run: how much of a curve is noise, and whether a suite tells candidates apart.

Source: Heineman et al. 2025, *Signal and Noise* (arXiv 2508.13144), ``snr/metrics.py`` of allenai/signal-and-noise:
noise is the standard deviation over the last checkpoints of a run, signal the largest difference between candidates,
each divided by its mean; standard deviations are of the population (``ddof=0``), as there. Decision accuracy is the
share of pairs of candidates that two suites, or a small and a large run, put in the same order. Cost: nothing.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

LAST = 5
"""Checkpoints that noise and smoothing look at, as upstream's small-scale analysis does."""


def smoothed(values: Sequence[float], last: int = LAST) -> list[float]:
    """At every checkpoint, in the order of steps, the mean of the ``last`` up to it, or of as many as there are."""
    sums = np.concatenate(([0.0], np.cumsum(values)))
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(0, ends - last)
    return [float(value) for value in (sums[ends] - sums[starts]) / (ends - starts)]


def noise(values: Sequence[float], last: int = LAST) -> float | None:
    """Standard deviation over the ``last`` checkpoints, in units of the score; None for fewer than two."""
    return float(np.std(values[-last:])) if len(values) > 1 else None


def signal(finals: Sequence[float]) -> float | None:
    """The largest difference between candidates, in units of the score; None for fewer than two."""
    return float(np.max(finals) - np.min(finals)) if len(finals) > 1 else None


def signal_to_noise(finals: Sequence[float], last: Sequence[float]) -> float | None:
    """Relative spread of the candidates' scores over the relative noise of the ``last`` checkpoints.

    ``(max - min) / mean(finals)`` over ``sd(last) / mean(last)``. None where either cannot be told: fewer than two
    scores, a mean of 0, or no noise at all.
    """
    spread, wobble = signal(finals), noise(last, len(last))
    if spread is None or not wobble or not np.mean(finals) or not np.mean(last):
        return None
    return float((spread / np.mean(finals)) / (wobble / np.mean(last)))


def around_common_mean(runs: Sequence[Sequence[float]], last: int = LAST) -> list[float]:
    """The ``last`` scores of every run, moved so that all runs have the same mean.

    For the noise of several runs in one number. Upstream's small-scale script pools the scores as they are; what runs
    differ by, the signal, then counts as noise too, and all its ratios for models of 150 to 750 million parameters come
    out between 3 and 6.
    """
    ends = [np.asarray(run[-last:], dtype=np.float64) for run in runs if len(run)]
    if not ends:
        return []
    common = float(np.mean(np.concatenate(ends)))
    return [float(value) for end in ends for value in end - end.mean() + common]


def decision_accuracy(small: ArrayLike, large: ArrayLike) -> float | None:
    """Share of pairs of candidates that both put in the same order, of the pairs that both tell apart.

    Upstream takes a tie for a loss of the first: two suites where every model has 0 then agree in full, and each agrees
    with a third as its rows happen to be sorted. Raises ``ValueError`` for unequal lengths; None without such a pair.
    """
    first, second = np.asarray(small, dtype=np.float64), np.asarray(large, dtype=np.float64)
    if first.shape != second.shape:
        raise ValueError(f"{first.size} and {second.size} scores are not of the same candidates")
    one, other = np.triu_indices(first.size, 1)
    orders = np.sign(first[one] - first[other]) * np.sign(second[one] - second[other])
    told_apart = orders[orders != 0]
    return float(np.mean(told_apart > 0)) if told_apart.size else None
