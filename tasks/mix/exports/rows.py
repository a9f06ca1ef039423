"""The rows of a run in their final order, as every format of a stream takes them.

A row is ``row_tokens`` = L+1 tokens (L predictions) of one domain: a window of its tokens, or whole documents packed
and filled up with the end of text. Cost: about 10 microseconds a row and the copy; memory one block.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

import numpy as np

from gristmill.tasks.mix.exports.packing import PackedRows
from gristmill.tasks.mix.plan import Plan
from gristmill.tasks.mix.token_store import Tokens, TokenStore

BLOCK_ROWS = 4096
BLOCK_TOKENS = 1 << 22
RELEASE_ROWS = 32  # the kernel maps up to a megabyte of a file for each row that is read


@dataclass(frozen=True)
class RowBlock:
    """Consecutive rows: tokens of shape (rows, row_tokens) in the store's type; for each row the lengths of the pieces
    of documents in it (they sum to less than ``row_tokens`` where it is padded) and its domain."""

    tokens: Tokens
    lengths: list[list[int]]
    domains: list[str]


def blocks(plan: Plan, store: TokenStore, packed: Mapping[str, PackedRows], rows: int) -> Iterator[RowBlock]:
    """The first ``rows`` rows of a run. ``packed`` has the rows of each domain; nothing for windows of tokens."""
    size = max(min(BLOCK_ROWS, BLOCK_TOKENS // plan.row_tokens), 1)
    for start in range(0, rows, size):
        found = plan.rows(start, min(start + size, rows))
        tokens = np.full((len(found.domain), plan.row_tokens), store.eos_id, dtype=store.dtype)
        lengths, domains = [], [plan.domains[place].name for place in found.domain.tolist()]
        for number, (domain, position) in enumerate(zip(domains, found.position.tolist(), strict=True)):
            lengths.append(_fill(tokens[number], store, domain, position, packed.get(domain)))
            if number % RELEASE_ROWS == 0:
                for part in chain.from_iterable(store.parts.values()):
                    part.release()
        yield RowBlock(tokens, lengths, domains)


def _fill(row: Tokens, store: TokenStore, domain: str, position: int, packed: PackedRows | None) -> list[int]:
    """Write one row; the lengths of the pieces of documents in it."""
    size = len(row)
    if packed is None:
        start = position * size
        row[:] = store.read(domain, start, start + size)
        cuts = store.ends(domain, start, start + size - 1).tolist()
        return [end - begin for begin, end in zip([0, *cuts], [*cuts, size], strict=True)]
    at, pieces = 0, slice(int(packed.offsets[position]), int(packed.offsets[position + 1]))
    lengths: list[int] = packed.lengths[pieces].tolist()
    for start, length in zip(packed.starts[pieces].tolist(), lengths, strict=True):
        row[at : at + length] = store.read(domain, start, start + length)
        at += length
    return lengths
