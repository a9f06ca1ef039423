"""Ratios of sums over units drawn in clusters and strata: means, bits per byte, paired differences.

Source: Cochran 1977, *Sampling Techniques*, chapter 6: the linearised variance of a ratio estimator, from the residuals
``numerator - ratio * denominator``. Residuals are summed inside a cluster first, so dependent answers are not taken for
independent evidence. With denominators of 1 this is the clustered standard error of Miller 2024, *Adding
Error Bars to Evals*, appendix A, with the finite-cluster correction ``C / (C - 1)`` (inspect_ai,
``scorer/_metrics/std.py``, gives the same number). Deterministic. Cost: one pass over the items.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gristmill.evals.statistics.interval import Estimate, Interval

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]


def ratio(
    numerators: ArrayLike,
    denominators: ArrayLike,
    strata: Sequence[str] | None = None,
    confidence: float = 0.95,
    *,
    clusters: Sequence[str] | None = None,
) -> Interval:
    """The Student's t interval of :func:`ratio_estimate`, which documents the arguments and errors."""
    return ratio_estimate(numerators, denominators, strata, clusters).interval(confidence)


def ratio_estimate(
    numerators: ArrayLike,
    denominators: ArrayLike,
    strata: Sequence[str] | None = None,
    clusters: Sequence[str] | None = None,
) -> Estimate:
    """``sum(numerators) / sum(denominators)`` with its standard error and ``clusters - strata`` degrees of freedom.

    The variance is computed inside each stratum. A stratum of one cluster has no variance of its own, so such strata
    are merged (Cochran's collapsed strata), which can only widen the interval.

    Raises ``ValueError`` for fewer than two clusters, a denominator sum that is not positive, or unequal lengths.
    """
    top, bottom = np.asarray(numerators, dtype=np.float64), np.asarray(denominators, dtype=np.float64)
    lengths = {top.size, bottom.size, *(len(names) for names in (strata, clusters) if names is not None)}
    if len(lengths) > 1:
        raise ValueError("numerators, denominators, strata and clusters have unequal lengths")
    units = cluster_codes(clusters if clusters is not None else [""] * top.size, strata)
    count = int(units.max(initial=-1)) + 1
    if count < 2 or not bottom.sum() > 0:
        raise ValueError(f"a ratio needs at least two units and a positive denominator, got {count} units")
    value = float(top.sum() / bottom.sum())
    residuals = np.bincount(units, weights=top - value * bottom, minlength=count)
    groups = np.zeros(count, dtype=np.intp)
    if strata is not None:
        groups[units] = np.unique(np.asarray(strata), return_inverse=True)[1]
    groups = _collapse(groups)
    names = np.unique(groups)
    variance = sum(_sum_variance(residuals[groups == name]) for name in names)
    return Estimate(value, float(np.sqrt(variance) / bottom.sum()), count - names.size)


def cluster_codes(clusters: Sequence[str], strata: Sequence[str] | None = None) -> Codes:
    """Numbers from 0 for the clusters of items; an empty name stands alone, and no cluster spans strata."""
    found: dict[object, int] = {}
    keys = (
        (stratum, name) if name else place
        for place, (name, stratum) in enumerate(zip(clusters, strata or [""] * len(clusters), strict=True))
    )
    return np.fromiter((found.setdefault(key, len(found)) for key in keys), dtype=np.intp, count=len(clusters))


def _sum_variance(residuals: Floats) -> float:
    """Estimated variance of the sum of a stratum's residuals."""
    return residuals.size * float(np.var(residuals, ddof=1))


def _collapse(strata: Codes) -> Codes:
    """Merge strata of one cluster with each other, or a lone one with the smallest other stratum."""
    names, counts = np.unique(strata, return_counts=True)
    lone = names[counts == 1]
    if lone.size == 0:
        return strata
    if lone.size == 1:
        others = names[counts > 1]
        into = others[np.argmin(counts[counts > 1])]
    else:
        into = lone[0]
    return np.where(np.isin(strata, lone), into, strata)
