"""What to know of a mixture before it is trusted: numbers, each with what it means in words.

A swarm has checks of its own (:mod:`gristmill.tasks.mix.mixers.swarm.checks`); here are those of other learned
mixtures, from their diagnostics.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gristmill.tasks.mix.mixers.mixer import Mixture, Outcome, Trial
from gristmill.tasks.mix.mixers.proxy_size import size_of, size_warning

MEANING: Mapping[str, str] = {
    "effective_domains": "how many equal domains would be as spread out",
    "drift": "largest difference of a weight between the halves of the last trace",
    "rounds": "of a reference and a proxy",
    "moved": "how far the last round moved a weight",
    "target_loss": "of the mixture of models, nats a token of the target",
    "uniform_loss": "of the models in equal parts, nats a token of the target",
    "best_single_loss": "of the best model alone, nats a token of the target",
    "target_tokens": "tokens of the target that every model scored",
}
YES_OR_NO: Mapping[str, tuple[str, str]] = {
    "converged": ("the trace came to rest", "the trace has not come to rest: take more steps or a lower eta"),
    "settled": ("a round moved no weight by the tolerance", "the rounds were used up before the weights settled"),
}
WARN_UNLESS = ("converged",)
FEWEST_DOMAINS = 1.1
"""Effective domains below which nearly everything comes from one."""
ONE_DOMAIN = "nearly all of it is one domain: cap it (--max-epochs), or look whether the target is that domain's text"


@dataclass(frozen=True)
class Check:
    """One thing to know of a mixture: a number, what it means, and whether it is a warning."""

    name: str
    value: float
    detail: str
    warning: bool = False


def diagnostic_checks(mixture: Mixture, trials: Sequence[Trial], outcomes: Sequence[Outcome]) -> list[Check]:
    """The diagnostics of a mixture as checks, and the size of the smallest of its trials, if it had any."""
    checks = []
    for name, value in mixture.diagnostics.items():
        detail = YES_OR_NO[name][0 if value else 1] if name in YES_OR_NO else MEANING.get(name, "")
        warning = name in WARN_UNLESS and not value
        if name == "effective_domains" and value < FEWEST_DOMAINS and len(mixture.stages[0].weights) > 1:
            detail, warning = ONE_DOMAIN, True
        checks.append(Check(name, float(value), detail, warning))
    budgets = {trial.id: trial.budget for trial in trials}
    if outcomes:
        least = min(size_of(outcome, budgets[outcome.trial]) for outcome in outcomes)
        told = size_warning(least)
        checks.append(Check("parameters", float(least), told or "of the proxies", told is not None))
    return checks
