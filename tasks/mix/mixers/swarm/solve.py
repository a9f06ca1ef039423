"""The best mixture by the laws: the least weighted loss plus a pull to the prior, under floors and ceilings.

Log-linear laws are convex, so entropic descent finds the optimum. Trees are not: then it is the mean of the best of
many draws around the prior, as in RegMix. ``kl`` is what moving away costs: a divergence of 1 nat from the prior has to
save that many nats of loss.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gristmill.tasks.mix.domains import Vector
from gristmill.tasks.mix.mixers.entropic import LEAST, minimise, project
from gristmill.tasks.mix.mixers.swarm.boosting import Boosted
from gristmill.tasks.mix.mixers.swarm.law import LogLinear

DRAWS = 100_000
TOP = 128

Law = LogLinear | Boosted


def best_mixture(
    laws: Sequence[Law],
    importance: Vector,
    prior: Vector,
    floors: Vector,
    ceilings: Vector,
    *,
    kl: float,
    start: Vector | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> Vector:
    """The mixture, shape (k,). ``importance``, shape (m,), weights the metrics of ``laws``; ``start`` saves steps.

    Raises ``ValueError`` when floors and ceilings leave no mixture.
    """
    smooth = [law for law in laws if isinstance(law, LogLinear)]
    if len(smooth) == len(laws):
        slopes, least = (
            np.stack([law.slopes for law in smooth]),
            float(importance @ [np.exp(law.floor) for law in smooth]),
        )

        def loss(mixture: Vector) -> tuple[float, Vector]:
            parts = importance * np.exp(slopes @ mixture)
            return least + float(parts.sum()), parts @ slopes

        return minimise(loss, prior if start is None else start, floors, ceilings, prior=prior, kl=kl)
    drawn = np.random.default_rng(seed).dirichlet(np.maximum(prior, 1e-6), draws)
    outside = np.flatnonzero(np.any((drawn < floors - 1e-9) | (drawn > ceilings + 1e-9), axis=1))
    for place in outside.tolist():
        drawn[place] = project(drawn[place], floors, ceilings)
    return best_drawn(laws, importance, prior, drawn, kl=kl)


def best_drawn(
    laws: Sequence[Law], importance: Vector, prior: Vector, drawn: NDArray[np.float64], *, kl: float
) -> Vector:
    """The mean of the 128 best of the mixtures ``drawn``, shape (n, k), by laws of any kind: shape (k,)."""
    logs = np.log(np.maximum(drawn, LEAST)) - np.log(np.maximum(prior, LEAST))
    score = kl * (drawn * logs).sum(axis=1)
    for weight, law in zip(importance, laws, strict=True):
        score += weight * law.predict(drawn)
    mean = drawn[np.argsort(score, kind="stable")[:TOP]].mean(axis=0)
    normal: Vector = mean / mean.sum()
    return normal
