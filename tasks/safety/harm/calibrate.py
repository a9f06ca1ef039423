"""Calibration of scores by isotonic regression, and how far probabilities are from what comes true.

Source: Zadrozny and Elkan 2002; pool-adjacent-violators is scipy's. The steps become a line through the middle of each
block, kept from 0 and 1 by half a text, because no sample proves a certainty. The expected calibration error is over
ten bins of equal width (Guo et al. 2017); the Brier score is the mean squared error. Cost: a sort.
"""

import numpy as np
import numpy.typing as npt
from scipy.optimize import isotonic_regression

from gristmill.core.config import Config
from gristmill.tasks.classifier.metrics import Labels, Measure, Scores, proportion

BINS = 10
MOST_KNOTS = 200


class Calibration(Config):
    """A line through points of score and probability, level beyond its ends."""

    scores: tuple[float, ...]
    probabilities: tuple[float, ...]

    def of(self, scores: Scores) -> Scores:
        """The probabilities of ``scores``."""
        return np.interp(scores, self.scores, self.probabilities)


class Bin(Config):
    """Texts whose probability is in one tenth of [0, 1]: their mean probability, and the share that is of the kind."""

    texts: int
    expected: float
    observed: Measure


class Reliability(Config):
    """Bins that hold a text, the expected calibration error, and the Brier score."""

    bins: tuple[Bin, ...]
    error: float
    brier: float


def calibrated(scores: Scores, positive: Labels) -> Calibration:
    """The calibration of ``scores`` by labelled texts."""
    order = np.argsort(scores, kind="stable")
    fitted = isotonic_regression(positive[order].astype(np.float64))
    edge = 0.5 / len(scores)
    starts = np.asarray(fitted.blocks)
    weights = np.diff(starts)
    middles = np.add.reduceat(scores[order], starts[:-1]) / weights
    heights = np.clip(np.asarray(fitted.x)[starts[:-1]], edge, 1 - edge)
    chosen = np.unique(np.linspace(0, len(middles) - 1, min(len(middles), MOST_KNOTS)).round().astype(np.int64))
    middles, heights = middles[chosen], heights[chosen]
    first = np.concatenate(([True], np.diff(middles) > 0))
    return Calibration(
        scores=tuple(middles[first].round(9).tolist()), probabilities=tuple(heights[first].round(9).tolist())
    )


def reliability(probabilities: Scores, positive: Labels) -> Reliability:
    """How well ``probabilities`` are what comes true."""
    places: npt.NDArray[np.int64] = np.minimum((probabilities * BINS).astype(np.int64), BINS - 1)
    bins, error = [], 0.0
    for place in np.unique(places):
        inside = places == place
        count, hits = int(inside.sum()), int(positive[inside].sum())
        expected = float(probabilities[inside].mean())
        error += count / len(places) * abs(expected - hits / count)
        bins.append(Bin(texts=count, expected=round(expected, 6), observed=proportion(hits, count)))
    brier = float(np.mean((probabilities - positive) ** 2))
    return Reliability(bins=tuple(bins), error=round(error, 6), brier=round(brier, 6))
