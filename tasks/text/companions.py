"""Slices of documents together with the rows of other tables about them, such as spans and cuts.

Each other table is put in the order of the documents once, so that a slice takes its rows as one block. Cost: a sort
of each other table; memory: that table twice.
"""

from collections.abc import Callable

import numpy as np
import polars as pl
import pyarrow as pa

from gristmill.tasks.text.slices import SLICE_CHARACTERS, slices


def map_slices_with(
    kernel: Callable[..., pa.Table], documents: pa.Table, *others: pa.Table, characters: int = SLICE_CHARACTERS
) -> pa.Table:
    """``kernel(part of documents, rows of each other table that have its doc_ids)`` over slices, put together in order.

    As ``gristmill.tasks.text.slices.map_slices``; rows of others about documents that are not among ``documents`` are
    left out.
    """
    rows = pl.DataFrame({"doc_id": pl.Series(documents.column("doc_id"), dtype=pl.String)}).with_row_index("row")
    ordered = []
    for other in others:
        found = pl.DataFrame(other).join(rows, on="doc_id").sort("row", maintain_order=True)
        ordered.append((found["row"].to_numpy(), found.drop("row").to_arrow().cast(other.schema)))
    tables = []
    for first, count in slices(documents, characters):
        parts = [documents.slice(first, count).combine_chunks()]
        for row, other in ordered:
            low, high = np.searchsorted(row, (first, first + count))
            parts.append(other.slice(int(low), int(high - low)))
        tables.append(kernel(*parts))
    return pa.concat_tables(tables) if tables else kernel(documents, *(other.slice(0, 0) for other in others))
