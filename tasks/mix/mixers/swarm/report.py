"""What a swarm tells beside its weights: error bars, predictions of every trial and of the winner, and checks.

All of it is known before the winner is trained. Cost: folds + bootstraps refits of the laws.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gristmill.core.errors import GristmillError
from gristmill.tasks.mix.domains import Vector
from gristmill.tasks.mix.mixers.entropic import project
from gristmill.tasks.mix.mixers.swarm.design import Role
from gristmill.tasks.mix.mixers.swarm.diagnosis import Ranking, out_of_fold, rank, tail_optimism
from gristmill.tasks.mix.mixers.swarm.fit import LEAST_TRIALS, Evidence, Fit, fit_laws, refit
from gristmill.tasks.mix.mixers.swarm.settings import FitConfig
from gristmill.tasks.mix.mixers.swarm.solve import DRAWS, Law, best_mixture

BAND = (5.0, 95.0)
REFIT_DRAWS = 10_000
OBJECTIVE = "objective"


@dataclass(frozen=True)
class Bounds:
    """What the best mixture must keep: floors and ceilings, the prior and its pull; vectors of shape (k,)."""

    prior: Vector
    floors: Vector
    ceilings: Vector
    kl: float

    def loose(self) -> "Bounds":
        """The same without caps."""
        return replace(self, ceilings=np.ones(len(self.prior)))


@dataclass(frozen=True)
class Prediction:
    """One metric of one trial, nats a token. ``predicted`` comes from laws that saw no run of this mixture, or is
    None.
    """

    trial: str
    role: Role
    metric: str
    measured: float
    predicted: float | None


@dataclass(frozen=True)
class Promise:
    """One metric of a mixture that was not trained: predicted loss in nats a token with a 90 % interval of the law."""

    metric: str
    predicted: float
    low: float
    high: float


@dataclass(frozen=True)
class SwarmReport:
    """All that is known before the winner is trained. Vectors are in the order of the domains, shape (k,).

    ``raw`` is the optimum without caps, ``weights`` the one to train, ``low`` and ``high`` its 90 % interval over
    bootstraps. With nothing learnt both are the prior, and ``low`` and ``high`` still say what refits would choose.
    ``optimism`` is :func:`.diagnosis.tail_optimism`; ``curse`` is how much better bootstraps think of their own winners
    than the law of all trials does. ``importance`` is how much each metric counts in the objective.
    """

    raw: Vector
    weights: Vector
    low: Vector
    high: Vector
    folds: Ranking
    held_out: Ranking
    optimism: float
    curse: float
    predictions: tuple[Prediction, ...]
    winner: tuple[Promise, ...]
    prior: tuple[Promise, ...]
    fit: Fit
    importance: Vector


def make_report(evidence: Evidence, bounds: Bounds, config: FitConfig, seed: int) -> SwarmReport:
    """Fit, check, solve and predict. Raises :class:`GristmillError` when too few trials can be fitted."""
    inside = np.flatnonzero(evidence.fitted())
    if not len(inside):
        raise GristmillError("none of the trials that may be fitted is done. Run what ask() gives until it gives none.")
    fitted = evidence.take(inside)
    fit = fit_laws(fitted, config)
    blind = fit.predict(evidence.mixtures)
    blind[inside] = out_of_fold(
        fitted.mixtures,
        lambda known, apart: fit_laws(fitted.take(known), config).predict(fitted.mixtures[apart]),
        len(evidence.metrics),
        config.folds,
        seed,
    )
    objective, promised = evidence.objective, blind @ evidence.importance
    folds = rank(fitted.mixtures, objective[inside], promised[inside], config.permutations, seed)
    apart = np.array([each.role == "held-out" for each in evidence.trials], dtype=bool)
    held_out = rank(evidence.mixtures[apart], objective[apart], promised[apart], config.permutations, seed)
    if folds.nothing_learnt:
        raw, weights = bounds.prior, project(bounds.prior, bounds.floors, bounds.ceilings)
    else:
        raw, weights = (
            solve(fit.laws, evidence.importance, bounds.loose()),
            solve(fit.laws, evidence.importance, bounds),
        )
    refits = _refits(fitted, fit, config, seed)
    bars = np.stack([solve(laws, evidence.importance, bounds, weights, REFIT_DRAWS) for laws in refits])
    own = np.array([_objective(laws, bar, evidence) for laws, bar in zip(refits, bars, strict=True)])
    by_all = fit.predict(bars) @ evidence.importance
    low, high = np.percentile(bars, BAND, axis=0)
    return SwarmReport(
        raw=raw,
        weights=weights,
        low=low,
        high=high,
        folds=folds,
        held_out=held_out,
        optimism=tail_optimism(objective[inside], promised[inside]),
        curse=float((by_all - own).mean()),
        predictions=_predictions(evidence, blind),
        winner=promises(evidence, fit, refits, weights),
        prior=promises(evidence, fit, refits, bounds.prior),
        fit=fit,
        importance=evidence.importance,
    )


def with_predictions(report: SwarmReport, after: Evidence) -> SwarmReport:
    """The report with trials that were chosen by it: predicted by its law, and never fitted."""
    return replace(report, predictions=report.predictions + _predictions(after, report.fit.predict(after.mixtures)))


def solve(
    laws: Sequence[Law], importance: Vector, bounds: Bounds, start: Vector | None = None, draws: int = DRAWS
) -> Vector:
    """The best mixture by ``laws`` within ``bounds``, shape (k,). Raises ``ValueError`` when they leave none."""
    return best_mixture(
        laws, importance, bounds.prior, bounds.floors, bounds.ceilings, kl=bounds.kl, start=start, draws=draws
    )


def promises(evidence: Evidence, fit: Fit, refits: Sequence[Sequence[Law]], mixture: Vector) -> tuple[Promise, ...]:
    """The prediction of every metric, and of their weighted mean (``objective``), at a mixture."""
    told = np.append(fit.predict(mixture[None])[0], _objective(fit.laws, mixture, evidence))
    spread = np.array(
        [
            [float(law.predict(mixture[None])[0]) for law in laws] + [_objective(laws, mixture, evidence)]
            for laws in refits
        ]
    )
    low, high = np.percentile(spread, BAND, axis=0)
    names = (*evidence.metrics, OBJECTIVE)
    return tuple(
        Promise(name, *values) for name, *values in zip(names, told.tolist(), low.tolist(), high.tolist(), strict=True)
    )


def _refits(fitted: Evidence, fit: Fit, config: FitConfig, seed: int) -> list[tuple[Law, ...]]:
    """Laws of trials drawn with repeats; draws that leave a metric without trials are drawn again."""
    count = config.bootstraps if config.law == "log-linear" else -(-config.bootstraps // 10)
    generator = np.random.default_rng([seed, 5])
    size = len(fitted.trials)
    found: list[tuple[Law, ...]] = []
    while len(found) < count:
        drawn = fitted.take(generator.integers(size, size=size))
        if np.all(np.isfinite(drawn.losses).sum(axis=0) >= LEAST_TRIALS):
            found.append(refit(drawn, fit, config))
    return found


def _objective(laws: Sequence[Law], mixture: Vector, evidence: Evidence) -> float:
    return float(
        sum(w * float(law.predict(mixture[None])[0]) for w, law in zip(evidence.importance, laws, strict=True))
    )


def _predictions(evidence: Evidence, blind: NDArray[np.float64]) -> tuple[Prediction, ...]:
    return tuple(
        Prediction(
            each.trial.id,
            each.role,
            metric,
            float(evidence.losses[row, column]),
            None if each.role == "rate" or not np.isfinite(blind[row, column]) else float(blind[row, column]),
        )
        for row, each in enumerate(evidence.trials)
        for column, metric in enumerate(evidence.metrics)
        if np.isfinite(evidence.losses[row, column])
    )
