"""Which mixtures a swarm trains: draws around the prior, repeated anchors, and one domain at a time.

- ``design`` and ``held-out``: draws from Dirichlet distributions around the prior at several concentrations; with
  ``d-optimal``, the subset of many draws that says most about a linear law (greedy choice, then exchanges). Held-out
  trials are never fitted.
- ``anchor``: the prior with many seeds, and two extreme mixtures with some: how much two runs of one mixture differ
  there.
- ``deletion`` and ``upweight``: the prior without one domain, and with half of the rest given to it.
- ``rate``: some of the design's mixtures at another learning rate; never fitted.

All trials have equal tokens, and read so little of each domain that they repeat it as often as the run will. No trial
exceeds ``most_epochs``. A trial's seed follows from its weights, so neither order nor time enters. Cost: some
milliseconds; D-optimal about a second for 20 domains.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gristmill.core.digests import digest_json
from gristmill.core.errors import GristmillError
from gristmill.tasks.mix.domains import Domain, Vector, named, vector, water_fill
from gristmill.tasks.mix.mixers.mixer import Budget, Goal, Trial, trial
from gristmill.tasks.mix.mixers.rules import proportional
from gristmill.tasks.mix.mixers.swarm.settings import DesignConfig

Role = Literal["design", "anchor", "deletion", "upweight", "held-out", "adaptive", "rate"]
FITTED: tuple[Role, ...] = ("design", "anchor", "deletion", "upweight")
EXTREME = 0.8
POOL = 20
DIGITS = 6


@dataclass(frozen=True)
class Designed:
    """A trial and what it is for.

    ``twin`` is the trial of the same mixture and seed at the budget's learning rate; ``earlier`` marks a trial of a
    design that was made before the data changed.
    """

    trial: Trial
    role: Role
    twin: str | None = None
    earlier: bool = False


def make_design(
    domains: Sequence[Domain], goal: Goal, budget: Budget, config: DesignConfig, seed: int
) -> tuple[Designed, ...]:
    """All trials of the first design, each mixture and seed once.

    Raises :class:`GristmillError` for fewer than two domains, and when the domains cannot give the target tokens.
    """
    if len(domains) < 2:
        raise GristmillError(
            "a swarm compares mixtures, so it needs two domains or more. Take the method proportional."
        )
    prior = natural(domains, goal)
    ceilings = _ceilings(domains, goal, config.most_epochs)
    start = _within(prior, ceilings)
    singles = [row for place in range(len(domains)) for row in _single(start, ceilings, place)]
    extremes = [_towards(start, ceilings, place, EXTREME) for place in (int(start.argmax()), int(start.argmin()))]
    rows: list[tuple[Role, Vector, int]] = [("anchor", start, turn) for turn in range(config.proportional_seeds)]
    rows += [("anchor", row, turn) for row in extremes for turn in range(config.extreme_seeds)]
    if config.single_domains:
        rows += [("deletion" if number % 2 == 0 else "upweight", row, 0) for number, row in enumerate(singles)]
    fitted = config.trials_per_domain * len(domains)
    apart = config.held_out_count(len(rows) + fitted)
    drawn = draws(prior, ceilings, fitted, config, np.random.default_rng([seed, 1]))
    rows += [("design", row, 0) for row in drawn]
    loose = config.model_copy(update={"kind": "dirichlet"})
    rows += [("held-out", row, 0) for row in draws(prior, ceilings, apart, loose, np.random.default_rng([seed, 2]))]
    share = min(1.0, budget.tokens / goal.target_tokens)
    designed: dict[str, Designed] = {}
    for role, row, turn in rows:
        weights = rounded(row, domains)
        made = _trial(domains, weights, budget, share, seed, turn)
        designed.setdefault(made.id, Designed(made, role))
    slow = budget.model_copy(update={"learning_rate": budget.learning_rate * config.rate_factor})
    drawn_ones = [each.trial for each in designed.values() if each.role == "design"][: config.rate_mixtures]
    for each in drawn_ones:
        twin = trial(domains, each.weights, slow, loop="sampled", data_share=share, seed=each.seed)
        designed.setdefault(twin.id, Designed(twin, "rate", each.id))
    return tuple(designed.values())


def again(
    domains: Sequence[Domain], weights: Vector, goal: Goal, budget: Budget, seed: int, count: int
) -> tuple[Designed, ...]:
    """Adaptive trials: a mixture that was chosen after others were seen, with ``count`` seeds."""
    share = min(1.0, budget.tokens / goal.target_tokens)
    shares = rounded(weights, domains)
    return tuple(Designed(_trial(domains, shares, budget, share, seed, turn), "adaptive") for turn in range(count))


def natural(domains: Sequence[Domain], goal: Goal) -> Vector:
    """The goal's prior, else shares proportional to tokens."""
    return vector(proportional(domains) if goal.prior is None else goal.prior, domains)


def draws(
    prior: Vector, ceilings: Vector, count: int, config: DesignConfig, generator: np.random.Generator
) -> NDArray[np.float64]:
    """Mixtures, shape (count, k), within the ceilings; the first ones stay when ``count`` grows (Dirichlet only)."""
    flat = np.where(prior > 0, np.maximum(prior, 1e-12) ** (1 / config.prior_temperature), 0)
    centre = flat / flat.sum()
    many = count * POOL if config.kind == "d-optimal" else count
    pool = np.empty((many, len(prior)))
    for number in range(many):
        strength = config.concentrations[number % len(config.concentrations)] * len(prior)
        pool[number] = _within(_dirichlet(strength * centre, generator), ceilings)
    return pool if config.kind == "dirichlet" else pool[d_optimal(pool, count)]


def d_optimal(pool: NDArray[np.float64], count: int) -> list[int]:
    """Places of ``count`` rows of ``pool`` (n, k) whose X'X has a large determinant: greedy, then exchanges."""
    size = pool.shape[1]
    inverse = np.eye(size) * 1e4
    chosen: list[int] = []
    for _ in range(count):
        gains = np.einsum("ij,jk,ik->i", pool, inverse, pool)
        gains[chosen] = -1
        best = int(gains.argmax())
        chosen.append(best)
        inverse = _with(inverse, pool[best], 1)
    for _ in range(3):
        changed = False
        for place, row in enumerate(chosen):
            without = _with(inverse, pool[row], -1)
            gains = np.einsum("ij,jk,ik->i", pool, without, pool)
            gains[[each for each in chosen if each != row]] = -1
            best = int(gains.argmax())
            if gains[best] > gains[row] * (1 + 1e-9):
                chosen[place], inverse, changed = best, _with(without, pool[best], 1), True
        if not changed:
            break
    return chosen


def rounded(mixture: Vector, domains: Sequence[Domain]) -> dict[str, float]:
    """Shares of 6 digits that sum to 1: what is written, compared and trained."""
    short = np.round(mixture, DIGITS)
    largest = int(short.argmax())
    short[largest] = round(1 - float(np.delete(short, largest).sum()), DIGITS)
    return named(short, domains)


def _trial(
    domains: Sequence[Domain], weights: dict[str, float], budget: Budget, share: float, seed: int, turn: int
) -> Trial:
    """Its seed is a digest of the weights, the swarm's seed and the number of the repeat."""
    drawn = int(digest_json([weights, seed, turn])[:8], 16) % 2**31
    return trial(domains, weights, budget, loop="sampled", data_share=share, seed=drawn)


def _with(inverse: NDArray[np.float64], row: Vector, sign: int) -> NDArray[np.float64]:
    """The inverse of a matrix to which ``sign * row row'`` is added (Sherman and Morrison)."""
    moved = inverse @ row
    updated: NDArray[np.float64] = inverse - sign * np.outer(moved, moved) / (1 + sign * float(row @ moved))
    return updated


def _dirichlet(alpha: Vector, generator: np.random.Generator) -> Vector:
    """A draw; domains whose alpha is 0 get nothing, and tiny alphas do not underflow."""
    positive = alpha > 0
    drawn = np.zeros(len(alpha))
    shape = alpha[positive]
    logs = np.log(generator.gamma(shape + 1)) + np.log(generator.random(len(shape))) / shape
    drawn[positive] = np.exp(logs - logs.max())
    normal: Vector = drawn / drawn.sum()
    return normal


def _ceilings(domains: Sequence[Domain], goal: Goal, most_epochs: float) -> Vector:
    epochs = [
        goal.epochs(domain.name) if domain.name in goal.caps else max(most_epochs, goal.max_epochs)
        for domain in domains
    ]
    ceilings = np.array([domain.tokens for domain in domains]) * np.array(epochs) / goal.target_tokens
    if ceilings.sum() < 1:
        raise GristmillError(
            f"{goal.target_tokens} tokens cannot be had even with {most_epochs:g} epochs of each domain. Lower the "
            "target tokens or add data."
        )
    shares: Vector = np.minimum(ceilings, 1.0)
    return shares


def _within(wishes: Vector, ceilings: Vector) -> Vector:
    filled = water_fill(np.maximum(wishes, 2e-9), np.zeros(len(wishes)), ceilings, 1.0)
    normal: Vector = filled / filled.sum()
    return normal


def _towards(start: Vector, ceilings: Vector, place: int, weight: float) -> Vector:
    """The start with one domain at ``weight``, the others in proportion."""
    moved = start * (1 - weight) / max(1 - start[place], 1e-9)
    moved[place] = weight
    return _within(moved, ceilings)


def _single(start: Vector, ceilings: Vector, place: int) -> tuple[Vector, Vector]:
    """The start without a domain, and with half of what the others have given to it."""
    closed = ceilings.copy()
    closed[place] = 0
    without = start.copy()
    without[place] = 0
    deletion = _within(without, closed) if closed.sum() >= 1 else start
    return deletion, _towards(start, ceilings, place, (1 + start[place]) / 2)
