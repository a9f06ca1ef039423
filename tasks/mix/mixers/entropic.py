"""The minimum of a convex function over mixtures with floors and ceilings: entropic descent.

Each step minimises the linear model plus the divergence from the mixture before it (mirror descent). The projection
onto floors and ceilings in that geometry is water-filling, so it is exact; a pull towards a prior, ``kl * KL(x |
prior)``, is taken into the step in closed form. Step lengths adapt by the usual descent condition. Cost: a call of the
function a step, tens to hundreds of steps.
"""

from collections.abc import Callable

import numpy as np

from gristmill.tasks.mix.domains import Vector, water_fill

Convex = Callable[[Vector], tuple[float, Vector]]
"""A mixture, shape (k,), to the value there and the gradient, shape (k,)."""

LEAST = 1e-12
STEPS = 2000
LONGEST = 1e6
STILL = 1e-10
"""Three steps that gain less than this part of the value end the descent."""


def minimise(
    function: Convex, start: Vector, floors: Vector, ceilings: Vector, *, prior: Vector | None = None, kl: float = 0.0
) -> Vector:
    """The mixture with the least ``function(x) + kl * KL(x | prior)``, floors <= x <= ceilings; arrays of shape (k,).

    Raises ``ValueError`` when the floors and ceilings leave no mixture.
    """
    log_prior = np.log(np.maximum(start if prior is None else prior, LEAST))
    mixture = project(start, floors, ceilings)
    length, still = 1.0, 0
    value, gradient = function(mixture)
    for _ in range(STEPS):
        log_mixture = np.log(np.maximum(mixture, LEAST))
        while True:
            logits = (log_mixture + length * (kl * log_prior - gradient)) / (1 + length * kl)
            moved = project(np.exp(logits - logits.max()), floors, ceilings)
            step = moved - mixture
            found, slope = function(moved)
            bound = value + float(gradient @ step) + divergence(moved, mixture) / length
            if found <= bound + 1e-13 * abs(value) or length < 1e-9:
                break
            length /= 2
        gain = value - found + kl * (divergence(mixture, np.exp(log_prior)) - divergence(moved, np.exp(log_prior)))
        mixture, value, gradient = moved, found, slope
        still = still + 1 if abs(gain) < STILL * max(abs(value), 1.0) else 0
        if float(np.abs(step).max()) < 1e-9 or still == 3:
            break
        length = min(2 * length, LONGEST)
    return mixture


def project(wishes: Vector, floors: Vector, ceilings: Vector) -> Vector:
    """The nearest mixture to ``wishes`` (in divergence) between floors and ceilings; sums to 1 exactly."""
    filled = water_fill(np.maximum(wishes, 2e-9), floors, ceilings, 1.0)
    normal: Vector = filled / filled.sum()
    return normal


def divergence(first: Vector, second: Vector) -> float:
    """KL(first | second) in nats."""
    there = first > 0
    return float(np.sum(first[there] * np.log(first[there] / np.maximum(second[there], LEAST))))
