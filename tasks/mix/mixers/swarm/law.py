"""The log-linear law of loss over mixtures: ``y = e^c + e^(x.t)``, fitted with a weighted Huber loss.

Data mixing laws (Ye et al. 2024, arXiv 2403.16952), as Olmix fits them (arXiv 2602.12237): x is a mixture on the
simplex, e^c the loss that no mixture removes, and t says how the rest falls or rises with each domain's share. ``x.t``
needs no intercept, because shares sum to 1. Convex in x, so the best mixture is unique up to ties.

With e^c given, ``log(y - e^c) = x.t`` is linear least squares; L-BFGS with the analytic gradient starts from a few such
solutions and the best end is kept. A small ridge holds the t of domains that few trials saw near the mean of all t.
Cost: some 10 ms a metric for 50 trials, 0.1 s for 500.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from gristmill.core.errors import GristmillError
from gristmill.tasks.mix.domains import Vector

Mixtures = NDArray[np.float64]
Objective = Callable[[Vector], tuple[float, Vector]]
FLOORS = (0.3, 0.7, 0.95)
"""Where fits start: e^c as a part of the lowest loss."""
HUBER = 0.02
RIDGE = 1e-6


@dataclass(frozen=True)
class LogLinear:
    """A fitted law of one metric. ``floor`` is c, ``slopes`` is t, shape (k,)."""

    floor: float
    slopes: Vector

    def predict(self, mixtures: Mixtures) -> Vector:
        """Losses, shape (n,), of mixtures of shape (n, k)."""
        losses: Vector = np.exp(self.floor) + np.exp(mixtures @ self.slopes)
        return losses


def fit_log_linear(
    mixtures: Mixtures,
    losses: Vector,
    weights: Vector | None = None,
    *,
    huber: float = HUBER,
    ridge: float = RIDGE,
    start: LogLinear | None = None,
) -> LogLinear:
    """The law of one metric from trials: mixtures (n, k), losses (n,) in nats, weights (n,) of the residuals.

    ``huber``: residuals above it, in nats, count linearly. ``start`` replaces the several starts, for refits. Raises
    :class:`GristmillError` for fewer than 3 trials and for losses that are not positive and finite.
    """
    if len(losses) < 3:
        raise GristmillError(f"a law needs at least 3 trials, not {len(losses)}. Run more trials.")
    if not np.all(np.isfinite(losses)) or np.any(losses <= 0):
        raise GristmillError(f"losses must be finite and above 0, not {losses[~(losses > 0)].tolist()}")
    scaled = np.ones(len(losses)) if weights is None else weights / weights.mean()

    def objective(parameters: Vector) -> tuple[float, Vector]:
        floor, slopes = np.exp(min(parameters[0], 50.0)), parameters[1:]
        grown = np.exp(np.minimum(mixtures @ slopes, 50.0))
        residual = floor + grown - losses
        size = np.abs(residual)
        near = np.minimum(size, huber)
        loss = 0.5 * near**2 + huber * (size - near)
        pull = scaled * np.clip(residual, -huber, huber) / len(losses)
        spread = slopes - slopes.mean()
        gradient = np.concatenate([[pull.sum() * floor], mixtures.T @ (pull * grown) + ridge * huber * spread])
        return float((scaled * loss).mean() + 0.5 * ridge * huber * (spread @ spread)), gradient

    starts = [np.concatenate([[start.floor], start.slopes])] if start else _starts(mixtures, losses, scaled)
    ends = [_descend(objective, first, _curvature(first, mixtures, scaled, ridge * huber)) for first in starts]
    best = min(ends, key=lambda end: end[0])[1]
    return LogLinear(float(best[0]), best[1:])


def _descend(objective: Objective, first: Vector, curvature: NDArray[np.float64]) -> tuple[float, Vector]:
    """L-BFGS in coordinates in which the curvature at the start is round: tens of steps where plain ones take
    hundreds.
    """
    stretch = np.linalg.inv(np.linalg.cholesky(curvature)).T

    def stretched(moved: Vector) -> tuple[float, Vector]:
        value, gradient = objective(first + stretch @ moved)
        return value, stretch.T @ gradient

    end = minimize(
        stretched, np.zeros(len(first)), jac=True, method="L-BFGS-B", options={"maxiter": 300, "ftol": 1e-10}
    )
    best: Vector = first + stretch @ end.x
    return float(end.fun), best


def _curvature(parameters: Vector, mixtures: Mixtures, weights: Vector, pull: float) -> NDArray[np.float64]:
    """The Gauss-Newton matrix of the squared loss, with a little added so that it can be inverted."""
    grown = np.exp(np.minimum(mixtures @ parameters[1:], 50.0))
    slopes = np.hstack([np.full((len(mixtures), 1), np.exp(parameters[0])), grown[:, None] * mixtures])
    matrix = (slopes * weights[:, None]).T @ slopes / len(mixtures)
    added: NDArray[np.float64] = matrix + (pull + 1e-6 * np.trace(matrix) / len(matrix)) * np.eye(len(matrix))
    return added


def _starts(mixtures: Mixtures, losses: Vector, weights: Vector) -> list[Vector]:
    """Linear least squares of ``log(y - e^c)`` for several c, with a ridge towards the mean that keeps it solvable."""
    root = np.sqrt(weights)[:, None]
    size = mixtures.shape[1]
    centred = np.eye(size) - 1 / size
    starts = []
    for part in FLOORS:
        floor = part * float(losses.min())
        target = np.log(losses - floor)
        design = np.vstack([mixtures * root, np.sqrt(1e-3) * centred])
        slopes = np.linalg.lstsq(design, np.concatenate([target * root[:, 0], np.zeros(size)]), rcond=None)[0]
        starts.append(np.concatenate([[np.log(floor)], slopes]))
    return starts
