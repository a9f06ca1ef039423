"""Places of a plan that other rows take: how the plan of an arm differs from that of its control, in closed form.

An arm leaves some rows out and must read as many tokens as its control, so other rows take their places; every row that
both read keeps its place and its epoch. Of a domain with removed share R (in 1/2**31) the k-th row goes when
``(k + 1) * R >> 31`` is above ``k * R >> 31``: the gaps are spread evenly, and ``k * R >> 31`` rows are gone before it.
The gaps of all domains, one domain after the other, are shared out by a
:class:`gristmill.tasks.mix.apportion.ShareTree`, and a domain that fills gaps goes on where its own rows of the run
end: it repeats nothing until its epoch is over. Everything can be turned round, as lineage needs. Integers only. Cost:
O(depth of the tree) for a row that is replaced, next to none for others.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from pydantic import Field, model_validator

from gristmill.core.config import Config
from gristmill.tasks.mix.apportion import UNIT, ShareTree
from gristmill.tasks.mix.permutation import Integers

BITS = 31


class Replacement(Config):
    """What goes from a plan and what comes, one number for each domain, in 1/2**31.

    ``removed``: the share of a domain's rows whose places others take. ``fills``: the shares of those places that a
    domain takes; they sum to 2**31, and a domain that loses rows takes none.
    """

    removed: tuple[int, ...]
    fills: tuple[int, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _gaps_are_filled(self) -> "Replacement":
        if len(self.removed) != len(self.fills):
            raise ValueError("removed and fills need one number for each domain")
        if not all(0 <= share <= UNIT for share in (*self.removed, *self.fills)) or sum(self.fills) != UNIT:
            raise ValueError("removed and fills are in 1/2**31, and fills sum to 2**31")
        if any(gone and come for gone, come in zip(self.removed, self.fills, strict=True)):
            raise ValueError("a domain that loses rows cannot fill gaps")
        return self


@dataclass(frozen=True)
class Gaps:
    """A replacement in a plan whose domains have ``totals`` rows in the whole run: shape (domains,)."""

    removed: Integers
    fills: tuple[int, ...]
    totals: Integers

    @classmethod
    def of(cls, replacement: Replacement, totals: Integers) -> "Gaps":
        return cls(np.array(replacement.removed, dtype=np.int64), replacement.fills, totals)

    @cached_property
    def tree(self) -> ShareTree:
        """How the gaps are shared out."""
        return ShareTree.of(self.fills)

    @cached_property
    def starts(self) -> Integers:
        """Where the gaps of each domain begin among all, and where the last end: shape (domains + 1,)."""
        return np.concatenate([[0], np.cumsum(self.gone(np.arange(len(self.totals)), self.totals))])

    def gone(self, domain: Integers, ordinal: Integers) -> Integers:
        """Rows that go among the first ``ordinal`` rows of each domain, arrays of one shape."""
        return (ordinal * self.removed[domain]) >> BITS

    def fill(self, domain: Integers, ordinal: Integers) -> tuple[Integers, Integers]:
        """Domain and ordinal of what is read in the places of these rows: their own, unless they are gaps."""
        before = self.gone(domain, ordinal)
        gap = self.gone(domain, ordinal + 1) > before
        if not np.any(gap):
            return domain, ordinal
        domain, ordinal = domain.copy(), ordinal.copy()
        comes, place = self.tree.assign(self.starts[domain[gap]] + before[gap])
        domain[gap], ordinal[gap] = comes, self.totals[comes] + place
        return domain, ordinal

    def kept(self, domain: int, ordinals: Integers) -> tuple[Integers, Integers]:
        """The inverse of :meth:`fill`: domain and ordinal, in the plan without gaps, of the places where rows are read.

        Raises ``ValueError`` for ordinals that nothing reads: gaps, and those beyond :meth:`total`.
        """
        filling = ordinals >= self.totals[domain]
        own = np.full(ordinals.shape, domain, dtype=np.int64)
        if np.any(filling):
            places = self.tree.rows(domain, ordinals[filling] - self.totals[domain])
            if np.any(places >= self.starts[-1]):
                raise ValueError(f"the domain {domain} has fewer rows")
            loses = np.searchsorted(self.starts, places, side="right") - 1
            number = places - self.starts[loses]
            own[filling] = loses
            ordinals = ordinals.copy()
            ordinals[filling] = -(-((number + 1) << BITS) // self.removed[loses]) - 1
        if np.any(self.is_gap(domain, ordinals[~filling])):
            raise ValueError(f"some of these rows of the domain {domain} are gaps")
        return own, ordinals

    def is_gap(self, domain: int, ordinals: Integers) -> np.ndarray:
        """Whether others take the places of these rows of a domain."""
        domains = np.full(ordinals.shape, domain, dtype=np.int64)
        return self.gone(domains, ordinals + 1) > self.gone(domains, ordinals)

    def total(self, domain: int) -> int:
        """One more than the largest ordinal of the domain that the run reads."""
        return int(self.totals[domain] + self.tree.counts(int(self.starts[-1]))[domain])

    def counts(self, before: Integers, after: Integers) -> Integers:
        """Rows of each domain that a part of the run reads, in which the plan without gaps has its rows ``before`` to
        ``after`` of each domain: all of shape (domains,)."""
        domains = np.arange(len(self.totals))
        first, last = self.gone(domains, before), self.gone(domains, after)
        rows = after - before - (last - first)
        for place, begin in enumerate(self.starts[:-1]):
            rows = rows + self.tree.counts(int(begin + last[place])) - self.tree.counts(int(begin + first[place]))
        return rows


def removing(shares: Sequence[float]) -> tuple[int, ...]:
    """Shares from 0 to 1 as whole numbers of 1/2**31."""
    return tuple(round(share * UNIT) for share in shares)
