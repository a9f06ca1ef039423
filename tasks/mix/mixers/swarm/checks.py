"""The checks that stand beside every mixture of a swarm: numbers, each with what it means in words."""

from collections.abc import Iterator, Sequence

import numpy as np

from gristmill.tasks.mix.domains import Vector, effective_number
from gristmill.tasks.mix.mixers.checks import Check
from gristmill.tasks.mix.mixers.learning_rate import compare_rates
from gristmill.tasks.mix.mixers.proxy_size import size_warning
from gristmill.tasks.mix.mixers.swarm.boosting import ENOUGH_A_DOMAIN
from gristmill.tasks.mix.mixers.swarm.fit import Evidence
from gristmill.tasks.mix.mixers.swarm.noise import estimate_noise
from gristmill.tasks.mix.mixers.swarm.report import OBJECTIVE, Promise, SwarmReport
from gristmill.tasks.mix.mixers.swarm.settings import FitConfig


def make_checks(report: SwarmReport, evidence: Evidence, config: FitConfig, parameters: int) -> list[Check]:
    """All checks. ``parameters`` is the size of the proxies."""
    checks = [*_ranks(report), *_gain(report), *_trials(evidence, config), *_noise(evidence)]
    checks.append(
        Check("effective_domains", effective_number(report.weights), "how many equal domains would be as spread out")
    )
    checks += _rates(evidence)
    told = size_warning(parameters)
    checks.append(Check("parameters", float(parameters), told or "of the proxies", told is not None))
    return [check for check in checks if np.isfinite(check.value)]


def winner_checks(report: SwarmReport, after: Evidence) -> list[Check]:
    """What the winner's own trials say of its prediction."""
    measured, trials = float(np.nanmean(after.objective)), len(after.trials)
    told = "loss of the one trial" if trials == 1 else f"mean loss of {trials} trials"
    return [
        Check("winner_measured", measured, f"{told} of the winner, nats a token"),
        Check("winner_gap", measured - _of(report.winner).predicted, "measured less predicted: above 0, too good"),
    ]


def _ranks(report: SwarmReport) -> Iterator[Check]:
    folds, held_out, nothing = report.folds, report.held_out, report.folds.nothing_learnt
    yield Check(
        "nothing_learnt", float(nothing), NOTHING if nothing else "mixtures rank better than by chance", nothing
    )
    yield Check("spearman", folds.spearman, f"out of fold, over {folds.mixtures} mixtures")
    yield Check("spearman_p", folds.p, "of that by permutation, one-sided")
    yield Check("rmse", folds.rmse, "out of fold, nats a token")
    if held_out.mixtures >= 3:
        yield Check("held_out_spearman", held_out.spearman, f"over {held_out.mixtures} mixtures that were never fitted")
    yield Check(
        "held_out_rmse", held_out.rmse, f"over {held_out.mixtures} mixtures that were never fitted, nats a token"
    )


NOTHING = "the trials rank mixtures no better than chance: the weights are the prior. Run more or longer trials."


def _gain(report: SwarmReport) -> Iterator[Check]:
    winner, prior = _of(report.winner), _of(report.prior)
    gain, optimism = prior.predicted - winner.predicted, max(report.optimism, report.curse, 0.0)
    yield Check("predicted", winner.predicted, "loss of the winner, nats a token; stored before it is trained")
    yield Check("predicted_low", winner.low, "lower end of its 90 % interval")
    yield Check("predicted_high", winner.high, "upper end of its 90 % interval")
    yield Check("gain", gain, "predicted, over the prior, nats a token")
    yield Check(
        "optimism", report.optimism, "the best predicted tenth of the trials came out worse by this, nats a token"
    )
    yield Check("winners_curse", report.curse, "refits think better of their own winner by this, nats a token")
    if not report.folds.nothing_learnt:
        small = gain <= optimism
        detail = "gain less optimism" + (": no more than what a law promises too much" if small else "")
        yield Check("gain_less_optimism", gain - optimism, detail, small)


def _trials(evidence: Evidence, config: FitConfig) -> Iterator[Check]:
    fitted = int(evidence.fitted().sum())
    each = fitted / evidence.mixtures.shape[1]
    few = config.law == "lightgbm" and each < ENOUGH_A_DOMAIN
    yield Check("fitted", float(fitted), "trials" + (": trees want 15 a domain; take log-linear" if few else ""), few)
    yield Check("held_out", float(sum(trial.role == "held-out" for trial in evidence.trials)), "trials, never fitted")


def _noise(evidence: Evidence) -> Iterator[Check]:
    objective = evidence.objective
    kept = np.isfinite(objective) & evidence.fitted()
    noise = estimate_noise(evidence.mixtures[kept], objective[kept])
    if noise is not None:
        yield Check("noise_least", float(noise.sd.min()), "standard deviation of repeats at the quietest anchor, nats")
        yield Check("noise_most", float(noise.sd.max()), "standard deviation of repeats at the noisiest anchor, nats")


def _rates(evidence: Evidence) -> Iterator[Check]:
    first, second = _twins(evidence)
    if len(first) >= 3:
        found = compare_rates(first, second)
        detail = f"of {len(first)} mixtures at two learning rates; {found.flips} of {found.pairs} pairs change places"
        yield Check("rate_spearman", found.spearman, detail, not found.agrees)
        yield Check("rate_flips", float(found.flips), f"of {found.pairs} pairs")


def _twins(evidence: Evidence) -> tuple[list[float], list[float]]:
    """Objectives of the mixtures that were run at two learning rates."""
    objective: Vector = evidence.objective
    by_trial = {each.trial.id: float(objective[row]) for row, each in enumerate(evidence.trials)}
    pairs = [(by_trial[each.twin], by_trial[each.trial.id]) for each in evidence.trials if each.twin in by_trial]
    kept = [pair for pair in pairs if np.isfinite(pair).all()]
    return [first for first, _ in kept], [second for _, second in kept]


def _of(promises: Sequence[Promise]) -> Promise:
    return next(promise for promise in promises if promise.metric == OBJECTIVE)
