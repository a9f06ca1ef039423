"""How good scores are on labelled texts: average precision, precision, recall and F1 at a threshold, with intervals.

Proportions have Wilson intervals (scipy); F1 and average precision have the 2.5 % and 97.5 % points of 400 resamples of
the texts (Efron and Tibshirani 1993), drawn with a fixed seed. Average precision is the step-wise sum over distinct
scores, as scikit-learn computes it. Cost: a sort, and for each resample one pass over the texts.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gristmill.core.config import Config

RESAMPLES, SEED = 400, 20_240_601
CURVE_POINTS = 200

Scores = npt.NDArray[np.float64]
Labels = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int64]


class Measure(Config):
    """A number with the ends of its 95 % interval; all null if there was nothing to measure."""

    value: float | None
    low: float | None
    high: float | None


class Metrics(Config):
    """What a threshold does to labelled texts. ``majority``: accuracy of always naming the commoner class."""

    texts: int
    positives: int
    majority: float
    average_precision: Measure
    accuracy: Measure
    precision: Measure
    recall: Measure
    f1: Measure
    kept: Measure


class Point(NamedTuple):
    """What a threshold would do: ``kept`` is the share of texts at or above it."""

    threshold: float
    precision: float
    recall: float
    kept: float


def measure(scores: Scores, positive: Labels, threshold: float) -> Metrics:
    """The metrics of ``scores >= threshold`` against ``positive``. Raises ``ValueError`` for texts of one kind only."""
    count, positives = len(scores), int(positive.sum())
    if not 0 < positives < count:
        raise ValueError("there are not texts of both kinds")
    kept = scores >= threshold
    hits = int((kept & positive).sum())
    order = np.argsort(-scores, kind="stable")
    ones = np.ones(count)
    draws = np.random.default_rng(SEED).multinomial(count, ones / count, RESAMPLES).astype(np.float64)
    precisions = [_average_precision(scores[order], positive[order], weights[order]) for weights in draws]
    f1s = [_f1(kept, positive, weights) for weights in draws]
    return Metrics(
        texts=count,
        positives=positives,
        majority=round(max(positives, count - positives) / count, 6),
        average_precision=_spread(_average_precision(scores[order], positive[order], ones), precisions),
        accuracy=proportion(int((kept == positive).sum()), count),
        precision=proportion(hits, int(kept.sum())),
        recall=proportion(hits, positives),
        f1=_spread(_f1(kept, positive, ones), f1s),
        kept=proportion(int(kept.sum()), count),
    )


def curve(scores: Scores, positive: Labels) -> list[Point]:
    """Precision, recall and kept share at every distinct score, most kept first, thinned to some 200 points."""
    values, kept, hits = _at_every_score(scores, positive)
    positives = max(int(positive.sum()), 1)
    chosen = np.unique(np.linspace(0, len(values) - 1, min(len(values), CURVE_POINTS)).round().astype(np.int64))
    return [
        Point(float(values[i]), float(hits[i] / kept[i]), float(hits[i] / positives), float(kept[i] / len(scores)))
        for i in chosen
    ]


def threshold_for_share(scores: Scores, share: float) -> float:
    """The threshold that keeps ``share`` of these texts, or as many more as tie with the last of them."""
    keep = max(1, round(share * len(scores)))
    return float(np.sort(scores)[len(scores) - keep])


def threshold_for_precision(scores: Scores, positive: Labels, precision: float) -> float | None:
    """The lowest threshold with at least this precision, None when there is none."""
    values, kept, hits = _at_every_score(scores, positive)
    good = values[hits >= precision * kept]
    return float(good[0]) if len(good) else None


def _at_every_score(scores: Scores, positive: Labels) -> tuple[Scores, Counts, Counts]:
    """The distinct scores, rising, with the texts and the positive texts at or above each."""
    values = np.unique(scores)
    kept = len(scores) - np.searchsorted(np.sort(scores), values, side="left")
    hits = int(positive.sum()) - np.searchsorted(np.sort(scores[positive]), values, side="left")
    return values, kept, hits


def _average_precision(scores: Scores, positive: Labels, weights: Scores) -> float:
    """Of scores in falling order: the mean over the positives of the precision at their score."""
    last = np.append(scores[1:] != scores[:-1], True)  # texts of one score are kept or dropped together
    kept = np.cumsum(weights)[last]
    hits = np.cumsum(weights * positive)[last]
    if not hits[-1]:
        return 0.0
    steps = np.diff(hits, prepend=0.0)
    return float((steps * hits / np.maximum(kept, 1e-12)).sum() / hits[-1])


def _f1(kept: Labels, positive: Labels, weights: Scores) -> float:
    total = float((weights * kept).sum() + (weights * positive).sum())
    return 2 * float((weights * (kept & positive)).sum()) / total if total else 0.0


def proportion(part: int, whole: int) -> Measure:
    """A share with its 95 % Wilson interval; empty where there is nothing to divide by."""
    if not whole:
        return Measure(value=None, low=None, high=None)
    from scipy.stats import binomtest  # 0.9 s to import, which reading a card should not pay

    interval = binomtest(part, whole).proportion_ci(0.95, method="wilson")
    return Measure(value=round(part / whole, 6), low=round(float(interval.low), 6), high=round(float(interval.high), 6))


def _spread(value: float, resampled: list[float]) -> Measure:
    low, high = np.quantile(resampled, [0.025, 0.975])
    return Measure(value=round(value, 6), low=round(float(low), 6), high=round(float(high), 6))
