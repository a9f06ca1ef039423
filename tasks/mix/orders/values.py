"""The value of a signal for each row of a domain, from its values for documents.

A row's value is the mean over its tokens of their documents' values; documents without a value do not count, and a row
of them alone has none (NaN). So all rows inside one document are equal. ``length`` is the number of tokens of a
document, its end of text included, and needs no more than the token store. Other signals come from the folders that
:mod:`gristmill.tasks.mix.orders.signals` writes. Cost: memory 16 bytes a row of the domain, and 60 bytes for each
document and row of one part; sums run in the order of the tokens, so every machine gives the same numbers.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gristmill.core.errors import GristmillError
from gristmill.tasks.mix.domains import Vector
from gristmill.tasks.mix.orders.signals import open_values, part_name
from gristmill.tasks.mix.permutation import Integers
from gristmill.tasks.mix.token_store import Part, TokenStore

LENGTH = "length"


@dataclass(frozen=True)
class DocumentValues:
    """The signals of the documents of a token store: for each signal and part an array of shape (documents,)."""

    store: TokenStore
    stored: Mapping[tuple[str, str], Vector]

    @classmethod
    def open(cls, store: TokenStore, folders: Sequence[Path]) -> "DocumentValues":
        """Map the folders that the step ``signal_values`` wrote. Raises :class:`GristmillError` for a damaged one."""
        return cls(store, {name: values for folder in folders for name, values in open_values(folder).items()})

    def of(self, part: Part, signal: str) -> Vector:
        """The values of a part's documents, in its order. Raises :class:`GristmillError` when they are not there."""
        if signal == LENGTH:
            return np.diff(part.ends.astype(np.int64), prepend=0).astype(np.float64)
        values = self.stored.get((signal, part_name(part)))
        if values is None or len(values) != len(part.ends):
            raise GristmillError(
                f"{part.path}: there are no values of the signal {signal!r} for these tokens. Run the mix flow again."
            )
        return values

    def rows(self, row_tokens: int) -> Callable[[str, str], Vector]:
        """For a domain and a signal, the values of its disjoint windows of ``row_tokens`` tokens: shape (rows,)."""

        def values(domain: str, signal: str) -> Vector:
            rows = self.store.rows(domain, row_tokens)
            sums, tokens = np.zeros(rows), np.zeros(rows)
            base = 0
            for part in self.store.parts[domain, "train"]:
                # Cut at ends of documents and of rows, what is left lies in one document and one row.
                first, last = base // row_tokens, (base + len(part.tokens) - 1) // row_tokens
                edges = np.arange(first, last + 1) * row_tokens - base
                ends = part.ends.astype(np.int64)
                starts = np.union1d(np.maximum(edges, 0), np.concatenate([[0], ends[:-1]]))
                lengths = np.diff(starts, append=len(part.tokens))
                of_piece = self.of(part, signal)[np.searchsorted(ends, starts, side="right")]
                _add(sums, tokens, (starts + base) // row_tokens, lengths, of_piece)
                base += len(part.tokens)
            return _means(sums, tokens)

        return values

    def pieces(self, domain: str, signal: str, rows: Integers, starts: Integers, lengths: Integers) -> Vector:
        """The values of rows that hold pieces of documents: for each piece its row, where it begins in the domain, and
        its tokens. Shape (last row + 1,)."""
        parts = self.store.parts[domain, "train"]
        ends = np.cumsum([len(part.tokens) for part in parts])
        owner = np.searchsorted(ends, starts, side="right")
        count = int(rows[-1]) + 1
        sums, tokens = np.zeros(count), np.zeros(count)
        for number, part in enumerate(parts):
            mine = owner == number
            inside = starts[mine] - (int(ends[number]) - len(part.tokens))
            of_piece = self.of(part, signal)[np.searchsorted(part.ends, inside, side="right")]
            _add(sums, tokens, rows[mine], lengths[mine], of_piece)
        return _means(sums, tokens)


def _add(sums: Vector, tokens: Vector, rows: Integers, lengths: Integers, values: Vector) -> None:
    """Add pieces with a value to the rows they are in; rows past the last whole one are left out."""
    there = (rows < len(sums)) & ~np.isnan(values)
    if not np.any(there):
        return
    low = int(rows[there].min())
    weights = lengths[there].astype(np.float64)
    high = low + int((rows[there] - low).max()) + 1
    sums[low:high] += np.bincount(rows[there] - low, values[there] * weights)
    tokens[low:high] += np.bincount(rows[there] - low, weights)


def _means(sums: Vector, tokens: Vector) -> Vector:
    with np.errstate(invalid="ignore"):
        means: Vector = sums / tokens
    return means
