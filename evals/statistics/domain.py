"""The mean of all items minus the mean of some of them, such as those that were not seen in training.

The two means share the chosen items, so their errors are not independent, and the interval of the difference is that of
the difference itself: each item enters both means, its share in the difference is ``(x - mean_all) / n_all - (x -
mean_chosen) / n_chosen`` (the second for chosen items only), and the variance is the sum of squares over clusters of
such shares, times G / (G - 1) for G clusters (the linearised variance of a domain mean, Särndal, Swensson and Wretman
1992, section 5.8; clusters as in Miller 2024). Cost: one pass over the items.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gristmill.evals.statistics.interval import Estimate, Interval
from gristmill.evals.statistics.ratio import cluster_codes


def domain_difference(
    values: ArrayLike, chosen: NDArray[np.bool_], clusters: Sequence[str], confidence: float = 0.95
) -> Interval:
    """The mean of ``values`` minus that of the ``chosen`` ones, with its interval. An empty cluster name stands alone.

    Raises ``ValueError`` when none is chosen or there are fewer than two clusters.
    """
    x = np.asarray(values, np.float64)
    codes = cluster_codes(clusters)
    count = int(codes.max(initial=-1)) + 1
    if not chosen.any() or count < 2:
        raise ValueError(f"no difference from {int(chosen.sum())} chosen items in {count} clusters")
    mean_all, mean_chosen = float(x.mean()), float(x[chosen].mean())
    shares = (x - mean_all) / x.size - np.where(chosen, (x - mean_chosen) / chosen.sum(), 0.0)
    variance = float(np.square(np.bincount(codes, shares)).sum()) * count / (count - 1)
    return Estimate(mean_all - mean_chosen, float(np.sqrt(variance)), count - 1).interval(confidence)
