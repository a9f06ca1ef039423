"""How much two runs of one mixture differ, and that this depends on the mixture.

Marin's repeats had a standard deviation of .0016 at proportional and .041 at a code-only mixture: one error for all
mixtures is wrong. Repeated anchors give one standard deviation each, drawn towards their common one as if that came
from 4 more repeats; other mixtures get a mean of the anchors' logarithms, weighted by inverse squared distance.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gristmill.tasks.mix.domains import Vector

PRIOR_REPEATS = 4.0
NEAR = 0.05
LEAST = 1e-5


@dataclass(frozen=True)
class Noise:
    """Standard deviations ``sd``, shape (a,), in nats, of runs of the mixtures ``anchors``, shape (a, k)."""

    anchors: NDArray[np.float64]
    sd: Vector

    def at(self, mixtures: NDArray[np.float64]) -> Vector:
        """The standard deviation at mixtures of shape (n, k): shape (n,)."""
        distance = ((mixtures[:, None, :] - self.anchors) ** 2).sum(axis=2) + NEAR**2
        near = 1 / distance
        logs: Vector = np.exp((near @ np.log(self.sd)) / near.sum(axis=1))
        return logs


def same_mixtures(mixtures: NDArray[np.float64]) -> NDArray[np.int64]:
    """For each row of (n, k) the number of its mixture, equal for repeats: shape (n,)."""
    _, number = np.unique(np.round(mixtures, 6), axis=0, return_inverse=True)
    return np.asarray(number, dtype=np.int64).ravel()


def estimate_noise(mixtures: NDArray[np.float64], losses: Vector) -> Noise | None:
    """The noise from mixtures that were run twice or more; None when there are none."""
    number = same_mixtures(mixtures)
    counts = np.bincount(number)
    repeated = np.flatnonzero(counts >= 2)
    if not len(repeated):
        return None
    squares = np.array([losses[number == each].var(ddof=1) for each in repeated])
    freedom = counts[repeated] - 1.0
    pooled = float((squares * freedom).sum() / freedom.sum())
    drawn = (squares * freedom + pooled * PRIOR_REPEATS) / (freedom + PRIOR_REPEATS)
    anchors = np.stack([mixtures[number == each][0] for each in repeated])
    return Noise(anchors, np.maximum(np.sqrt(drawn), LEAST))


def residual_weights(residuals: Vector, sd: Vector, parameters: int) -> tuple[Vector, float]:
    """Weights of trials in a fit, shape (n,), and the law's own error in nats.

    The variance of a residual is that of the runs plus that of the law, which is what residuals have beyond the noise;
    without it one quiet anchor would decide the fit.
    """
    spare = max(len(residuals) - parameters, 1)
    misfit = max(float((residuals**2).sum() / spare - (sd**2).mean()), 0.0)
    weights: Vector = 1 / (sd**2 + misfit + LEAST**2)
    return weights / weights.mean(), float(np.sqrt(misfit))
