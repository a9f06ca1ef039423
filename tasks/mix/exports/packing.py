"""Best-fit packing: whole documents into rows of a fixed length, with little padding.

Best-fit decreasing, as in OLMo-core (``packing_instance_source.py``) and TRL (``packing="bfd"``): the longest document
goes first, each into the fullest row that still has room, the oldest of equals. Documents of one length are placed
together, which gives the same rows as one by one. Cost: O(documents log documents) to sort, and then steps only for
distinct lengths and rooms; 40 bytes a document.

A document longer than a row overflows by a named rule: ``split`` into rows (nothing is lost), ``crop`` to the row (the
rest is lost), or ``drop``.
"""

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Overflow = Literal["split", "crop", "drop"]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class PackedRows:
    """Rows of a domain: row r holds pieces ``offsets[r]`` to ``offsets[r + 1]``, each a range of the domain's tokens.

    ``padded`` tokens fill rows up; ``cropped`` and ``dropped`` tokens are in no row; ``split`` counts documents that
    lie in several rows.
    """

    offsets: Integers
    starts: Integers
    lengths: Integers
    padded: int
    cropped: int
    dropped: int
    split: int

    def __len__(self) -> int:
        return len(self.offsets) - 1


def pack(lengths: Integers, row_tokens: int, overflow: Overflow) -> PackedRows:
    """Pack documents, that lie one after another in a domain, into rows of ``row_tokens`` tokens.

    ``lengths``: tokens of each document, shape (documents,), all positive.
    """
    starts = np.cumsum(lengths) - lengths
    long = lengths > row_tokens
    cropped = dropped = split = 0
    if overflow == "split":
        each = -(-lengths // row_tokens)
        inside = np.arange(int(each.sum())) - np.repeat(np.cumsum(each) - each, each)
        starts = np.repeat(starts, each) + inside * row_tokens
        lengths = np.minimum(np.repeat(lengths, each) - inside * row_tokens, row_tokens)
        split = int(long.sum())
    elif overflow == "crop":
        cropped = int((lengths[long] - row_tokens).sum())
        lengths = np.minimum(lengths, row_tokens)
    else:
        dropped = int(lengths[long].sum())
        starts, lengths = starts[~long], lengths[~long]
    rows = best_fit(lengths, row_tokens)
    order = np.argsort(rows, kind="stable")
    count = int(rows.max()) + 1 if len(rows) else 0
    offsets = np.searchsorted(rows[order], np.arange(count + 1)).astype(np.int64)
    padded = count * row_tokens - int(lengths.sum())
    return PackedRows(offsets, starts[order], lengths[order], padded, cropped, dropped, split)


def best_fit(lengths: Integers, capacity: int) -> Integers:
    """The row of each document, rows numbered as they are opened. No length may exceed ``capacity``."""
    rows = np.empty(len(lengths), dtype=np.int64)
    order = np.argsort(-lengths, kind="stable")
    sizes, counts = np.unique(-lengths, return_counts=True)
    rooms: list[int] = []  # sorted: the rooms that an open row has
    open_rows: dict[int, list[int]] = {}  # by room, the oldest first
    made = at = 0
    for size, left in zip((-sizes).tolist(), counts.tolist(), strict=True):
        while left:
            place = bisect_left(rooms, size)
            room = rooms[place] if place < len(rooms) else capacity
            each = room // size
            wanted = -(-left // each)
            if place < len(rooms):
                taken, kept = open_rows[room][:wanted], open_rows[room][wanted:]
                open_rows[room] = kept
                if not kept:
                    del open_rows[room], rooms[place]
            else:
                taken = list(range(made, made + wanted))
                made += wanted
            put = min(left, len(taken) * each)
            rows[order[at : at + put]] = np.repeat(taken, each)[:put]
            last = put - (len(taken) - 1) * each  # documents of this length in the last row taken
            _reopen(rooms, open_rows, room - each * size, taken[:-1])
            _reopen(rooms, open_rows, room - last * size, taken[-1:])
            at, left = at + put, left - put
    return rows


def _reopen(rooms: list[int], open_rows: dict[int, list[int]], room: int, rows: Sequence[int]) -> None:
    """Put rows back with the room they have left; full rows are done."""
    if not room or not rows:
        return
    if room not in open_rows:
        insort(rooms, room)
    open_rows[room] = sorted([*open_rows.get(room, []), *rows])
