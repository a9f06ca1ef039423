"""How often ranges of tokens were read by a part of a run, and where documents lie in a token store.

Everything is vectorised over ranges: a range is the rows of its domain that it touches, each counted as often as the
plan reads it (:mod:`gristmill.tasks.lineage.visits`). Cost: see there; memory follows the ranges given at once.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from gristmill.tasks.lineage.visits import NEVER, visits
from gristmill.tasks.mix.permutation import Integers
from gristmill.tasks.mix.plan import Plan
from gristmill.tasks.mix.token_store import ID_BYTES, Part, TokenStore

_HEX = np.array([f"{byte:02x}" for byte in range(256)], dtype="S2")


@dataclass(frozen=True)
class Reads:
    """Ranges of tokens, arrays of shape (n,): tokens read (one read twice counts twice), and the first row of the run
    that read one, :data:`gristmill.tasks.lineage.visits.NEVER` where none did."""

    tokens: Integers
    first: Integers


@dataclass(frozen=True)
class TokenRange:
    """Where a document lies: tokens ``start`` to ``stop`` of a domain and split, its end-of-text included."""

    doc_id: str
    domain: str
    split: str
    start: int
    stop: int


def read_ranges(plan: Plan, domain: str, starts: Integers, stops: Integers, rows: range) -> Reads:
    """What the rows ``rows`` of the run read of the ranges ``starts`` to ``stops`` of tokens of a domain.

    A domain that the plan does not name, and the tokens after its last whole row, are never read.
    """
    tokens, first = np.zeros(len(starts), dtype=np.int64), np.full(len(starts), NEVER, dtype=np.int64)
    numbers = {entry.name: number for number, entry in enumerate(plan.domains)}
    if domain not in numbers:
        return Reads(tokens, first)
    number, size = numbers[domain], plan.row_tokens
    stops = np.minimum(stops, plan.domains[number].rows * size)
    lows = starts // size
    counts = np.where(stops > starts, -(-stops // size) - lows, 0)
    owner = np.repeat(np.arange(len(starts)), counts)
    touched = np.arange(len(owner)) - (np.cumsum(counts) - counts)[owner] + lows[owner]
    positions, which = np.unique(touched, return_inverse=True)
    seen = visits(plan, number, positions, rows.start, rows.stop)
    shared = np.minimum(stops[owner], (touched + 1) * size) - np.maximum(starts[owner], touched * size)
    np.add.at(tokens, owner, shared * seen.times[which])
    np.minimum.at(first, owner, seen.first[which])
    return Reads(tokens, first)


def train_parts(store: TokenStore) -> Iterator[tuple[str, int, Part]]:
    """The parts that a plan can read: domain, where the part begins in the domain, the part."""
    for (domain, split), parts in store.parts.items():
        if split == "train":
            base = 0
            for part in parts:
                yield domain, base, part
                base += len(part.tokens)


def find_documents(store: TokenStore, doc_ids: Collection[str]) -> list[TokenRange]:
    """Where documents lie in a store, by domain, split and place; one named twice counts once.

    Cost: a binary search for each in every part.
    """
    # Zeros at the end of an S16 are cut off when it is read, and compared as what they are.
    wanted = np.frombuffer(b"".join(sorted(set(map(bytes.fromhex, doc_ids)))), dtype=f"S{ID_BYTES}")
    found: list[TokenRange] = []
    for (domain, split), parts in store.parts.items():
        base = 0
        for part in parts:
            known = part.doc_ids.view(wanted.dtype)
            rows = np.searchsorted(known, wanted)
            there = rows < len(known)
            there[there] = known[rows[there]] == wanted[there]
            for row in rows[there].tolist():
                start = int(part.ends[row - 1]) if row else 0
                doc_id = part.doc_ids[row].tobytes().hex()
                found.append(TokenRange(doc_id, domain, split, base + start, base + int(part.ends[row])))
            base += len(part.tokens)
    return found


def hexadecimal(identities: NDArray[np.void]) -> pa.StringArray:
    """Each identity of 16 bytes as the 32 digits of a doc_id."""
    whole = np.ascontiguousarray(identities).view(np.uint8).reshape(-1, ID_BYTES)
    digits = pa.py_buffer(np.ascontiguousarray(_HEX[whole]))
    ends = pa.py_buffer(np.arange(len(identities) + 1, dtype=np.int32) * (2 * ID_BYTES))
    return pa.StringArray.from_buffers(len(identities), ends, digits)
