"""Processing a shard in slices of documents, so that memory depends on the slice and not on the shard."""

from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

SLICE_CHARACTERS = 600_000  # the arrays of a slice then stay near the processor's caches


def map_slices(
    kernel: Callable[[pa.Table], pa.Table], documents: pa.Table, characters: int = SLICE_CHARACTERS
) -> pa.Table:
    """``kernel`` over slices of ``documents``, its tables put together again in order.

    A slice ends with the document that takes it past ``characters`` characters of text, so a longer document is a slice
    of its own or the last of one. The result does not depend on ``characters`` when ``kernel`` treats each document by
    itself. ``kernel`` sees ``text`` in one chunk; it must take a table without rows.
    """
    tables = [kernel(documents.slice(first, count).combine_chunks()) for first, count in slices(documents, characters)]
    return pa.concat_tables(tables) if tables else kernel(documents)


def map_slices_to_many(
    kernel: Callable[[pa.Table], tuple[pa.Table, ...]], documents: pa.Table, characters: int = SLICE_CHARACTERS
) -> tuple[pa.Table, ...]:
    """The same for a ``kernel`` that gives several tables: each of them put together again in order."""
    parts = [kernel(documents.slice(first, count).combine_chunks()) for first, count in slices(documents, characters)]
    return tuple(pa.concat_tables(tables) for tables in zip(*(parts or [kernel(documents)]), strict=True))


def slices(documents: pa.Table, characters: int) -> Iterator[tuple[int, int]]:
    """First row and number of rows of each slice."""
    lengths = pc.utf8_length(documents.column("text")).to_numpy().astype(np.int64)
    ends = np.cumsum(lengths)
    first = 0
    while first < len(lengths):
        before = int(ends[first - 1]) if first else 0
        stop = min(int(np.searchsorted(ends, before + characters, side="left")) + 1, len(lengths))
        yield first, stop - first
        first = stop


def one_chunk(column: pa.ChunkedArray) -> pa.Array:
    """The column as a single Arrow array."""
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
