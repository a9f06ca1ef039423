"""The log-linear law of loss over mixtures: ``y = e^c + e^(x.t)``, fitted with a weighted Huber loss.

Data mixing laws (Ye et al. 2024, arXiv 2403.16952), as Olmix fits them (arXiv 2602.12237): x is a mixture on the
simplex, e^c the loss that no mixture removes, and t says how the rest falls or rises with each domain's share. ``x.t``
needs no intercept, because shares sum to 1. Convex in x, so the best mixture is unique up to ties.

With e^c given, ``log(y - e^c) = x.t`` is linear least squares; damped Gauss-Newton steps start from a few such
solutions and the best end is kept. A small ridge holds the t of domains that few trials saw near the mean of all t.
Cost: some milliseconds a metric for 50 trials.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gristmill.core.errors import GristmillError
from gristmill.tasks.mix.domains import Vector
from gristmill.tasks.mix.mixers.swarm.settings import HUBER

Mixtures = NDArray[np.float64]
FLOORS = (0.3, 0.7, 0.95)
"""Where fits start: e^c as a part of the lowest loss."""
RIDGE = 1e-6
STEPS = 200
STILL = 1e-7
"""A step that gains less than this part of the loss ends the descent."""


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
    problem = _Problem(mixtures, losses, scaled / len(losses), huber, ridge * huber)
    starts = [np.concatenate([[start.floor], start.slopes])] if start else _starts(mixtures, losses, scaled)
    best = min((problem.descend(first) for first in starts), key=lambda end: end[0])[1]
    return LogLinear(float(best[0]), best[1:])


@dataclass(frozen=True)
class _Problem:
    """The loss of parameters (c, t): Huber's of the residuals, weighted, and the ridge."""

    mixtures: Mixtures
    losses: Vector
    weights: Vector
    huber: float
    ridge: float

    def descend(self, first: Vector) -> tuple[float, Vector]:
        """Damped Gauss-Newton steps from ``first``: the loss at the end, and where that is."""
        parameters, damping = first, 1e-3
        value, gradient, curvature = self._at(parameters)
        for _ in range(STEPS):
            scale = np.diag(np.diag(curvature) + 1e-12 * np.trace(curvature))
            moved = parameters - np.linalg.solve(curvature + damping * scale, gradient)
            found = self._at(moved)
            if found[0] < value:
                gain = value - found[0]
                parameters, (value, gradient, curvature), damping = moved, found, max(damping / 4, 1e-9)
                if gain < STILL * value:
                    break
            elif damping > 1e9:
                break
            else:
                damping *= 5
        return value, parameters

    def _at(self, parameters: Vector) -> tuple[float, Vector, NDArray[np.float64]]:
        """Loss, gradient, and the Gauss-Newton matrix in which a residual beyond ``huber`` counts for less."""
        floor, slopes = np.exp(min(parameters[0], 50.0)), parameters[1:]
        grown = np.exp(np.minimum(self.mixtures @ slopes, 50.0))
        residual = floor + grown - self.losses
        size = np.abs(residual)
        near = np.minimum(size, self.huber)
        spread = slopes - slopes.mean()
        loss = self.weights @ (0.5 * near**2 + self.huber * (size - near)) + 0.5 * self.ridge * (spread @ spread)
        pulls = self.weights * near / np.maximum(size, 1e-300)
        design = np.column_stack([np.full(len(grown), floor), grown[:, None] * self.mixtures])
        weighted = design * pulls[:, None]
        gradient, matrix = residual @ weighted, design.T @ weighted
        gradient[1:] += self.ridge * spread
        matrix[1:, 1:] += self.ridge * (np.eye(len(slopes)) - 1 / len(slopes))
        return float(loss), gradient, matrix


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
