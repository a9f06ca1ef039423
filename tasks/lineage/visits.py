"""When a training run reads the rows of a domain: the inverse of the plan, in closed form.

``Plan.rows`` gives for a row of the run the row of a domain. Its parts can be turned round: the permutation of an
epoch (a Feistel network run backwards), the share-out among domains, and the permutation of a block, or the stored
order of a sorted stage. So where a document was read is answered without walking the plan. Cost: about a microsecond
for each row and epoch; memory follows the rows asked about, not the plan. Whoever changes the order in
``gristmill.tasks.mix.plan`` changes it here too.
"""

from dataclasses import dataclass

import numpy as np

from gristmill.tasks.mix.permutation import Integers, key, unpermute
from gristmill.tasks.mix.plan import BLOCK_SALT, Plan

NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Visits:
    """Rows of a domain in a part of a run, arrays of one shape: how many times each is read, and by which row first.

    ``first`` is :data:`NEVER` where ``times`` is 0.
    """

    times: Integers
    first: Integers


def visits(plan: Plan, domain: int, positions: Integers, start: int, stop: int) -> Visits:
    """How often and when rows ``start`` to ``stop`` of the run read the rows ``positions`` of domain number ``domain``.

    Raises ``ValueError`` for a position that the domain does not have.
    """
    size = plan.domains[domain].rows
    times = np.zeros(positions.shape, dtype=np.int64)
    first = np.full(positions.shape, NEVER, dtype=np.int64)
    gaps = plan.gaps
    if gaps is None:
        total, sure = rows_before(plan, domain, len(plan)), rows_before(plan, domain, _block_start(plan, stop))
        possible = rows_before(plan, domain, _block_end(plan, stop))
    else:  # rows that fill gaps are read beside those before them in the domain's count, so no epoch is surely over
        total, sure, possible = gaps.total(domain), 0, gaps.total(domain)
    for epoch in range(-(-possible // size)):
        # An epoch that is over before `stop`, and too far from the first to share a block with it, needs no look.
        if start == 0 and (epoch + 1) * size <= sure and (epoch - 1) * size >= plan.block:
            times += 1
            continue
        ordinals = epoch * size + unpermute(positions, size, plan.epoch_key(domain, epoch))
        there = np.flatnonzero(ordinals < total)
        if gaps is not None:
            there = there[(ordinals[there] >= gaps.totals[domain]) | ~gaps.is_gap(domain, ordinals[there])]
        rows = places(plan, domain, ordinals[there])
        inside = (rows >= start) & (rows < stop)
        there, rows = there[inside], rows[inside]
        times[there] += 1
        first[there] = np.minimum(first[there], rows)
    return Visits(times, first)


def places(plan: Plan, domain: int, ordinals: Integers) -> Integers:
    """The rows of the run that read these ordinals of the domain, those that fill gaps among them."""
    if plan.gaps is None:
        return run_rows(plan, domain, ordinals)
    owners, own = plan.gaps.kept(domain, ordinals)
    found = np.empty_like(ordinals)
    for owner in np.unique(owners).tolist():
        here = owners == owner
        found[here] = run_rows(plan, owner, own[here])
    return found


def run_rows(plan: Plan, domain: int, ordinals: Integers) -> Integers:
    """The rows of the run that are the domain's, with ``ordinals`` of its rows before them were all stages shuffled."""
    found = np.empty_like(ordinals)
    for number, (first, end, before) in enumerate(plan.spans):
        size = end - first
        low = int(before[domain])
        here = (ordinals >= low) & (ordinals < low + int(plan.trees[number].counts(size)[domain]))
        if not np.any(here):
            continue
        if plan.stages[number].order is not None:
            places = plan.orders.places[plan.order_starts[number][domain] + ordinals[here] - low].astype(np.int64)
            found[here] = first + plan.trees[number].rows(domain, places)
        else:
            shuffled = plan.trees[number].rows(domain, ordinals[here] - low)
            block = shuffled // plan.block
            base = block * plan.block
            keys = key(plan.seed, BLOCK_SALT, number, block)
            found[here] = first + base + unpermute(shuffled - base, np.minimum(plan.block, size - base), keys)
    return found


def rows_before(plan: Plan, domain: int, row: int) -> int:
    """Rows of the domain before ``row``, which is where a block or the run begins or ends."""
    count = 0
    for tree, (first, end, _) in zip(plan.trees, plan.spans, strict=True):
        count += int(tree.counts(min(max(row - first, 0), end - first))[domain])
    return count


def _block_start(plan: Plan, row: int) -> int:
    for first, end, _ in plan.spans:
        if row < end:
            return first + (row - first) // plan.block * plan.block
    return len(plan)


def _block_end(plan: Plan, row: int) -> int:
    for first, end, _ in plan.spans:
        if row <= end:
            return min(end, first - (first - row) // plan.block * plan.block)
    return len(plan)
