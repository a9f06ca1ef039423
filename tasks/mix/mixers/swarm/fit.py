"""Trials as arrays, and the laws fitted to them, one for each metric.

A log-linear law is fitted twice: the first fit tells its own error beside the noise of the anchors, and the second
weights trials by both. Cost: metrics x (folds + bootstraps) fits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gristmill.core.errors import GristmillError
from gristmill.tasks.mix.domains import Domain, Vector
from gristmill.tasks.mix.mixers.mixer import Outcome
from gristmill.tasks.mix.mixers.swarm.boosting import fit_boosted
from gristmill.tasks.mix.mixers.swarm.design import FITTED, Designed
from gristmill.tasks.mix.mixers.swarm.law import LogLinear, fit_log_linear
from gristmill.tasks.mix.mixers.swarm.noise import Noise, estimate_noise, residual_weights
from gristmill.tasks.mix.mixers.swarm.settings import FitConfig
from gristmill.tasks.mix.mixers.swarm.solve import Law

LEAST_TRIALS = 3


@dataclass(frozen=True)
class Evidence:
    """Finished trials as arrays: ``mixtures`` (n, k), ``losses`` (n, m) in nats with NaN where a trial has none."""

    trials: tuple[Designed, ...]
    metrics: tuple[str, ...]
    importance: Vector
    mixtures: NDArray[np.float64]
    losses: NDArray[np.float64]

    @property
    def objective(self) -> Vector:
        """The weighted loss of each trial, shape (n,); NaN where a metric is missing."""
        total: Vector = self.losses @ self.importance
        return total

    def take(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> "Evidence":
        """The same of some trials, or of trials drawn with repeats."""
        places = np.flatnonzero(rows) if rows.dtype == bool else rows
        chosen = tuple(self.trials[place] for place in places.tolist())
        return Evidence(chosen, self.metrics, self.importance, self.mixtures[places], self.losses[places])

    def fitted(self) -> NDArray[np.bool_]:
        """Which trials may be fitted: none that were held out, chosen after others, or run at another rate."""
        return np.array([each.role in FITTED for each in self.trials], dtype=bool)


@dataclass(frozen=True)
class Fit:
    """Laws of all metrics with the noise of each and the laws' own errors in nats (0 for trees)."""

    laws: tuple[Law, ...]
    noise: tuple[Noise | None, ...]
    misfit: tuple[float, ...]

    def predict(self, mixtures: NDArray[np.float64]) -> NDArray[np.float64]:
        """Losses of mixtures (n, k), shape (n, m)."""
        return np.stack([law.predict(mixtures) for law in self.laws], axis=1)


def gather(
    designed: Sequence[Designed], domains: Sequence[Domain], seen: Sequence[Outcome], importance: Mapping[str, float]
) -> Evidence:
    """The trials among ``designed`` that are done.

    A loss on held-out text that has changed since does not count. Where an outcome does not tell what was measured, the
    losses of an earlier design's trial count on the domains that it read. Raises :class:`GristmillError` for metrics no
    trial has.
    """
    outcomes = {outcome.trial: outcome for outcome in seen}
    done = [each for each in designed if each.trial.id in outcomes]
    names = [domain.name for domain in domains]
    heldout = {domain.name: domain.heldout for domain in domains}
    measured = sorted({metric for each in done for metric in outcomes[each.trial.id].losses})
    if unknown := sorted(set(importance) - set(measured)):
        raise GristmillError(f"no trial measured {unknown}. Take metrics from {measured}.")
    metrics = tuple(metric for metric in measured if importance.get(metric, 0 if importance else 1) > 0)
    if not metrics:
        raise GristmillError("the trials measured nothing on held-out text. Hold out more documents.")
    mixtures = np.array([[each.trial.weights.get(name, 0.0) for name in names] for each in done])
    losses = np.full((len(done), len(metrics)), np.nan)
    for row, each in enumerate(done):
        outcome = outcomes[each.trial.id]
        for column, metric in enumerate(metrics):
            told, now = outcome.heldout.get(metric), heldout.get(metric)
            same = told == now if told and now else not each.earlier or metric in each.trial.tokens
            if metric in outcome.losses and same:
                losses[row, column] = outcome.losses[metric]
    weights = np.array([importance.get(metric, 1.0) for metric in metrics])
    return Evidence(tuple(done), metrics, weights / weights.sum(), mixtures, losses)


def fit_laws(evidence: Evidence, config: FitConfig) -> Fit:
    """The laws of all trials in ``evidence`` (take those that may be fitted first).

    Raises :class:`GristmillError` when a metric has fewer than 3 trials.
    """
    laws: list[Law] = []
    noises: list[Noise | None] = []
    misfits: list[float] = []
    for column, metric in enumerate(evidence.metrics):
        mixtures, losses = _measured(evidence, column)
        if len(losses) < LEAST_TRIALS:
            raise GristmillError(f"{len(losses)} trials measured {metric!r}: a law needs 3 at least. Run more trials.")
        noise = estimate_noise(mixtures, losses)
        if config.law == "lightgbm":
            laws.append(fit_boosted(mixtures, losses))
            misfits.append(0.0)
        else:
            law, misfit = _twice(mixtures, losses, noise, config)
            laws.append(law)
            misfits.append(misfit)
        noises.append(noise)
    return Fit(tuple(laws), tuple(noises), tuple(misfits))


def refit(evidence: Evidence, fit: Fit, config: FitConfig) -> tuple[Law, ...]:
    """The laws of other trials (a bootstrap), with the noise and the start of a fit; 3 trials a metric at least."""
    laws: list[Law] = []
    for column, (law, noise, misfit) in enumerate(zip(fit.laws, fit.noise, fit.misfit, strict=True)):
        mixtures, losses = _measured(evidence, column)
        if isinstance(law, LogLinear):
            weights = None if noise is None else 1 / (noise.at(mixtures) ** 2 + misfit**2)
            laws.append(fit_log_linear(mixtures, losses, weights, huber=config.huber, start=law))
        else:
            laws.append(fit_boosted(mixtures, losses))
    return tuple(laws)


def _twice(
    mixtures: NDArray[np.float64], losses: Vector, noise: Noise | None, config: FitConfig
) -> tuple[LogLinear, float]:
    first = fit_log_linear(mixtures, losses, huber=config.huber)
    if noise is None:
        return first, 0.0
    residuals = losses - first.predict(mixtures)
    weights, misfit = residual_weights(residuals, noise.at(mixtures), mixtures.shape[1] + 1)
    return fit_log_linear(mixtures, losses, weights, huber=config.huber, start=first), misfit


def _measured(evidence: Evidence, column: int) -> tuple[NDArray[np.float64], Vector]:
    kept = np.isfinite(evidence.losses[:, column])
    return evidence.mixtures[kept], evidence.losses[kept, column]
