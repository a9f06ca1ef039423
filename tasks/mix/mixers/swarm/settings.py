"""The settings of a swarm: its design, its law, and the method. Without scipy, so that reading them costs little."""

from typing import Literal

import numpy as np
from pydantic import Field

from gristmill.core.config import Config
from gristmill.tasks.mix.mixers.mixer import Budget

HUBER = 0.02
"""Residuals above it count linearly, in nats a token."""


class DesignConfig(Config):
    """How many trials of which kind."""

    kind: Literal["dirichlet", "d-optimal"] = Field("dirichlet", description="how the mixtures are chosen")
    trials_per_domain: int = Field(
        4, ge=1, le=64, description="drawn mixtures that are fitted, for each domain; 4 to 8"
    )
    concentrations: tuple[float, ...] = Field(
        (0.5, 2.0, 8.0),
        min_length=1,
        description="of the Dirichlet draws, in turn, a domain: the higher, the closer to the prior",
    )
    prior_temperature: float = Field(
        2.0, ge=1, description="draws centre on the prior flattened by this, so that small domains vary too; 1: not"
    )
    proportional_seeds: int = Field(8, ge=2, description="seeds of the prior itself")
    extreme_seeds: int = Field(5, ge=0, description="seeds of each of two extreme mixtures")
    single_domains: bool = Field(True, description="one deletion and one up-weighting trial for each domain")
    held_out: float = Field(0.1, gt=0, lt=0.5, description="part of the trials that is never fitted")
    rate_mixtures: int = Field(0, ge=0, description="mixtures that are run at another learning rate as well; 3 or more")
    rate_factor: float = Field(0.1, gt=0, description="that learning rate over the budget's; tiny rates rank best")
    most_epochs: float = Field(
        16.0, gt=0, description="no trial sees a domain more often than the run would at this cap"
    )

    def held_out_count(self, others: int) -> int:
        """Held-out trials beside ``others`` that may be fitted."""
        return int(np.ceil(self.held_out / (1 - self.held_out) * others))

    def count(self, domains: int) -> int:
        """All trials of a design for so many domains; a few less where two are the same."""
        fitted = self.proportional_seeds + 2 * self.extreme_seeds + self.trials_per_domain * domains
        fitted += 2 * domains if self.single_domains else 0
        return fitted + self.held_out_count(fitted) + min(self.rate_mixtures, self.trials_per_domain * domains)


class FitConfig(Config):
    """The law, and how it is checked."""

    law: Literal["log-linear", "lightgbm"] = Field(
        "log-linear", description="lightgbm needs the extra mixing and some 15 trials a domain"
    )
    huber: float = Field(HUBER, gt=0, description="residuals above it count linearly, nats a token; for log-linear")
    metrics: dict[str, float] = Field(
        default_factory=dict, description="importance of each held-out loss; all alike when left out"
    )
    folds: int = Field(5, ge=2, description="parts for predictions out of fold")
    bootstraps: int = Field(100, ge=20, description="refits for error bars; a tenth as many with lightgbm")
    permutations: int = Field(999, ge=99, description="of the test for nothing learnt")


class SwarmConfig(Config):
    """The settings of the method, of its trials, and of the fit."""

    budget: Budget = Budget()
    design: DesignConfig = DesignConfig()
    fit: FitConfig = FitConfig()
    kl: float = Field(
        0.02, ge=0, description="what moving away costs: nats of loss for a divergence of 1 nat from the prior"
    )
    adaptive: int = Field(0, ge=0, description="trials of the winner, with other seeds each; never fitted")
    seed: int = Field(0, ge=0, description="of draws, folds and bootstraps, and of the trials")
