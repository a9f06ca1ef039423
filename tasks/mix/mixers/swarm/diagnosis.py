"""How far a law can be believed: predictions of mixtures it did not see, and what chance would give.

Repeats of one mixture are always in the same fold, since predicting a mixture from its own repeats is not a prediction.
Rank correlations are over mixtures, with repeats averaged.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gristmill.tasks.mix.domains import Vector
from gristmill.tasks.mix.mixers.swarm.noise import same_mixtures

Predict = Callable[[NDArray[np.bool_], NDArray[np.bool_]], NDArray[np.float64]]
"""Which trials to fit, and which to predict, both (n,): predictions (predicted trials, metrics)."""

ALPHA = 0.05
TAIL = 0.1
LEAST_TAIL = 3


@dataclass(frozen=True)
class Ranking:
    """Agreement of measured and predicted losses over mixtures. ``p`` is one-sided, from permutations."""

    spearman: float
    rmse: float
    p: float
    mixtures: int

    @property
    def nothing_learnt(self) -> bool:
        """Whether chance alone ranks mixtures as well."""
        return not self.p < ALPHA


def out_of_fold(
    mixtures: NDArray[np.float64], predict: Predict, metrics: int, folds: int, seed: int
) -> NDArray[np.float64]:
    """A prediction of every trial by laws that saw no trial of its mixture: shape (n, metrics)."""
    number = same_mixtures(mixtures)
    fold = np.random.default_rng([seed, 3]).permutation(int(number.max()) + 1)[number] % folds
    predicted = np.full((len(mixtures), metrics), np.nan)
    for turn in range(folds):
        apart = fold == turn
        if apart.any() and not apart.all():
            predicted[apart] = predict(~apart, apart)
    return predicted


def rank(mixtures: NDArray[np.float64], measured: Vector, predicted: Vector, permutations: int, seed: int) -> Ranking:
    """Spearman, root mean squared error and permutation test of predictions; trials without a value are left out.

    The test permutes measured losses over mixtures with predictions held. Out-of-fold predictions of noise correlate a
    little negatively with it, which makes the test err towards "nothing learnt".
    """
    from scipy.stats import rankdata  # half a second to import

    kept = np.isfinite(measured) & np.isfinite(predicted)
    number = same_mixtures(mixtures[kept]) if kept.any() else np.zeros(0, dtype=np.int64)
    counts = np.maximum(np.bincount(number), 1)
    real = np.bincount(number, weights=measured[kept]) / counts
    told = np.bincount(number, weights=predicted[kept]) / counts
    error = float(np.sqrt(((measured - predicted)[kept] ** 2).mean())) if kept.any() else float("nan")
    if len(real) < 3 or np.ptp(real) == 0 or np.ptp(told) == 0:
        return Ranking(0.0, error, 1.0, len(real))
    one, other = (rankdata(values) - (len(real) + 1) / 2 for values in (real, told))
    scale = float(np.sqrt((one @ one) * (other @ other)))
    rho = float(one @ other) / scale
    generator = np.random.default_rng([seed, 4])
    chance = np.array([generator.permutation(one) @ other for _ in range(permutations)]) / scale
    return Ranking(rho, error, float((1 + (chance >= rho - 1e-12).sum()) / (permutations + 1)), len(real))


def tail_optimism(measured: Vector, predicted: Vector) -> float:
    """How much higher than predicted the trials with the lowest predictions came out, nats (marin #6602).

    The mean over the best tenth by out-of-fold prediction, 3 at least: a law errs most where it promises most, so the
    best prediction of all is likely too good by this much. NaN without predictions.
    """
    kept = np.isfinite(measured) & np.isfinite(predicted)
    if not kept.any():
        return float("nan")
    error = (measured - predicted)[kept]
    size = min(max(LEAST_TAIL, round(TAIL * len(error))), len(error))
    return float(error[np.argsort(predicted[kept], kind="stable")[:size]].mean())
