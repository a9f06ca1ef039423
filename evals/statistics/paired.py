"""Is B better than A? Paired differences over the items both answered, with an interval, p-values and the power.

The difference is a ratio of sums over clusters (``evals.statistics.ratio``; a mean where every item weighs 1), so what
the two have in common cancels: paired errors are half of unpaired ones or less (Miller 2024, section 4). Sources:
Agresti and Min 2005, *Simple improved confidence intervals for comparing matched proportions*, for the pseudo-pair
that keeps the interval of right-or-wrong items honest where few or none differ; Fisher 1935 for sign flips: without a
difference the two are exchangeable, so each cluster's difference could as well have had the other sign; McNemar 1947
for the exact test of independent right-or-wrong items; Holm 1979 for several suites. Deterministic: flips are seeded.
Cost: a random bit for each flip and cluster that differs (0.3 s for 10,000 clusters), or 65,536 sums.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betainc, stdtrit

from evals.statistics.interval import Estimate, Interval, within
from evals.statistics.means import is_binary, macro_estimate
from evals.statistics.ratio import Floats, cluster_codes, ratio_estimate

FLIPS = 10_000
ENUMERATED = 16
"""Clusters that differ up to which all signs are tried."""
POWER, LEVEL = 0.8, 0.05
SEED = 20_240_411
CHUNK = 1 << 21


@dataclass(frozen=True)
class Paired:
    """B against A on the same items. Differences are B - A, in the units of the score.

    ``p`` is two-sided, of the sign-flip permutation over clusters. For independent right-or-wrong items that is
    McNemar's exact test, and ``mcnemar`` is the same number; else it is None. ``more_a`` and ``more_b`` count the items
    with a higher value of A and of B. ``detectable`` is the difference that a set of this size and spread would have
    shown in four of five cases.
    """

    value_a: float
    value_b: float
    difference: Interval
    p: float
    mcnemar: float | None
    more_a: int
    more_b: int
    items: int
    clusters: int
    detectable: float


def paired(
    a: ArrayLike,
    b: ArrayLike,
    clusters: Sequence[str],
    *,
    weights: ArrayLike | None = None,
    strata: Sequence[str] | None = None,
    flips: int = FLIPS,
) -> Paired:
    """Compare the values of two checkpoints item by item.

    With ``weights`` the score is ``sum(values) / sum(weights)``, such as bits over bytes, its variance inside
    ``strata``. Raises ``ValueError`` for unequal lengths and for fewer than two clusters.
    """
    left, right = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    sizes = np.ones(left.size) if weights is None else np.asarray(weights, dtype=np.float64)
    if not left.size == right.size == sizes.size == len(clusters):
        raise ValueError("the values of the two, their weights and clusters have unequal lengths")
    found = ratio_estimate(right - left, sizes, strata, clusters)
    codes = cluster_codes(clusters, strata)
    scores = (float(left.sum() / sizes.sum()), float(right.sum() / sizes.sum()))
    binary = weights is None and is_binary(left) and is_binary(right)
    exact = None
    if binary and int(codes.max()) + 1 == left.size:
        exact = mcnemar(int((left > right).sum()), int((right > left).sum()))
    # all signs of equal differences: the binomial distribution counts them
    p = sign_flip(np.bincount(codes, weights=right - left), flips=flips) if exact is None else exact
    return _compared(found, scores, left, right, int(codes.max()) + 1, p, exact, shares=weights is None)


def paired_macro(
    a: ArrayLike, b: ArrayLike, clusters: Sequence[str], subsets: Sequence[str], *, flips: int = FLIPS
) -> Paired:
    """Compare the macro averages of two checkpoints: the mean over subsets of their means. Raises as :func:`paired`."""
    left, right = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if not left.size == right.size == len(clusters) == len(subsets):
        raise ValueError("the values of the two, their clusters and subsets have unequal lengths")
    names, subjects, counts = np.unique(np.asarray(subsets), return_inverse=True, return_counts=True)
    shares = 1 / (counts[subjects] * names.size)
    found = macro_estimate(right - left, clusters, subsets, bound=1.0)
    codes = cluster_codes(clusters, subsets)
    p = sign_flip(np.bincount(codes, weights=(right - left) * shares), flips=flips)
    scores = (float(left @ shares), float(right @ shares))
    return _compared(found, scores, left, right, int(codes.max()) + 1, p, None, shares=True)


def _compared(
    found: Estimate,
    scores: tuple[float, float],
    left: Floats,
    right: Floats,
    count: int,
    p: float,
    exact: float | None,
    *,
    shares: bool,
) -> Paired:
    """The result; ``shares`` says that values lie between 0 and 1."""
    binary = shares and is_binary(left) and is_binary(right)
    widened = _with_pseudo_pair(found, left.size, left.size / count) if binary else found
    ends = widened.interval()
    interval = Interval(found.value, min(ends.low, found.value), max(ends.high, found.value))
    return Paired(
        value_a=scores[0],
        value_b=scores[1],
        difference=within(interval, -1.0, 1.0) if shares else interval,
        p=p,
        mcnemar=exact,
        more_a=int((left > right).sum()),
        more_b=int((right > left).sum()),
        items=left.size,
        clusters=count,
        detectable=(widened.quantile(1 - LEVEL) + float(stdtrit(widened.freedom, POWER))) * widened.error,
    )


def _with_pseudo_pair(found: Estimate, n: int, size: float) -> Estimate:
    """The estimate of right-or-wrong items with a cluster of average ``size`` added for A and one for B, each at half
    weight where they differ and at half weight where they do not (Agresti and Min's four half observations)."""
    total = n + 2 * size
    return Estimate(found.value * n / total, float(np.hypot(found.error * n, size)) / total, found.freedom)


def mcnemar(more_a: int, more_b: int) -> float:
    """Exact two-sided p-value of McNemar's test from the two counts of discordant items; 1 when there are none."""
    fewer, total = min(more_a, more_b), more_a + more_b
    if total == 0:
        return 1.0
    # P(X <= k) = I_{1/2}(n - k, k + 1) for a fair coin
    return min(1.0, 2 * float(betainc(total - fewer, fewer + 1, 0.5)))


def sign_flip(differences: ArrayLike, *, flips: int = FLIPS) -> float:
    """Two-sided p-value of the sum of the clusters' ``differences`` under random signs; 1 when none differ.

    Up to 16 clusters that differ all signs are tried, which is exact. Beyond, ``(1 + hits) / (1 + flips)`` with seeded
    flips, which is valid for any number of them (Phipson and Smyth 2010).
    """
    sizes = np.abs(np.asarray(differences, dtype=np.float64))
    found = abs(float(np.sum(differences)))
    sizes = sizes[sizes > 0]
    if not sizes.size:
        return 1.0
    reached = found - 1e-9 * float(sizes.max())
    if sizes.size <= ENUMERATED:
        sums = np.zeros(1)
        for size in sizes:
            sums = np.concatenate((sums + size, sums - size))
        return float((np.abs(sums) >= reached).mean())
    random = np.random.default_rng(SEED)
    rows = max(1, CHUNK // sizes.size)
    hits = 0
    for at in range(0, flips, rows):
        drawn = random.integers(0, 256, (min(rows, flips - at), -(-sizes.size // 8)), dtype=np.uint8)
        plus = np.unpackbits(drawn, axis=1, count=sizes.size).astype(np.float64)
        hits += int((np.abs(2 * (plus @ sizes) - sizes.sum()) >= reached).sum())
    return (1 + hits) / (1 + flips)


def holm(ps: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values, in the order of ``ps``: the chance of any false alarm among them stays at the level."""
    order = np.argsort(ps, kind="stable")
    factors = len(ps) - np.arange(len(ps))
    adjusted = np.minimum(1, np.maximum.accumulate(np.asarray(ps, dtype=np.float64)[order] * factors))
    found = np.empty(len(ps))
    found[order] = adjusted
    return [float(p) for p in found]
