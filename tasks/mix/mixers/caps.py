"""A mixture at several repetition caps, and beside the mixtures that need no search: what its report shows.

Four epochs is the default of the field, not a law: scarce data can pay at 15 to 20 (arXiv 2605.12715). So every mixture
is also given at 4, 8 and 16, without being trained there. Cost: a water-filling a cap.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gristmill.core.errors import GristmillError
from gristmill.tasks.mix.domains import Domain, Shares, Vector
from gristmill.tasks.mix.mixers.mixer import Goal, Mixture, cap, one_stage
from gristmill.tasks.mix.mixers.rules import proportional, uniform

SHOWN = (4.0, 8.0, 16.0)

Solve = Callable[[Goal], Shares]
"""The weights of a method that solves for each set of caps, such as the swarm; others are capped by water-filling."""


@dataclass(frozen=True)
class CapRow:
    """One domain of a mixture at one cap for all domains; over all stages, ``weight`` is its share of the run."""

    cap: float
    domain: str
    weight: float
    epochs: float


@dataclass(frozen=True)
class BaselineRow:
    """One domain of a mixture or baseline: its share as asked (``raw``), as capped, and the epochs and cap of that."""

    mixture: str
    domain: str
    raw: float
    capped: float
    epochs: float
    cap: float
    reason: str


def limits(domains: Sequence[Domain], goal: Goal) -> tuple[Vector, Vector]:
    """Floors and ceilings of the shares of a whole run, shape (k,) each: minimums, and tokens times epochs.

    Raises :class:`GristmillError` when they leave no mixture.
    """
    natural = one_stage(uniform(domains), "limits", "", goal, {})
    cap(natural, domains, goal)  # raises with what can be had
    floors = np.array([goal.minimums.get(domain.name, 0.0) for domain in domains], dtype=np.float64)
    ceilings = np.array([domain.tokens * goal.epochs(domain.name) for domain in domains]) / goal.target_tokens
    return floors, np.minimum(ceilings, 1.0)


def at_caps(
    mixture: Mixture,
    domains: Sequence[Domain],
    goal: Goal,
    caps: Sequence[float] = SHOWN,
    solve: Solve | None = None,
) -> list[CapRow]:
    """The mixture with each of ``caps`` as the only cap, domains' own caps set aside.

    A cap at which the domains cannot give the target tokens has no rows. Stages are averaged by their tokens.
    """
    rows = []
    for epochs in caps:
        loose = replace(goal, max_epochs=epochs, caps={})
        try:
            if solve is None:
                capped = cap(uncapped(mixture), domains, loose)
            else:
                capped = cap(one_stage(solve(loose), mixture.method, mixture.inputs, loose, {}), domains, loose)
        except GristmillError:
            continue
        for domain, (_, weight) in zip(domains, whole_run(capped, domains), strict=True):
            rows.append(CapRow(epochs, domain.name, weight, epochs_of(weight, domain, goal)))
    return rows


def beside_baselines(name: str, mixture: Mixture, domains: Sequence[Domain], goal: Goal) -> list[BaselineRow]:
    """A capped mixture, then proportional and uniform, raw and capped, with each domain's cap and its reason."""
    rules = {"proportional": proportional(domains), "uniform": uniform(domains)}
    each = {name: mixture}
    for rule, shares in rules.items():
        each.setdefault(rule, cap(one_stage(shares, rule, "", goal, {}), domains, goal))
    rows = []
    for label, shown in each.items():
        for domain, (raw, weight) in zip(domains, whole_run(shown, domains), strict=True):
            own = goal.caps.get(domain.name)
            reason = "default" if own is None else own.reason
            epochs = epochs_of(weight, domain, goal)
            rows.append(BaselineRow(label, domain.name, raw, weight, epochs, goal.epochs(domain.name), reason))
    return rows


def uncapped(mixture: Mixture) -> Mixture:
    """The mixture with the shares its method asked for."""
    return replace(mixture, stages=tuple(replace(stage, weights=stage.raw) for stage in mixture.stages))


def whole_run(mixture: Mixture, domains: Sequence[Domain]) -> list[tuple[float, float]]:
    """For each domain its raw and capped share of the whole run."""
    ends = [0, *(stage.until_token for stage in mixture.stages)]
    parts = np.diff(ends) / ends[-1]
    raw = sum(
        part * np.array([stage.raw[d.name] for d in domains]) for part, stage in zip(parts, mixture.stages, strict=True)
    )
    kept = sum(
        part * np.array([stage.weights[d.name] for d in domains])
        for part, stage in zip(parts, mixture.stages, strict=True)
    )
    return list(zip(np.asarray(raw).tolist(), np.asarray(kept).tolist(), strict=True))


def epochs_of(weight: float, domain: Domain, goal: Goal) -> float:
    """How often a share of the run sees a domain; 0 for a domain without a row."""
    return weight * goal.target_tokens / domain.tokens if domain.tokens else 0.0
