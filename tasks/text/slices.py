"""Texts of a shard in slices of documents, so that memory depends on the slice and not on the shard, and as bytes."""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
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


def utf8_of(texts: pa.Array) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """The bytes of all texts, not copied, and texts + 1 bounds in them. Raises ``ValueError`` when a text is null."""
    if texts.null_count:
        raise ValueError("texts must not be null")
    _, offsets, values = texts.buffers()
    kind = np.dtype(np.int64 if pa.types.is_large_string(texts.type) else np.int32)
    if offsets is None or not offsets.size:
        return np.frombuffer(b"", np.uint8), np.zeros(len(texts) + 1, np.int64)
    bounds = np.frombuffer(offsets, kind, len(texts) + 1, texts.offset * kind.itemsize).astype(np.int64)
    return np.frombuffer(values if values is not None and values.size else b"", np.uint8), bounds
