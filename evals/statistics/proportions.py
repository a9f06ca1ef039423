"""Shares of right answers: their intervals, and whether they are above chance. Closed forms, no resampling.

Sources: Wilson 1927 (right where a normal interval fails: small n, scores near 0 and 1); Korn and Graubard 1998 and
Franco et al. 2019 for the same interval on the effective number of items if answers are clustered; Clopper and
Pearson 1934 for the identity between the binomial tail and the incomplete beta function. Cost: one pass; the tail of
items with different chances takes a convolution for each distinct chance.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betainc, ndtri
from scipy.stats import binom

from gristmill.evals.statistics.interval import Estimate, Interval


def wilson(successes: int, n: int, confidence: float = 0.95) -> Interval:
    """Wilson score interval of a proportion of independent items; never leaves [0, 1].

    Raises ``ValueError`` unless ``0 <= successes <= n`` and ``n >= 1``.
    """
    if n < 1 or not 0 <= successes <= n:
        raise ValueError(f"{successes} of {n} is not a proportion")
    return _wilson(successes / n, n, float(ndtri(0.5 + confidence / 2)))


def effective_wilson(found: Estimate, fallback: float, confidence: float = 0.95) -> Interval:
    """Wilson's interval on the effective size: the number of independent items that would have the same error.

    ``size = share * (1 - share) / error ** 2``, and Student's quantile in place of the normal one. A share of 0 or 1
    has no error to measure; ``fallback`` is its size, such as the number of clusters: items of one cluster then count
    as one, which can only widen the interval.
    """
    spread = found.value * (1 - found.value)
    size = spread / found.error**2 if found.error > 0 and spread > 0 else fallback
    return _wilson(found.value, size, found.quantile(confidence))


def above_chance(successes: int, n: int, chance: float) -> float:
    """Exact one-sided p-value: the probability of at least ``successes`` hits of ``n`` when each hits by ``chance``.

    ``P(X >= k) = I_chance(k, n - k + 1)``. Raises ``ValueError`` for an invalid proportion or probability.
    """
    if n < 1 or not 0 <= successes <= n or not 0 <= chance <= 1:
        raise ValueError(f"{successes} of {n} at chance {chance} is not a binomial outcome")
    return 1.0 if successes == 0 else float(betainc(successes, n - successes + 1, chance))


def above_chances(successes: int, chances: ArrayLike) -> float:
    """:func:`above_chance` for items whose chances differ, such as C3's with two to four options; exact as well.

    The number of hits is a sum of one binomial for each distinct chance (a Poisson binomial); all terms are positive,
    so small tails keep their digits. Raises as :func:`above_chance`.
    """
    levels, counts = np.unique(np.asarray(chances, dtype=np.float64), return_counts=True)
    n = int(counts.sum())
    if levels.size == 1:
        return above_chance(successes, n, float(levels[0]))
    if not n or not 0 <= successes <= n or levels[0] < 0 or levels[-1] > 1:
        raise ValueError(f"{successes} of {n} at these chances is not an outcome")
    density = np.ones(1)
    for chance, count in zip(levels, counts, strict=True):
        density = np.convolve(density, binom.pmf(np.arange(count + 1), count, chance))
    return min(1.0, float(density[successes:].sum()))


def _wilson(share: float, size: float, z: float) -> Interval:
    scale = 1 + z * z / size
    centre = (share + z * z / (2 * size)) / scale
    half = z / scale * float(np.sqrt(share * (1 - share) / size + z * z / (4 * size * size)))
    low = 0.0 if share <= 0 else max(0.0, centre - half)
    high = 1.0 if share >= 1 else min(1.0, centre + half)
    return Interval(share, low, high)
