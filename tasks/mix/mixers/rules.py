"""Mixtures by rule, with no trial: proportional to tokens, uniform, given weights, temperature, UniMax. Cost: nothing.

Proportional and uniform are the baselines every learned mixture is compared with. Temperature lies between the two:
shares proportional to ``tokens^(1/tau)``. UniMax (Chung et al. 2023, arXiv 2304.09151, algorithm 1) is uniform as far
as the repetition caps allow.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import Field

from gristmill.core.config import Config
from gristmill.core.errors import GristmillError
from gristmill.tasks.mix.domains import Domain, Vector, named, vector
from gristmill.tasks.mix.mixers.mixer import Goal, Mixture, Outcome, Trial, inputs_digest, one_stage


class StaticConfig(Config):
    """A rule by name, or the share of every domain (they sum to 1)."""

    weights: Literal["proportional", "uniform"] | dict[str, float] = "proportional"


class TemperatureConfig(Config):
    """How far the shares lie from proportional."""

    tau: float = Field(2.0, ge=1, description="1 is proportional to tokens; the larger, the closer to uniform")


class UniMaxConfig(Config):
    """UniMax has no setting of its own: its epochs are the caps of the goal."""


def proportional(domains: Sequence[Domain]) -> dict[str, float]:
    """Shares proportional to the tokens the domains hold. Raises :class:`GristmillError` when they hold none."""
    tokens = np.array([domain.tokens for domain in domains], dtype=np.float64)
    if not tokens.sum() > 0:
        raise GristmillError("the token store holds no training row. Curate more text or use shorter rows.")
    return named(tokens / tokens.sum(), domains)


def uniform(domains: Sequence[Domain]) -> dict[str, float]:
    """The same share for every domain."""
    return {domain.name: 1 / len(domains) for domain in domains}


def temperature(domains: Sequence[Domain], tau: float) -> dict[str, float]:
    """Shares proportional to ``tokens^(1/tau)``; a domain without a row gets none. Raises as :func:`proportional`."""
    shares = vector(proportional(domains), domains)
    held = shares > 0
    flattened = np.zeros(len(shares))
    flattened[held] = np.exp(np.log(shares[held]) / tau)
    return named(flattened / flattened.sum(), domains)


def unimax(ceilings: Vector, budget: float) -> Vector:
    """Tokens of each domain, shape (k,): the budget in equal parts, none above its ceiling of tokens.

    From the smallest ceiling up, each domain gets an equal part of what is left, or its ceiling if that is less, so the
    sum is the budget unless all ceilings together are below it.
    """
    amounts = np.zeros(len(ceilings))
    left = budget
    for done, place in enumerate(np.argsort(ceilings, kind="stable").tolist()):
        amounts[place] = min(left / (len(ceilings) - done), ceilings[place])
        left -= amounts[place]
    return amounts


class WithoutTrials:
    """A method that needs no trial."""

    @property
    def budget(self) -> None:
        """No trial is needed."""

    def steps(self, domains: Sequence[Domain]) -> int:
        """No trial is needed."""
        return 0


@dataclass(frozen=True)
class Static(WithoutTrials):
    """The mixer of rules: asks for nothing."""

    config: StaticConfig

    def ask(self, domains: Sequence[Domain], goal: Goal, seen: Sequence[Outcome]) -> list[Trial]:
        """No trial is needed."""
        return []

    def tell(self, domains: Sequence[Domain], goal: Goal, seen: Sequence[Outcome]) -> Mixture:
        """The rule's shares. Raises :class:`GristmillError` for shares that are not those of the domains."""
        match self.config.weights:
            case "proportional":
                shares = proportional(domains)
            case "uniform":
                shares = uniform(domains)
            case given:
                shares = named(vector(given, domains), domains)
        inputs = inputs_digest(domains, goal, (), self.config)
        return one_stage(shares, "static", inputs, goal, {})


@dataclass(frozen=True)
class Temperature(WithoutTrials):
    """The mixer of temperature sampling: asks for nothing."""

    config: TemperatureConfig

    def ask(self, domains: Sequence[Domain], goal: Goal, seen: Sequence[Outcome]) -> list[Trial]:
        """No trial is needed."""
        return []

    def tell(self, domains: Sequence[Domain], goal: Goal, seen: Sequence[Outcome]) -> Mixture:
        """The flattened shares. Raises :class:`GristmillError` when the domains hold no row."""
        inputs = inputs_digest(domains, goal, (), self.config)
        return one_stage(temperature(domains, self.config.tau), "temperature", inputs, goal, {})


@dataclass(frozen=True)
class UniMax(WithoutTrials):
    """The mixer of UniMax: asks for nothing."""

    config: UniMaxConfig

    def ask(self, domains: Sequence[Domain], goal: Goal, seen: Sequence[Outcome]) -> list[Trial]:
        """No trial is needed."""
        return []

    def tell(self, domains: Sequence[Domain], goal: Goal, seen: Sequence[Outcome]) -> Mixture:
        """Uniform shares as far as the goal's caps allow. Raises :class:`GristmillError` for domains without a row."""
        ceilings = np.array([domain.tokens * goal.epochs(domain.name) for domain in domains], dtype=np.float64)
        amounts = unimax(ceilings, float(goal.target_tokens))
        if not amounts.sum() > 0:
            raise GristmillError("the token store holds no training row. Curate more text or use shorter rows.")
        inputs = inputs_digest(domains, goal, (), self.config)
        return one_stage(named(amounts / amounts.sum(), domains), "unimax", inputs, goal, {})
