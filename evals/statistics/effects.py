"""What a change of the training data did to an outcome: paired differences over seeds and items, with a verdict.

An arm and its control are trained once for each seed and answer the same items, so the data is a table of differences,
seeds by items. Both ways are samples: other seeds and other items would have given other differences. The variance of
the mean is that of two crossed random factors (Cornfield and Tukey 1956; Brennan 2001, *Generalizability Theory*,
section 3): ``(MS_seeds + MS_items - MS_rest) / (seeds * items)``, and never below what either factor says alone, since
an estimated variance that is subtracted may be too large. Its degrees of freedom are Satterthwaite's (1946): with
few seeds the interval is nearly Student's t over the seeds. Items that share a passage are one item, the sum of theirs.

Nothing here compares two checkpoints by their items alone: fewer than :data:`LEAST_SEEDS` pairs give no effect.
Closed forms. Cost: one pass over the table.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtr, stdtrit

from gristmill.evals.statistics.interval import Estimate, Interval
from gristmill.evals.statistics.paired import LEVEL, POWER, holm
from gristmill.evals.statistics.ratio import Floats, cluster_codes

LEAST_SEEDS = 3
"""Fewest pairs of runs for an effect. With two, the interval is 12.7 standard errors wide on either side."""
MOST_SEEDS = 10_000


class EffectVerdict(StrEnum):
    """How a cell of a table of effects ends."""

    MOVED = "moved"
    NO_EFFECT = "no effect"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True)
class Effect:
    """The mean difference arm - control, in the units of the outcome.

    ``error`` and ``freedom``: its standard error and that error's degrees of freedom. ``seed_error``: the part of the
    error that comes from the runs, ``item_error``: from the items. ``by_seed``: the difference of each seed.
    ``p``: two-sided, of no difference. ``detectable``: the effect that as many seeds and items would show four times
    out of five.
    """

    value: float
    error: float
    freedom: float
    seed_error: float
    item_error: float
    by_seed: tuple[float, ...]
    items: int

    @property
    def p(self) -> float:
        """Two-sided p-value of Student's t against no difference."""
        return two_sided(Estimate(self.value, self.error, self.freedom))

    @property
    def detectable(self) -> float:
        """See the class."""
        return detectable(self.error, self.freedom)

    def interval(self, confidence: float = 1 - LEVEL) -> Interval:
        """Student's t interval."""
        return Estimate(self.value, self.error, self.freedom).interval(confidence)


@dataclass(frozen=True)
class Judged:
    """A cell of the table. ``adjusted`` is Holm's p over the primary cells, or ``p`` itself for an exploratory one.

    ``bound``: with *no effect*, the size that the effect is below; with *cannot tell*, the size that could have been
    shown; with *moved*, nothing.
    """

    verdict: EffectVerdict
    adjusted: float
    bound: float | None


def effect(differences: ArrayLike, weights: ArrayLike | None = None, clusters: Sequence[str] | None = None) -> Effect:
    """The effect of an arm from ``differences``, shape (seeds, items): sums over ``weights``, shape (items,).

    Without weights each item weighs 1. With them the outcome is a ratio of sums, such as bits over bytes: give the
    differences of bits and the bytes of the items. ``clusters`` names what each item belongs to; "" stands alone.

    Raises ``ValueError`` for fewer than :data:`LEAST_SEEDS` seeds, for shapes that do not agree, for values that are
    not finite, and for weights without a positive sum.
    """
    table = np.asarray(differences, dtype=np.float64)
    if table.ndim != 2 or not table.shape[1]:
        raise ValueError(f"differences must have shape (seeds, items), not {table.shape}")
    sizes = np.ones(table.shape[1]) if weights is None else np.asarray(weights, dtype=np.float64)
    if sizes.shape != table.shape[1:] or (clusters is not None and len(clusters) != sizes.size):
        raise ValueError("items, their weights and their clusters have unequal lengths")
    if len(table) < LEAST_SEEDS:
        raise ValueError(f"an effect needs at least {LEAST_SEEDS} seeds, and there are {len(table)}")
    if not np.isfinite(table).all() or not sizes.sum() > 0:
        raise ValueError("differences must be finite, and weights must have a positive sum")
    return _crossed(table, sizes, cluster_codes(clusters if clusters is not None else [""] * sizes.size))


def _crossed(table: Floats, sizes: Floats, codes: np.ndarray) -> Effect:
    seeds, units = len(table), int(codes.max()) + 1
    each = sizes.sum() / units
    by_seed = table.sum(axis=1) / sizes.sum()
    value = float(by_seed.mean())
    # Linearised ratio: what a unit has beyond its size's share of the mean, in units of the outcome (Cochran 1977, 6).
    beyond = np.stack([np.bincount(codes, weights=row - value * sizes, minlength=units) for row in table]) / each
    seed_square = units * float(by_seed.var(ddof=1))
    if units < 2:
        return _made(value, seed_square / seeds, seeds - 1.0, (seed_square / seeds, 0.0), by_seed, sizes.size)
    means = beyond.mean(axis=0)
    item_square = seeds * float(means.var(ddof=1))
    rest = beyond - means - (by_seed - value)[:, None]
    rest_square = float((rest**2).sum()) / ((seeds - 1) * (units - 1))
    squares = np.array([seed_square, item_square])
    freedoms = np.array([seeds - 1, units - 1])
    cells = seeds * units
    total = (seed_square + item_square - rest_square) / cells
    alone = squares.max() / cells
    if total <= alone:
        return _made(value, alone, float(freedoms[squares.argmax()]), tuple(squares / cells), by_seed, sizes.size)
    terms = np.array([seed_square**2, item_square**2, rest_square**2]) / np.array(
        [seeds - 1, units - 1, (seeds - 1) * (units - 1)]
    )
    freedom = float((seed_square + item_square - rest_square) ** 2 / terms.sum())
    return _made(value, total, max(freedom, 1.0), tuple(squares / cells), by_seed, sizes.size)


def _made(
    value: float, variance: float, freedom: float, parts: tuple[float, ...], by_seed: Floats, items: int
) -> Effect:
    seed, item = (float(np.sqrt(part)) for part in parts)
    return Effect(value, float(np.sqrt(variance)), freedom, seed, item, tuple(by_seed.tolist()), items)


def two_sided(found: Estimate) -> float:
    """Two-sided p-value of Student's t against 0."""
    if not found.error:
        return float(found.value == 0)
    return 2 * float(stdtr(found.freedom, -abs(found.value) / found.error))


def detectable(error: float, freedom: float, level: float = LEVEL) -> float:
    """The effect that a test at ``level`` with this standard error finds in :data:`POWER` of the cases."""
    return float(stdtrit(freedom, 1 - level / 2) + stdtrit(freedom, POWER)) * error


def judge(effects: Sequence[Effect], primary: Sequence[bool], smallest: Sequence[float | None]) -> list[Judged]:
    """A verdict for each cell. ``smallest``: the smallest effect of interest of each outcome, where one was stated.

    *Moved*: p, by Holm over the primary cells, is below the level. *No effect larger than X*: the 90 % interval lies
    within the smallest effect of interest, which is two one-sided tests at the level (Schuirmann 1987), and X is its
    further end. Else *cannot tell*, with the size that could have been shown.
    """
    if not len(effects) == len(primary) == len(smallest):
        raise ValueError("effects, primary and smallest have unequal lengths")
    adjusted = [one.p for one in effects]
    places = [place for place, counts in enumerate(primary) if counts]
    for place, p in zip(places, holm([adjusted[place] for place in places]) if places else [], strict=True):
        adjusted[place] = p
    return [_judged(one, p, limit) for one, p, limit in zip(effects, adjusted, smallest, strict=True)]


def _judged(found: Effect, p: float, limit: float | None) -> Judged:
    if p < LEVEL:
        return Judged(EffectVerdict.MOVED, p, None)
    narrow = found.interval(1 - 2 * LEVEL)
    furthest = max(abs(narrow.low), abs(narrow.high))
    if limit is not None and furthest < limit:
        return Judged(EffectVerdict.NO_EFFECT, p, furthest)
    return Judged(EffectVerdict.CANNOT_TELL, p, found.detectable)


def seeds_needed(wished: float, seed_sd: float, item_error: float = 0.0, comparisons: int = 1) -> int | None:
    """The least seeds with which an effect of size ``wished`` is found in :data:`POWER` of the cases.

    ``seed_sd``: standard deviation of the paired difference between seeds; ``item_error``: standard error of the items,
    which more seeds do not lessen. ``comparisons``: primary cells, over which the level is shared (Bonferroni, which
    Holm is never worse than). None when no number of seeds is enough. Raises ``ValueError`` unless ``wished`` > 0.
    """
    if not wished > 0:
        raise ValueError(f"the effect to be found must be above 0, not {wished}")

    def found(seeds: int) -> bool:
        return shown_by(seeds, seed_sd, item_error, comparisons) <= wished

    if not found(MOST_SEEDS):
        return None
    low, high = LEAST_SEEDS, MOST_SEEDS
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if found(middle) else (middle + 1, high)
    return low


def shown_by(seeds: int, seed_sd: float, item_error: float = 0.0, comparisons: int = 1) -> float:
    """The smallest effect that ``seeds`` pairs of runs show in :data:`POWER` of the cases. See :func:`seeds_needed`."""
    error = float(np.hypot(seed_sd / np.sqrt(seeds), item_error))
    return detectable(error, seeds - 1, LEVEL / comparisons)
