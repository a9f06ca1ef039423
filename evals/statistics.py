"""Error bars of single scores: proportions, ratios, and whether a score is above chance.

Sources: Wilson 1927 for proportions (right where a normal interval fails: small n, scores near 0 and 1); Cochran 1977,
*Sampling Techniques*, chapter 6, for the linearised variance of a ratio estimator; Clopper and Pearson 1934 for the
identity between the binomial tail and the incomplete beta function. Every function is closed form and deterministic:
no resampling, no seed. Cost: one pass over the items.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import betainc, ndtri, stdtrit


class Interval(NamedTuple):
    """An estimate with the ends of its interval."""

    value: float
    low: float
    high: float


def wilson(successes: int, n: int, confidence: float = 0.95) -> Interval:
    """Wilson score interval of a proportion; never leaves [0, 1].

    Raises ``ValueError`` unless ``0 <= successes <= n`` and ``n >= 1``.
    """
    if n < 1 or not 0 <= successes <= n:
        raise ValueError(f"{successes} of {n} is no proportion")
    z = float(ndtri(0.5 + confidence / 2))
    share = successes / n
    scale = 1 + z * z / n
    centre = (share + z * z / (2 * n)) / scale
    half = z / scale * float(np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)))
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == n else min(1.0, centre + half)
    return Interval(share, low, high)


def ratio(
    numerators: Sequence[float],
    denominators: Sequence[float],
    strata: Sequence[str] | None = None,
    confidence: float = 0.95,
) -> Interval:
    """``sum(numerators) / sum(denominators)`` over independently drawn units, such as bits over bytes of documents.

    The variance is that of the residuals ``numerator - ratio * denominator``, taken inside each stratum; the interval
    is Student's t with ``units - strata`` degrees of freedom. A stratum of one unit has no variance of its own, so such
    strata are taken together (Cochran's collapsed strata), which can only widen the interval.

    Raises ``ValueError`` for fewer than two units, a denominator sum that is not positive, or unequal lengths.
    """
    top, bottom = np.asarray(numerators, dtype=np.float64), np.asarray(denominators, dtype=np.float64)
    if top.shape != bottom.shape or (strata is not None and len(strata) != top.size):
        raise ValueError("numerators, denominators and strata have unequal lengths")
    if top.size < 2 or not bottom.sum() > 0:
        raise ValueError(f"a ratio needs at least two units and a positive denominator, got {top.size} units")
    value = float(top.sum() / bottom.sum())
    residuals = top - value * bottom
    groups = _collapse(np.asarray(strata if strata is not None else [""] * top.size))
    names = np.unique(groups)
    variance = sum(_sum_variance(residuals[groups == name]) for name in names)
    freedom = top.size - names.size
    half = float(stdtrit(freedom, 0.5 + confidence / 2) * np.sqrt(variance) / bottom.sum())
    return Interval(value, value - half, value + half)


def above_chance(successes: int, n: int, chance: float) -> float:
    """Exact one-sided p-value: the probability of at least ``successes`` hits of ``n`` when each hits by ``chance``.

    ``P(X >= k) = I_chance(k, n - k + 1)``. Raises ``ValueError`` for what is no proportion or no probability.
    """
    if n < 1 or not 0 <= successes <= n or not 0 <= chance <= 1:
        raise ValueError(f"{successes} of {n} at chance {chance} is no binomial outcome")
    return 1.0 if successes == 0 else float(betainc(successes, n - successes + 1, chance))


def _sum_variance(residuals: np.ndarray) -> float:
    """Estimated variance of the sum of a stratum's residuals."""
    return residuals.size * float(np.var(residuals, ddof=1))


def _collapse(strata: np.ndarray) -> np.ndarray:
    """Merge strata of one unit with each other, or a lone one with the smallest other stratum."""
    names, counts = np.unique(strata, return_counts=True)
    lone = names[counts == 1]
    if lone.size == 0:
        return strata
    merged = strata.astype(object)
    if lone.size == 1:
        others = [(count, name) for name, count in zip(names, counts, strict=True) if count > 1]
        lone = np.array([lone[0], min(others)[1]], dtype=object)
    merged[np.isin(strata, lone.astype(str))] = " and ".join(lone)
    return merged.astype(str)
