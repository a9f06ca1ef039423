"""Mixtures by rule, with no trial: proportional to tokens, uniform, or weights someone gives. Cost: nothing.

These are the baselines every learned mixture is compared with.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from gristmill.core.config import Config
from gristmill.core.errors import GristmillError
from gristmill.tasks.mix.domains import Domain, named, vector
from gristmill.tasks.mix.mixers.mixer import Goal, Mixture, Outcome, Trial, inputs_digest, one_stage


class StaticConfig(Config):
    """A rule by name, or the share of every domain (they sum to 1)."""

    weights: Literal["proportional", "uniform"] | dict[str, float] = "proportional"


def proportional(domains: Sequence[Domain]) -> dict[str, float]:
    """Shares proportional to the tokens the domains hold. Raises :class:`GristmillError` when they hold none."""
    tokens = np.array([domain.tokens for domain in domains], dtype=np.float64)
    if not tokens.sum() > 0:
        raise GristmillError("the token store holds no training row. Curate more text or use shorter rows.")
    return named(tokens / tokens.sum(), domains)


def uniform(domains: Sequence[Domain]) -> dict[str, float]:
    """The same share for every domain."""
    return {domain.name: 1 / len(domains) for domain in domains}


@dataclass(frozen=True)
class Static:
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
