"""Sorting the stages of a plan that asks for an order by a signal.

For each epoch of each domain in a stage, the rows that the stage would read shuffled are sorted by their values; equal
values keep the order of the shuffle, so a signal that says nothing gives a shuffle. Values are given for each row of a
domain (:mod:`gristmill.tasks.mix.orders.values`). Cost: a sort of each epoch's rows; memory 8 bytes a row of the sorted
stages, and 40 bytes a row of the largest domain.
"""

from collections.abc import Callable

import numpy as np

from gristmill.core.errors import GristmillError
from gristmill.tasks.mix.domains import Vector
from gristmill.tasks.mix.orders.stored import KIND, Orders, Ordinals
from gristmill.tasks.mix.permutation import permute
from gristmill.tasks.mix.plan import Plan

RowValues = Callable[[str, str], Vector]
"""Of a domain and a signal, the value of each of the domain's rows: shape (rows,), NaN where there is none."""


def sort_stages(plan: Plan, values: RowValues) -> Plan:
    """The same plan with the orders of its sorted stages; a plan without any as it is.

    Raises :class:`GristmillError` for a domain of which ``values`` gives too few or too many.
    """
    if not plan.sorted_rows:
        return plan
    read, places = (np.empty(plan.sorted_rows, dtype=KIND) for _ in range(2))
    for stage, starts, (_, _, before) in zip(plan.stages, plan.order_starts, plan.spans, strict=True):
        if stage.order is None:
            continue
        for domain, entry in enumerate(plan.domains):
            begin, end = int(starts[domain]), int(starts[domain + 1])
            if begin == end:
                continue
            known = values(entry.name, stage.order.signal)
            if known.shape != (entry.rows,):
                raise GristmillError(
                    f"the signal {stage.order.signal!r} has values for {len(known)} rows of the domain {entry.name!r}, "
                    f"which has {entry.rows}. Make the mixture again."
                )
            keys = -known if stage.order.descending else known
            _sort(plan, domain, keys, int(before[domain]), read[begin:end], places[begin:end])
    return plan.with_orders(Orders(read, places))


def without_value(plan: Plan, values: RowValues) -> dict[str, float]:
    """For each sorted stage, by its number, the share of its rows that are expected to have no value."""
    found = {}
    for number, (stage, tree, (first, end, _)) in enumerate(zip(plan.stages, plan.trees, plan.spans, strict=True)):
        if stage.order is None:
            continue
        counts = tree.counts(end - first).tolist()
        lacking = [
            rows * float(np.isnan(values(entry.name, stage.order.signal)).mean())
            for entry, rows in zip(plan.domains, counts, strict=True)
            if rows
        ]
        found[str(number)] = sum(lacking) / (end - first)
    return found


def _sort(plan: Plan, domain: int, keys: Vector, before: int, read: Ordinals, places: Ordinals) -> None:
    """Fill in the order of a domain in a stage, which begins after ``before`` rows of the domain."""
    size, done = plan.domains[domain].rows, 0
    while done < len(read):
        epoch, inside = divmod(before + done, size)
        count = min(len(read) - done, size - inside)
        positions = permute(np.arange(inside, inside + count), size, plan.epoch_key(domain, epoch))
        order = done + np.argsort(keys[positions], kind="stable")
        read[done : done + count] = order
        places[order] = np.arange(done, done + count)
        done += count
