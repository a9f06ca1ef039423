"""MixMin: weights that make a target text most likely under the mixture of one cheap model a domain.

Thudi et al. 2025 (arXiv 2502.10510). A model p_i is trained on each domain alone; the weights minimise the target's
negative log-likelihood under ``sum_i w_i p_i``, which is convex in w, by entropic descent from uniform weights. Each
predicted token of the target is one x: ``p_i(x)`` is its probability given the tokens before it. Cost: k small runs,
then k x tokens products a step.

The trial trainer writes ``target.f32`` into the trial's folder: the natural logarithm of the probability of each
predicted token of the target, float32 little-endian, without a header, in one order of tokens for all trials; and its
SHA-256 into ``outcome.json`` as ``target``. The target is the held-out rows, domain after domain in the order of the
store, unless the option ``target`` of the trial names one domain. The option ``heldout``, a digest of the target's
tokens, makes it part of the trial's id: models that scored different texts are never compared.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from gristmill.core.config import Config
from gristmill.core.digests import digest_digests
from gristmill.core.errors import GristmillError
from gristmill.tasks.mix.domains import Domain, Vector, effective_number, named
from gristmill.tasks.mix.mixers.entropic import minimise
from gristmill.tasks.mix.mixers.mixer import Budget, Goal, Mixture, Outcome, Trial, inputs_digest, one_stage, trial

TARGET = "target.f32"

ReadTarget = Callable[[Outcome], NDArray[np.float32]]


class MixMinConfig(Config):
    """The settings of the method and of its trials."""

    budget: Budget = Budget()
    seed: int = Field(0, ge=0, description="of the models' start and the order of rows")
    target: str | None = Field(None, description="the domain whose held-out text is the target; all when left out")


def read_target(root: Path) -> ReadTarget:
    """A reader of the targets of trials in ``root/<trial id>``.

    It raises :class:`GristmillError` when the file is missing or is not the one that the trial wrote.
    """

    def read(outcome: Outcome) -> NDArray[np.float32]:
        path = root / outcome.trial / TARGET
        if outcome.target is None or not path.is_file():
            raise GristmillError(f"trial {outcome.trial} gave no log-probabilities of the target. Run the trial again.")
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != outcome.target:
            raise GristmillError(f"{path} is not what its trial wrote. Delete the folder and run the trial again.")
        return np.frombuffer(data, dtype="<f4")

    return read


def likeliest(log_probabilities: NDArray[np.floating]) -> tuple[Vector, float]:
    """The weights, shape (k,), that minimise ``-mean log sum_i w_i p_i(x)``, and that minimum in nats.

    ``log_probabilities`` has shape (k, tokens). Raises ``ValueError`` for values that are not finite or above 0.
    """
    logs = np.asarray(log_probabilities, dtype=np.float64)
    if logs.ndim != 2 or not logs.size or not np.all(np.isfinite(logs)) or np.any(logs > 1e-6):
        raise ValueError("log-probabilities must be finite, at most 0, and of shape (domains, tokens)")
    best = logs.max(axis=0)
    relative = np.exp(logs - best)

    def loss(weights: Vector) -> tuple[float, Vector]:
        mixed = weights @ relative
        return float(-(np.log(mixed) + best).mean()), -(relative / mixed).mean(axis=1)

    size = len(logs)
    found = minimise(loss, np.full(size, 1 / size), np.zeros(size), np.ones(size))
    return found, loss(found)[0]


@dataclass(frozen=True)
class MixMin:
    """The mixer: one trial a domain, all at once; then the weights from their log-probabilities of the target."""

    config: MixMinConfig
    read: ReadTarget

    @property
    def budget(self) -> Budget:
        """The size of every trial."""
        return self.config.budget

    def steps(self, domains: Sequence[Domain]) -> int:
        """The steps of a trial for each domain."""
        return len(domains) * self.config.budget.steps

    def ask(self, domains: Sequence[Domain], goal: Goal, seen: Sequence[Outcome]) -> list[Trial]:
        """The trials that are not there yet. Raises :class:`GristmillError` for an unknown target."""
        done = {outcome.trial for outcome in seen}
        return [asked for asked in self.trials(domains, goal) if asked.id not in done]

    def tell(self, domains: Sequence[Domain], goal: Goal, seen: Sequence[Outcome]) -> Mixture:
        """The mixture. Diagnostics, in nats a token of the target: ``target_loss`` of the mixture of models,
        ``uniform_loss`` of the uniform one, ``best_single_loss`` of the best model alone; and the effective number of
        domains.

        Raises :class:`GristmillError` when a trial is missing, or when two trials scored different texts.
        """
        outcomes = {outcome.trial: outcome for outcome in seen}
        asked = self.trials(domains, goal)
        if missing := [each.id for each in asked if each.id not in outcomes]:
            raise GristmillError(f"MixMin has not seen its trials {missing}. Run what ask() gives until it gives none.")
        used = [outcomes[each.id] for each in asked]
        targets = [domain.name for domain in self._targets(domains)]
        scored = [{name: outcome.heldout.get(name) for name in targets} for outcome in used]
        if differing := [name for name in targets if len({each[name] for each in scored}) > 1]:
            raise GristmillError(
                f"the trials scored different held-out text of {differing}. Delete the folders of the trials "
                f"{[each.id for each in asked]} and run them again."
            )
        logs = [self.read(outcome) for outcome in used]
        if len({len(each) for each in logs}) != 1:
            raise GristmillError(
                f"the trials scored targets of {sorted({len(each) for each in logs})} tokens; run them "
                "again on one target."
            )
        stacked = np.stack(logs)
        weights, least = likeliest(stacked)
        even = np.logaddexp.reduce(stacked.astype(np.float64), axis=0) - np.log(len(domains))
        diagnostics = {
            "target_loss": least,
            "uniform_loss": float(-even.mean()),
            "best_single_loss": float(-stacked.astype(np.float64).mean(axis=1).max()),
            "target_tokens": float(stacked.shape[1]),
            "effective_domains": effective_number(weights),
        }
        inputs = inputs_digest(domains, goal, used, self.config)
        return one_stage(named(weights, domains), "mixmin", inputs, goal, diagnostics)

    def trials(self, domains: Sequence[Domain], goal: Goal) -> list[Trial]:
        """One trial for each domain, on that domain alone."""
        names = [domain.name for domain in domains]
        target = self.config.target
        if target is not None and target not in names:
            raise GristmillError(f"there is no domain {target!r} to take as the target. The token store holds {names}.")
        budget = self.config.budget
        heldout = digest_digests(domain.heldout for domain in self._targets(domains))
        options = {"score": "target", "heldout": heldout, **({} if target is None else {"target": target})}
        return [
            trial(
                domains,
                {other: float(other == name) for other in names},
                budget,
                loop="sampled",
                options=options,
                seed=self.config.seed,
            )
            for name in names
        ]

    def _targets(self, domains: Sequence[Domain]) -> list[Domain]:
        """The domains whose held-out text is the target."""
        return [domain for domain in domains if self.config.target in (None, domain.name)]
