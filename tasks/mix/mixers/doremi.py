"""DoReMi: weights that make the worst domain's loss over a reference as small as possible (group DRO).

Xie et al. 2023 (arXiv 2305.10429), algorithm 1. A reference model is trained on a prior mixture; a proxy of the same
size is trained on uniform batches with the loss of each domain weighted by alpha, and after each batch alpha grows with
the domain's excess loss over the reference. The answer is the mean of alpha over the steps.

What implementations get wrong and this one does not: alpha is carried from step to step; the proxy's gradient uses the
new alpha and the unclipped loss; every domain is in every batch; a missing reference is an error, because without one
group DRO puts all weight on the noisiest domain. ``clip="token"`` is the paper's estimator; it overrates domains whose
token losses vary much, since E[max(x, 0)] > 0 when E[x] = 0. ``clip="domain"`` clips the mean instead (DoGE, Aioli).
Rounds: the reference of the next round is trained on the mean weights of the last, until no weight moves by
``tolerance`` (1e-3 in the paper, which took 3 rounds) or the rounds are used up. Cost: two small runs a round; the
second also runs the reference forward.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from gristmill.core.config import Config
from gristmill.core.errors import GristmillError
from gristmill.tasks.mix.domains import Domain, Shares, Vector, effective_number, named, vector
from gristmill.tasks.mix.mixers.mixer import Budget, Goal, Mixture, Outcome, Trial, inputs_digest, one_stage, trial
from gristmill.tasks.mix.mixers.rules import proportional, uniform

Clip = Literal["token", "domain"]
DRIFT = 0.05


class UpdateConfig(Config):
    """The settings of the weight update."""

    eta: float = Field(
        0.1,
        gt=0,
        description="step size of the exponentiated gradient; 1 in the paper, for 200 000 steps, 0.1 for short runs",
    )
    smoothing: float = Field(1e-3, gt=0, lt=1, description="share of every update that is uniform")
    clip: Clip = Field("token", description="clip the excess loss at 0 for each token (paper) or each domain's mean")


class DoReMiConfig(Config):
    """The settings of the method and of its two trials."""

    update: UpdateConfig = UpdateConfig()
    budget: Budget = Budget()
    seed: int = Field(0, ge=0, description="of the model's start and the order of rows, in both trials")
    match_repetition: bool = Field(
        True, description="let trials read so little data that they repeat it as the run will"
    )
    rounds: int = Field(1, ge=1, le=10, description="at most so many; each trains a reference and a proxy")
    tolerance: float = Field(
        1e-3,
        gt=0,
        description="stop when no weight is further than this from what the round's reference was trained on",
    )
    min_effective_domains: float = Field(1.1, ge=1, description="refuse weights spread over fewer domains than this")


def update(alpha: Vector, excess_loss: Vector, eta: float = 1.0, smoothing: float = 1e-3) -> Vector:
    """The next weights: ``(1 - c) softmax(log alpha + eta * excess) + c / k``, in float64 log space.

    Arrays of shape (k,). Equivariant under permutation, unchanged by a constant added to every excess, and never below
    ``smoothing / k``. Raises ``ValueError`` for weights that are not a positive distribution (one-hot weights can
    never move again) and for an excess that is missing or not finite.
    """
    alpha, excess_loss = np.asarray(alpha, dtype=np.float64), np.asarray(excess_loss, dtype=np.float64)
    if alpha.shape != excess_loss.shape or alpha.ndim != 1:
        raise ValueError(f"weights of shape {alpha.shape} and excess losses of shape {excess_loss.shape}")
    if not np.all(alpha > 0) or abs(alpha.sum() - 1) > 1e-6:
        raise ValueError(f"weights must be positive and sum to 1: {alpha}")
    if not np.all(np.isfinite(excess_loss)):
        raise ValueError(f"excess losses must be finite: {excess_loss}")
    logits = np.log(alpha) + eta * excess_loss
    grown = np.exp(logits - logits.max())
    updated: Vector = (1 - smoothing) * grown / grown.sum() + smoothing / len(alpha)
    return updated


def excess(
    loss: NDArray[np.floating[Any]],
    reference: NDArray[np.floating[Any]] | None,
    domain: NDArray[np.integer[Any]],
    domains: int,
    clip: Clip = "token",
) -> Vector:
    """Clipped excess loss of each domain in a batch, nats a token: shape (domains,).

    ``loss``, ``reference`` and ``domain`` have shape (tokens,); padding is left out by the caller. Raises
    ``ValueError`` without a reference and for a domain without a token.
    """
    if reference is None:
        raise ValueError("DoReMi needs the reference's losses: without them all weight goes to the noisiest domain")
    counts = np.bincount(domain, minlength=domains)
    if np.any(counts == 0):
        raise ValueError(
            f"no token of the domains {np.flatnonzero(counts == 0).tolist()}: every batch needs every domain"
        )
    difference = np.asarray(loss, dtype=np.float64) - np.asarray(reference, dtype=np.float64)
    if clip == "token":
        difference = np.maximum(difference, 0)
    mean = np.bincount(domain, weights=difference, minlength=domains) / counts
    clipped: Vector = np.maximum(mean, 0)
    return clipped


@dataclass(frozen=True)
class DoReMi:
    """The mixer: asks for a reference, then its proxy, round by round; tells the last proxy's mean weights."""

    config: DoReMiConfig

    @property
    def budget(self) -> Budget:
        """The size of every trial."""
        return self.config.budget

    def steps(self, domains: Sequence[Domain]) -> int:
        """The steps of the two trials of each round, if no round is spared."""
        return 2 * self.config.rounds * self.config.budget.steps

    def ask(self, domains: Sequence[Domain], goal: Goal, seen: Sequence[Outcome]) -> list[Trial]:
        """The trial to run next; an empty list after the last round. Raises as :meth:`tell` does for past rounds."""
        _, following = self._rounds(domains, goal, seen)
        return [] if following is None else [following]

    def tell(self, domains: Sequence[Domain], goal: Goal, seen: Sequence[Outcome]) -> Mixture:
        """The mixture with its diagnostics.

        ``effective_domains`` is the effective number of domains, ``drift`` how far the halves of the last trace differ,
        ``rounds`` how many were run, ``moved`` how far the last one moved a weight, and ``settled`` whether that was
        below the tolerance (else the rounds were used up). Raises :class:`GristmillError` when a trial is missing, has
        another trace than its domains and steps, or when the weights are close to one-hot.
        """
        rounds, following = self._rounds(domains, goal, seen)
        if following is not None:
            raise GristmillError(
                f"DoReMi has not seen its trials {[following.id]}. Run what ask() gives until it gives none."
            )
        weights, mean = rounds[-1].weights, rounds[-1].mean
        half = len(weights) // 2
        drift = float(np.abs(weights[half:].mean(axis=0) - weights[: max(half, 1)].mean(axis=0)).max())
        diagnostics = {
            "effective_domains": effective_number(mean),
            "drift": drift,
            "converged": drift < DRIFT,
            "rounds": float(len(rounds)),
            "moved": rounds[-1].moved,
            "settled": rounds[-1].moved < self.config.tolerance,
        }
        used = [outcome for each in rounds for outcome in each.outcomes]
        inputs = inputs_digest(domains, goal, used, self.config)
        return one_stage(named(mean, domains), "doremi", inputs, goal, diagnostics)

    def trials(self, domains: Sequence[Domain], goal: Goal, prior: Shares | None = None) -> tuple[Trial, Trial]:
        """The reference of a round (on ``prior``, else the goal's, else proportional to tokens) and its proxy.

        Raises :class:`GristmillError` for a prior that does not fit the domains.
        """
        budget, update = self.config.budget, self.config.update
        natural = goal.prior if prior is None else prior
        start = proportional(domains) if natural is None else named(vector(natural, domains), domains)
        share = min(1.0, budget.tokens / goal.target_tokens) if self.config.match_repetition else 1.0
        seed = self.config.seed
        reference = trial(domains, start, budget, data_share=share, seed=seed)
        proxy = trial(
            domains,
            uniform(domains),
            budget,
            loop="doremi",
            options=update.model_dump(),
            init=reference.id,
            data_share=share,
            seed=seed,
        )
        return reference, proxy

    def _rounds(
        self, domains: Sequence[Domain], goal: Goal, seen: Sequence[Outcome]
    ) -> tuple[list["Round"], Trial | None]:
        """The finished rounds, and the trial that is needed next."""
        outcomes = {outcome.trial: outcome for outcome in seen}
        rounds: list[Round] = []
        while len(rounds) < self.config.rounds and not (rounds and rounds[-1].moved < self.config.tolerance):
            asked = self.trials(domains, goal, named(rounds[-1].mean, domains) if rounds else None)
            for each in asked:
                if each.id not in outcomes:
                    return rounds, each
            reference, proxy = (outcomes[each.id] for each in asked)
            weights = self._trace(domains, proxy)
            before = vector(asked[0].weights, domains)
            mean = self._mean(weights, domains)
            rounds.append(Round((reference, proxy), weights, mean, float(np.abs(mean - before).max())))
        return rounds, None

    def _trace(self, domains: Sequence[Domain], outcome: Outcome) -> NDArray[np.float64]:
        weights = np.array(outcome.trace.weights, dtype=np.float64)
        if (
            outcome.trace.domains != tuple(domain.name for domain in domains)
            or len(weights) != self.config.budget.steps
        ):
            raise GristmillError(
                f"the trace of trial {outcome.trial} has {len(weights)} steps of {list(outcome.trace.domains)}; "
                f"expected {self.config.budget.steps} of {[domain.name for domain in domains]}. Run the trial again."
            )
        return weights

    def _mean(self, weights: NDArray[np.float64], domains: Sequence[Domain]) -> Vector:
        mean: Vector = weights.mean(axis=0)
        if len(domains) > 1 and effective_number(mean) < self.config.min_effective_domains:
            raise GristmillError(
                f"DoReMi gave nearly all weight to one domain: {named(mean, domains)}. Known causes: a reference that "
                "was trained too little, batches that are too small, eta too high (try 0.1). Lower "
                "min_effective_domains to accept it."
            )
        return mean


@dataclass(frozen=True)
class Round:
    """One round: its reference and proxy, the proxy's weights (steps, k), their mean, and how far that is from the
    weights the reference was trained on (largest difference)."""

    outcomes: tuple[Outcome, Outcome]
    weights: NDArray[np.float64]
    mean: Vector
    moved: float
