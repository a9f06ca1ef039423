"""What every mixing method shares: the ask/tell interface, the repetition caps, and what a mixture is.

A method is asked which small training runs (trials) it needs next, given those it has seen, until it needs none; then
it tells the mixture. Static rules need no trial, DoReMi two in sequence, swarm methods many at once. ``ask`` and
``tell`` are pure functions of (domains, goal, outcomes seen): the orchestrator may die between any two calls, and
every trial is an ordinary job that is cached when it is asked for again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
from pydantic import Field, model_validator
from pydantic_core import to_jsonable_python

from gristmill.core.config import Config
from gristmill.core.digests import digest_digests, digest_json
from gristmill.core.errors import GristmillError
from gristmill.tasks.mix.domains import Domain, Shares, named, vector, water_fill

TRIAL_VERSION = 2
"""Raised when the trial trainer changes in a way that changes losses; part of a trial's id."""


@dataclass(frozen=True)
class Cap:
    """How often one domain may be seen in the run, and why it is not the goal's ``max_epochs``."""

    epochs: float
    reason: str

    def __post_init__(self) -> None:
        """Raises :class:`GristmillError` for epochs that are not above 0 and for a cap without a reason."""
        if not 0 < self.epochs < float("inf") or not self.reason.strip():
            raise GristmillError(f"a cap needs epochs above 0 and a reason, not {self.epochs} for {self.reason!r}.")


@dataclass(frozen=True)
class Goal:
    """What the mixture is for. ``target_tokens`` counts whole rows of the plan, so L+1 tokens for L predictions.

    ``max_epochs`` caps how often a domain may be seen in the run (4 is a default of the field, not a law), and ``caps``
    holds the domains that have a cap of their own. ``minimums`` are shares that are kept whatever the method finds.
    ``prior`` is the natural mixture a method starts from; without one it is proportional to tokens.
    """

    target_tokens: int
    max_epochs: float = 4.0
    minimums: Shares = field(default_factory=dict)
    prior: Shares | None = None
    caps: Mapping[str, Cap] = field(default_factory=dict)

    def epochs(self, domain: str) -> float:
        """How often a domain may be seen."""
        return self.caps[domain].epochs if domain in self.caps else self.max_epochs


class Budget(Config):
    """The size of a trial: how many rows of how many tokens, on a model of which shape."""

    steps: int = Field(150, ge=1, description="optimiser steps")
    batch_rows: int = Field(16, ge=1, description="rows in a batch; at least one for each domain")
    row_tokens: int = Field(65, ge=2, description="tokens in a row, one more than the model predicts")
    width: int = Field(48, ge=8, description="width of the model; a multiple of twice the heads")
    layers: int = Field(2, ge=1, description="transformer blocks")
    heads: int = Field(4, ge=1, description="attention heads")
    learning_rate: float = Field(2e-2, gt=0, description="peak learning rate of AdamW")

    @model_validator(mode="after")
    def _heads_fit(self) -> "Budget":
        if self.width % (2 * self.heads):
            raise ValueError(f"width ({self.width}) must be a multiple of twice the heads ({self.heads})")
        return self

    @property
    def tokens(self) -> int:
        """Tokens read by the whole trial."""
        return self.steps * self.batch_rows * self.row_tokens


@dataclass(frozen=True)
class Trial:
    """A small training run that a method asks for. ``id`` is a digest of all the rest (:func:`trial`).

    ``loop`` names what the weights do inside the run: ``sampled`` draws that share of the rows from each domain;
    ``static`` reads all domains alike and weights their losses; ``doremi`` moves the weights. ``options`` are its
    settings, and ``init`` is the id of a trial whose checkpoint it needs. ``data_share`` is the part of each domain the
    run may read: below 1 it repeats data as often as the target run will (arXiv 2606.07597). ``tokens`` are the
    fingerprints of the domains it reads: those with a weight for ``sampled``, all for other loops.
    """

    id: str
    weights: Shares
    budget: Budget
    loop: str = "static"
    options: Mapping[str, float | str] = field(default_factory=dict)
    init: str | None = None
    data_share: float = 1.0
    seed: int = 0
    tokens: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Trace:
    """The weights inside a trial: per step and domain the weight and the clipped excess loss (nats a token).

    ``weights`` and ``excess`` have one tuple a step, in the order of ``domains``.
    """

    domains: tuple[str, ...] = ()
    weights: tuple[tuple[float, ...], ...] = ()
    excess: tuple[tuple[float, ...], ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What a finished trial gave. ``losses``: nats a token on held-out rows, for each domain that has such rows.

    ``checkpoint`` is the SHA-256 of the weights. ``seconds`` is a measurement: it enters no digest and no data file.
    ``heldout`` are the fingerprints of the held-out tokens that were measured, for each domain.
    ``target`` is the SHA-256 of the file of log-probabilities that MixMin needs (:mod:`.mixmin`), and ``parameters`` is
    the size of the model; None if the trainer does not say.
    """

    trial: str
    losses: Shares
    trace: Trace
    checkpoint: str
    flops: float
    seconds: float | None = None
    target: str | None = None
    parameters: int | None = None
    heldout: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Order:
    """Rows by the value of a signal in their documents, smallest first unless ``descending``."""

    signal: str
    descending: bool = False


@dataclass(frozen=True)
class Stage:
    """Shares that hold until ``until_token`` of the run: as the method asked (``raw``) and after the caps.

    Its rows are shuffled, or come in an ``order``.
    """

    until_token: int
    raw: Shares
    weights: Shares
    order: Order | None = None


@dataclass(frozen=True)
class Mixture:
    """What to train on: stages in order, with how and from what they were found. ``inputs`` is a digest of that."""

    stages: tuple[Stage, ...]
    method: str
    inputs: str
    diagnostics: Mapping[str, float | bool] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """Digest of all of it."""
        return digest_json(self.stored())

    def stored(self) -> dict[str, Any]:
        """All of it as JSON has it. A shuffled stage has no ``order``: digests are older than orders are."""
        value: dict[str, Any] = to_jsonable_python(self)
        for stage in value["stages"]:
            if stage["order"] is None:
                del stage["order"]
        return value


class Mixer(Protocol):
    """A mixing method."""

    @property
    def budget(self) -> Budget | None:
        """The size of its trials, whose rows its domains are counted in; None for a method that needs no trial."""
        ...

    def steps(self, domains: Sequence[Domain]) -> int:
        """Optimiser steps of all trials it is going to ask for, as far as it knows: what the display counts to."""
        ...

    def ask(self, domains: Sequence[Domain], goal: Goal, seen: Sequence[Outcome]) -> list[Trial]:
        """The trials to run next; an empty list when ``seen`` is enough."""
        ...

    def tell(self, domains: Sequence[Domain], goal: Goal, seen: Sequence[Outcome]) -> Mixture:
        """The mixture, not yet capped. Raises :class:`GristmillError` when trials are missing or say nothing."""
        ...


def trial(
    domains: Sequence[Domain],
    weights: Shares,
    budget: Budget,
    *,
    loop: str = "static",
    options: Mapping[str, float | str] | None = None,
    init: str | None = None,
    data_share: float = 1.0,
    seed: int = 0,
) -> Trial:
    """A trial whose id is the digest of its settings and of the token files that it reads, 16 hex digits."""
    read = [domain for domain in domains if loop != "sampled" or weights[domain.name] > 0]
    tokens = {domain.name: domain.fingerprint for domain in read}
    unnamed = Trial("", dict(weights), budget, loop, dict(options or {}), init, data_share, seed, tokens)
    return replace(unnamed, id=trial_id(unnamed))


def trial_id(made: Trial) -> str:
    """The id of a trial as it would be run now; a stored one with another was run by another version of the trainer."""
    return digest_json([TRIAL_VERSION, to_jsonable_python(replace(made, id=""))])[:16]


def inputs_digest(domains: Sequence[Domain], goal: Goal, seen: Sequence[Outcome], settings: object = None) -> str:
    """Digest of what a mixture was computed from: token files, goal, the method's settings, and outcomes."""
    outcomes = [replace(outcome, seconds=None) for outcome in sorted(seen, key=lambda outcome: outcome.trial)]
    return digest_digests(digest_json(to_jsonable_python(part)) for part in (domains, goal, outcomes, settings))


def one_stage(
    weights: Shares, method: str, inputs: str, goal: Goal, diagnostics: Mapping[str, float | bool]
) -> Mixture:
    """A mixture with the same shares from the first token to the last."""
    return Mixture((Stage(goal.target_tokens, dict(weights), dict(weights)),), method, inputs, diagnostics)


def cap(mixture: Mixture, domains: Sequence[Domain], goal: Goal) -> Mixture:
    """The same mixture with no domain seen more often than its cap (:meth:`Goal.epochs`) and none below its minimum.

    What a capped domain loses goes to the others in proportion to their shares (for equal shares this is UniMax). Over
    several stages, a domain's tokens are spent from the last stage back: what is scarce is kept for the end, which is
    what stages are for. Weights that already keep the caps stay, and ``raw`` keeps what the method asked for. Raises
    :class:`GristmillError` when the domains do not hold enough tokens; the message says how many they give.
    """
    left = {domain.name: domain.tokens * goal.epochs(domain.name) for domain in domains}
    for what, named_ones in (("minimums", goal.minimums), ("caps", goal.caps), ("a prior", goal.prior or {})):
        if unknown := sorted(set(named_ones) - set(left)):
            raise GristmillError(f"{what} for unknown domains {unknown}. The token store holds {sorted(left)}.")
    floors = np.array([goal.minimums.get(domain.name, 0.0) for domain in domains], dtype=np.float64)
    if (total := float(floors.sum())) > 1 + 1e-9:
        raise GristmillError(f"minimums sum to {total:g}, above 1: {dict(goal.minimums)}. Lower them.")
    stages: list[Stage] = []
    starts = [0, *(stage.until_token for stage in mixture.stages[:-1])]
    for stage, start in reversed(list(zip(mixture.stages, starts, strict=True))):
        tokens = stage.until_token - start
        ceilings = np.array([max(left[domain.name], 0.0) / tokens for domain in domains])
        wishes = vector(stage.weights, domains)
        try:
            shares = water_fill(wishes, floors, np.minimum(ceilings, 1.0), 1.0)
        except ValueError as error:
            most = float(ceilings[wishes > 0].sum()) * tokens
            raise GristmillError(_too_little(domains, goal, tokens, most)) from error
        weights = named(shares / shares.sum(), domains)
        for name, weight in weights.items():
            left[name] -= weight * tokens
        stages.append(replace(stage, weights=weights))
    return replace(mixture, stages=tuple(reversed(stages)))


def _too_little(domains: Sequence[Domain], goal: Goal, tokens: int, most: float) -> str:
    held = {domain.name: domain.tokens for domain in domains}
    own = "".join(f", {name} at {limit.epochs:g}" for name, limit in goal.caps.items())
    return (
        f"{tokens} tokens cannot be had from {held} tokens at no more than {goal.max_epochs} epochs each{own} and "
        f"minimums {dict(goal.minimums)}: at most {int(most)} can. Lower the target tokens or the minimums, raise the "
        "epochs, give weight to more domains, or add data."
    )
