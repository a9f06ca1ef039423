"""Scores along a training run: how much of a curve is noise, and whether a suite tells candidates apart.

Source: Heineman et al. 2025, *Signal and Noise* (arXiv 2508.13144), ``snr/metrics.py`` of allenai/signal-and-noise:
noise is how much the last checkpoints of a run vary, signal the largest difference between candidates, each divided by
its mean; decision accuracy is the share of pairs of candidates that two suites, or a small and a large run, put in the
same order. Upstream's noise is the standard deviation of the last scores, so on a curve that still falls its slope is
noise. Here noise is what remains without the trend: how far a score is from the line through its
neighbours (Gasser, Sroka and Jennen-Steinmetz 1986, *Residual variance and residual pattern in nonlinear regression*),
whatever the distances between checkpoints. Too few checkpoints or pairs give None instead of a number. Cost: nothing.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

LAST = 5
"""Checkpoints in the window of smoothing and noise, as in upstream's small-scale analysis."""
LEAST_CHECKPOINTS = 5
"""Checkpoints of a run that its noise needs: three scores with neighbours on both sides."""
LEAST_PAIRS = 6
"""Fewest distinguished pairs for an order: four candidates agree by chance in 1 of 24 cases, three in 1 of 6."""


class Agreement(NamedTuple):
    """How many pairs of candidates both tell apart, and the share of them in the same order, if they are enough."""

    pairs: int
    share: float | None


def smoothed(values: Sequence[float], last: int = LAST) -> list[float]:
    """For every checkpoint, in the order of steps, the mean of the ``last`` up to it, or of as many as there are."""
    sums = np.concatenate(([0.0], np.cumsum(values)))
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(0, ends - last)
    return [float(value) for value in (sums[ends] - sums[starts]) / (ends - starts)]


def noise(steps: Sequence[float], values: Sequence[float], last: int = LAST) -> float | None:
    """Standard deviation of the ``last`` scores around their trend, in units of the score.

    None for fewer than :data:`LEAST_CHECKPOINTS`. ``steps`` must increase. A straight line has no noise; a bend between
    neighbours counts as some.
    """
    used = max(last, LEAST_CHECKPOINTS)
    at, scores = np.asarray(steps[-used:], np.float64), np.asarray(values[-used:], np.float64)
    if scores.size < LEAST_CHECKPOINTS:
        return None
    ahead = (at[1:-1] - at[:-2]) / (at[2:] - at[:-2])
    misses = scores[1:-1] - ((1 - ahead) * scores[:-2] + ahead * scores[2:])
    return float(np.sqrt(np.mean(misses**2 / (1 + ahead**2 + (1 - ahead) ** 2))))


def pooled(noises: Sequence[float | None]) -> float | None:
    """The noise of several runs in one number, the root of their mean square; None if one run has none."""
    known = [found for found in noises if found is not None]
    return float(np.sqrt(np.mean(np.square(known)))) if known and len(known) == len(noises) else None


def signal(finals: Sequence[float]) -> float | None:
    """The largest difference between candidates, in units of the score; None for fewer than two."""
    return float(np.max(finals) - np.min(finals)) if len(finals) > 1 else None


def signal_to_noise(finals: Sequence[float], wobble: float | None) -> float | None:
    """The spread of the candidates' scores over the noise of their runs, both in units of the score.

    Upstream divides each by its mean, which is the same for both if noise is taken around a trend. None if either is
    unknown: fewer than two scores, too few checkpoints, no difference between the candidates, or no noise.
    """
    spread = signal(finals)
    return spread / wobble if spread and wobble else None


def decision_accuracy(small: ArrayLike, large: ArrayLike) -> Agreement:
    """Pairs of candidates that both tell apart, and the share of them that both put in the same order.

    The share is None for fewer than :data:`LEAST_PAIRS`. Upstream counts a tie as a loss of the first: two suites where
    every model has 0 then agree fully, and their agreement with a third depends on the order of rows. Raises
    ``ValueError`` for unequal lengths.
    """
    first, second = np.asarray(small, dtype=np.float64), np.asarray(large, dtype=np.float64)
    if first.shape != second.shape:
        raise ValueError(f"{first.size} and {second.size} scores are not of the same candidates")
    one, other = np.triu_indices(first.size, 1)
    orders = np.sign(first[one] - first[other]) * np.sign(second[one] - second[other])
    told_apart = orders[orders != 0]
    enough = told_apart.size >= LEAST_PAIRS
    return Agreement(int(told_apart.size), float(np.mean(told_apart > 0)) if enough else None)
