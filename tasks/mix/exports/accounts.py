"""The account of each domain in an export: how much there is, how often it is seen, what is padded and what is lost."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gristmill.core.errors import GristmillError
from gristmill.tasks.mix.domains import Vector
from gristmill.tasks.mix.exports.packing import PackedRows
from gristmill.tasks.mix.exports.shares import expected_epochs
from gristmill.tasks.mix.orders.sorting import sort_stages
from gristmill.tasks.mix.orders.values import DocumentValues
from gristmill.tasks.mix.plan import Plan
from gristmill.tasks.mix.token_store import TokenStore


@dataclass(frozen=True)
class Account:
    """What became of a domain: its size, its share of the run, how often it is seen and how often it may be.

    ``rows`` it has; ``padded`` tokens fill them up; ``cropped`` and ``dropped`` ones are in no row; ``split`` documents
    are in several. A blend leaves rows to the trainer, and those five are 0.
    """

    tokens: int
    documents: int
    share: float
    epochs: float
    cap: float
    rows: int = 0
    padded: int = 0
    cropped: int = 0
    dropped: int = 0
    split: int = 0


def repacked(plan: Plan, packed: Mapping[str, PackedRows], values: DocumentValues) -> Plan:
    """The same order over packed rows: padding makes rows more than a domain's tokens would fill.

    Sorted stages are sorted again, by the ``values`` of the documents in those rows. Raises :class:`GristmillError` for
    a domain that has none.
    """
    if not packed:
        return plan
    for name, rows in packed.items():
        if not len(rows):
            raise GristmillError(
                f"no document of the domain {name!r} fits in a row of {plan.row_tokens} tokens. Choose --overflow "
                "split or crop, or longer rows."
            )

    def of_rows(domain: str, signal: str) -> Vector:
        rows = packed[domain]
        owner = np.repeat(np.arange(len(rows)), np.diff(rows.offsets))
        return values.pieces(domain, signal, owner, rows.starts, rows.lengths)

    domains = tuple(
        entry.model_copy(update={"rows": len(packed[entry.name])}) if entry.name in packed else entry
        for entry in plan.domains
    )
    return sort_stages(plan.model_copy(update={"domains": domains}), of_rows)


def accounts(
    plan: Plan,
    store: TokenStore,
    packed: Mapping[str, PackedRows],
    caps: Mapping[str, float],
    rows: int,
    *,
    counted: bool,
) -> dict[str, Account]:
    """The account of every domain in a run of ``rows`` rows. ``counted``: whether this export makes the rows.

    Raises :class:`GristmillError` for a domain above its cap.
    """
    epochs = expected_epochs(plan, rows, caps)
    found = {}
    for entry in plan.domains:
        name = entry.name
        parts = store.parts[name, "train"]
        tokens, documents = store.tokens(name), sum(len(part.ends) for part in parts)
        share = epochs[name] * entry.rows / rows
        if not counted:
            found[name] = Account(tokens, documents, share, epochs[name], caps[name])
            continue
        pack = packed.get(name)
        lost = (
            (0, 0, tokens % plan.row_tokens, _cut(store, name, plan.row_tokens))
            if pack is None
            else (pack.padded, pack.cropped, pack.dropped, pack.split)
        )
        found[name] = Account(tokens, documents, share, epochs[name], caps[name], entry.rows, *lost)
    return found


def _cut(store: TokenStore, domain: str, row_tokens: int) -> int:
    """Documents of a domain that lie in several of its rows. Memory: 24 bytes a document of one part."""
    cut = base = 0
    for part in store.parts[domain, "train"]:
        ends = np.asarray(part.ends).astype(np.int64) + base
        starts = np.concatenate([[base], ends[:-1]])
        cut += int(np.sum(starts // row_tokens != (ends - 1) // row_tokens))
        base += len(part.tokens)
    return cut
