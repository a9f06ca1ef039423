"""pass@k: the probability that at least one of k samples passes, unbiased for each problem, bootstrapped over problems.

Source: Chen et al. 2021, *Evaluating Large Language Models Trained on Code*, section 2.1 and figure 3: with ``c`` of
``n`` samples right, ``1 - C(n - c, k) / C(n, k)``, computed as a product so that nothing overflows. Problems are what a
set is a sample of, so the interval resamples problems, not answers.

The bootstrap of a mean needs how often each distinct value is drawn, not which problem: one multinomial draw for each
resample. Percentile intervals of a small sample's bootstrap are too narrow; they are expanded as in Hesterberg 2015,
*What Teachers Should Know About the Bootstrap*, section 4.3. Cost: resamples times distinct values.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, stdtrit

from gristmill.evals.statistics.interval import Interval
from gristmill.evals.statistics.ratio import Floats

RESAMPLES = 10_000
SEED = 20_241_122
CHUNK = 1 << 21


def pass_at_k(n: ArrayLike, passed: ArrayLike, k: int) -> Floats:
    """The estimate of every problem from ``n`` samples of which ``passed`` are right.

    Raises ``ValueError`` when a problem has fewer than ``k`` samples: no unbiased estimate exists then.
    """
    counts, right = np.broadcast_arrays(np.asarray(n, dtype=np.int64), np.asarray(passed, dtype=np.int64))
    if k < 1 or (counts < k).any() or (right < 0).any() or (right > counts).any():
        raise ValueError(f"pass@{k} needs at least {k} samples of every problem, and no more right than there are")
    # C(n - c, k) / C(n, k) = prod over i < k of (n - c - i) / (n - i); a factor of 0 ends it where n - c < k
    failed = np.ones(counts.shape)
    for place in range(k):
        failed *= np.maximum(counts - right - place, 0) / (counts - place)
    return 1 - failed


def bootstrap_mean(values: ArrayLike, *, resamples: int = RESAMPLES, confidence: float = 0.95) -> Interval:
    """The mean of independent ``values`` with its expanded percentile interval. The same values give the same ends.

    Raises ``ValueError`` for fewer than two values.
    """
    levels, counts = np.unique(np.asarray(values, dtype=np.float64), return_counts=True)
    n = int(counts.sum())
    if n < 2:
        raise ValueError(f"a bootstrap needs at least two values, got {n}")
    random = np.random.default_rng(SEED)
    rows = max(1, CHUNK // levels.size)
    means = np.concatenate(
        [random.multinomial(n, counts / n, min(rows, resamples - at)) @ levels / n for at in range(0, resamples, rows)]
    )
    tail = float(ndtr(-np.sqrt(n / (n - 1)) * stdtrit(n - 1, 0.5 + confidence / 2)))
    low, high = np.quantile(means, [tail, 1 - tail])
    value = float(levels @ counts / n)
    return Interval(value, min(value, float(low)), max(value, float(high)))
