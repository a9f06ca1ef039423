"""What happens to the domains' weights inside a training run, one object a run: the plug-in of in-loop methods."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gristmill.core.errors import GristmillError
from gristmill.tasks.mix.domains import Domain, Vector, vector
from gristmill.tasks.mix.mixers.doremi import UpdateConfig, excess, update
from gristmill.tasks.mix.mixers.mixer import Trace, Trial

Losses = NDArray[np.floating[Any]]


class Reweighter(Protocol):
    """Called once a step, before the backward pass; the loss of the step is weighted with what it gives."""

    def step(self, domain_ids: NDArray[np.integer[Any]], token_loss: Losses, ref_loss: Losses | None) -> Vector:
        """The weights of the domains, shape (k,), from arrays of shape (tokens,)."""
        ...

    def trace(self) -> Trace:
        """The weights over the steps."""
        ...


class Fixed:
    """The weights of the trial in every step; no trace."""

    def __init__(self, weights: Vector) -> None:
        self._weights = weights

    def step(self, domain_ids: NDArray[np.integer[Any]], token_loss: Losses, ref_loss: Losses | None) -> Vector:
        """The same weights."""
        return self._weights

    def trace(self) -> Trace:
        """No trace."""
        return Trace()


class Sampled:
    """The share of the batch's tokens that each domain has, so that every token counts alike; no trace."""

    def __init__(self, domains: int) -> None:
        self._domains = domains

    def step(self, domain_ids: NDArray[np.integer[Any]], token_loss: Losses, ref_loss: Losses | None) -> Vector:
        """Tokens of each domain over all tokens of the batch."""
        shares: Vector = np.bincount(domain_ids, minlength=self._domains) / len(domain_ids)
        return shares

    def trace(self) -> Trace:
        """No trace."""
        return Trace()


class GroupDro:
    """DoReMi's weights: each step grows the weights of the domains that are worse than the reference."""

    def __init__(self, names: Sequence[str], start: Vector, config: UpdateConfig) -> None:
        self._names = tuple(names)
        self._weights = start
        self._config = config
        self._steps: list[tuple[Vector, Vector]] = []

    def step(self, domain_ids: NDArray[np.integer[Any]], token_loss: Losses, ref_loss: Losses | None) -> Vector:
        """The new weights. Raises ``ValueError`` without a reference or for a domain that is not in the batch."""
        excess_loss = excess(token_loss, ref_loss, domain_ids, len(self._names), self._config.clip)
        self._weights = update(self._weights, excess_loss, self._config.eta, self._config.smoothing)
        self._steps.append((self._weights, excess_loss))
        return self._weights

    def trace(self) -> Trace:
        """Weights and excess losses of every step so far."""
        return Trace(
            self._names,
            tuple(tuple(weights.tolist()) for weights, _ in self._steps),
            tuple(tuple(excess_loss.tolist()) for _, excess_loss in self._steps),
        )


def reweighter(trial: Trial, domains: Sequence[Domain]) -> Reweighter:
    """The loop a trial names. Raises :class:`GristmillError` for an unknown one, or DoReMi without a reference."""
    weights = vector(trial.weights, domains)
    match trial.loop:
        case "static":
            return Fixed(weights)
        case "sampled":
            return Sampled(len(domains))
        case "doremi":
            if trial.init is None:
                raise GristmillError(f"trial {trial.id}: DoReMi needs a trained reference. Set init to its trial.")
            config = UpdateConfig.parse(dict(trial.options), f"options of trial {trial.id}")
            return GroupDro([domain.name for domain in domains], weights, config)
        case other:
            raise GristmillError(f"trial {trial.id}: there is no loop {other!r}. Loops: static, sampled, doremi.")
