"""The score of a suite: the mean over items of values from 0 to 1, with the interval that suits them.

Independent right-or-wrong items have Wilson's interval. Items that share a passage have the clustered standard error
(``gristmill.evals.statistics.ratio``), in Wilson's form where every value is 0 or 1, so that no interval is empty or
leaves [0, 1]. Values between 0 and 1, such as F1, have Student's t. The macro average weighs subjects alike; subjects
are fixed strata, so its variance is ``sum(se ** 2) / subjects ** 2`` with the degrees of freedom of Satterthwaite 1946.
Cost: one pass over the items.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from gristmill.evals.statistics.interval import Estimate, Interval, within
from gristmill.evals.statistics.proportions import effective_wilson, wilson
from gristmill.evals.statistics.ratio import Codes, Floats, cluster_codes, ratio_estimate


class Mean(NamedTuple):
    """A mean with its interval and the interval's method."""

    interval: Interval
    method: str


def mean(values: ArrayLike, clusters: Sequence[str]) -> Mean:
    """The mean of ``values``, each from 0 to 1. Raises ``ValueError`` when there are none, or for unequal lengths."""
    scores = np.asarray(values, dtype=np.float64)
    if not scores.size or scores.size != len(clusters):
        raise ValueError(f"{scores.size} values and {len(clusters)} names of clusters give no mean")
    count = int(cluster_codes(clusters).max()) + 1
    if is_binary(scores) and count == scores.size:
        return Mean(wilson(round(float(scores.sum())), scores.size), "Wilson score interval")
    if count == 1:
        return Mean(
            Interval(float(scores.mean()), 0.0, 1.0),
            "too few for an error bar: one item or passage alone, the score could be any",
        )
    found = ratio_estimate(scores, np.ones(scores.size), clusters=clusters)
    how = "clustered standard error" if count < scores.size else "standard error"
    if is_binary(scores):
        return Mean(effective_wilson(found, count), f"{how}, Wilson form, Student t")
    return Mean(within(found.interval()), f"{how}, Student t")


def macro_mean(values: ArrayLike, clusters: Sequence[str], subsets: Sequence[str]) -> Mean:
    """The mean over ``subsets`` of their means. Raises as :func:`mean`."""
    scores = np.asarray(values, dtype=np.float64)
    found = macro_estimate(scores, clusters, subsets, bound=0.25)
    if not is_binary(scores):
        return Mean(within(found.interval()), "stratified by subset, Student t")
    counts = _clusters_of(clusters, subsets)[2]
    fallback = counts.size**2 / float((1 / counts).sum())
    return Mean(effective_wilson(found, fallback), "stratified by subset, Wilson form, Student t")


def macro_estimate(values: Floats, clusters: Sequence[str], subsets: Sequence[str], bound: float) -> Estimate:
    """The mean over subsets of their means. ``bound`` is the largest variance that a value can have.

    Subsets of one cluster have no error of their own: they get the variance of their means around each other (Cochran's
    collapsed strata), a lone one ``bound``. Either can only widen the interval. Raises ``ValueError`` for no values or
    unequal lengths.
    """
    if not values.size or not values.size == len(clusters) == len(subsets):
        raise ValueError(f"{values.size} values, {len(clusters)} clusters and {len(subsets)} subsets give no mean")
    codes, strata, counts = _clusters_of(clusters, subsets)
    of_item = strata[codes]
    sizes = np.bincount(of_item)
    means = np.bincount(of_item, weights=values) / sizes
    totals = np.bincount(codes, weights=values - means[of_item])
    freedom = counts - 1
    spread = np.bincount(strata, weights=totals**2) * counts / np.maximum(freedom, 1) / sizes**2
    alone = means[freedom == 0]
    parts = spread[freedom > 0]
    degrees = freedom[freedom > 0]
    if alone.size > 1:
        parts, degrees = np.append(parts, alone.size * np.var(alone, ddof=1)), np.append(degrees, alone.size - 1)
    total = float(parts.sum()) + bound * (alone.size == 1)
    weighed = float((parts**2 / degrees).sum())
    satterthwaite = total**2 / weighed if weighed else float(degrees.sum()) or np.inf
    return Estimate(float(means.mean()), float(np.sqrt(total)) / means.size, satterthwaite)


def is_binary(values: Floats) -> bool:
    """Whether every value is 0 or 1."""
    return bool(np.isin(values, (0.0, 1.0)).all())


def _clusters_of(clusters: Sequence[str], subsets: Sequence[str]) -> tuple[Codes, Codes, Floats]:
    """The cluster of every item, the subset of every cluster, and how many clusters each subset has."""
    codes = cluster_codes(clusters, subsets)
    strata = np.empty(int(codes.max()) + 1, dtype=np.intp)
    strata[codes] = np.unique(np.asarray(subsets), return_inverse=True)[1]
    return codes, strata, np.bincount(strata).astype(np.float64)
