"""Verification: the exact Jaccard similarity of candidate pairs, on the shingle sets that the signatures estimate.

The set of each text that occurs in a pair is written once to a scratch file, as sorted 63-bit hashes. Pairs are then
measured in slices: the sets of a slice are rows of a sparse 0/1 matrix whose columns are the hashes themselves, and the
size of an intersection is the number of entries of the product of two rows, a merge of two sorted lists in SciPy.

Two different shingles of one pair of texts share a hash with probability below 1e-10 for texts of 10,000 words.

Cost: about 20 million set elements a second. Memory: a slice of texts (``tasks.shingles.SLICE_BYTES``), a slice of
``SLICE_ELEMENTS`` set elements (about 400 MB), and 24 bytes a text. Disk: 8 bytes a distinct shingle of the texts in
pairs, about as much as the texts.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from scipy.sparse import csr_array

from tasks.shingles import Counts, ShingleConfig, offsets, ranges, runs, shingle, slices

SLICE_ELEMENTS = 8_000_000
READ_ROWS = 1024
COLUMNS = (1 << 63) - 1


def measure(
    connection: duckdb.DuckDBPyConnection,
    documents: list[Path],
    left: Counts,
    right: Counts,
    config: ShingleConfig,
    scratch: Path,
) -> npt.NDArray[np.float64]:
    """Jaccard similarity of the texts ``left[i]`` and ``right[i]`` (``idx`` of the table ``texts``), for every i."""
    if not len(left):
        return np.zeros(0, np.float64)
    texts = np.unique(np.concatenate([left, right]))
    connection.register("wanted", pa.table({"idx": texts}))
    sets = write_sets(connection, documents, texts, config, scratch / "shingles.i64")
    return jaccard(sets, np.searchsorted(texts, left), np.searchsorted(texts, right))


@dataclass(frozen=True)
class Sets:
    """Sorted sets of int64 in one flat array: set ``i`` is ``elements[starts[i] : starts[i] + counts[i]]``."""

    elements: npt.NDArray[np.int64]
    starts: Counts
    counts: Counts


def write_sets(
    connection: duckdb.DuckDBPyConnection, documents: list[Path], texts: Counts, config: ShingleConfig, path: Path
) -> Sets:
    """Shingle sets of the texts (sorted ``idx``), written to ``path`` and mapped into memory, in the order of texts."""
    starts, counts = np.zeros(len(texts), np.int64), np.zeros(len(texts), np.int64)
    written = 0
    with path.open("wb") as file:
        for part, source in enumerate(documents):
            wanted = connection.sql(
                """
                SELECT r.doc_id, t.idx FROM wanted JOIN texts t USING (idx)
                JOIN records r ON r.doc_id = t.doc_id AND r.first_record
                WHERE r.part = ? ORDER BY r.doc_id
                """,
                params=[part],
            ).to_arrow_table()
            if not wanted.num_rows:
                continue
            for batch in pq.ParquetFile(source).iter_batches(READ_ROWS, columns=["doc_id", "text"]):
                place = pc.index_in(batch.column("doc_id"), value_set=wanted.column("doc_id").combine_chunks())
                chosen = batch.column("text").filter(place.is_valid())
                rows: Counts = np.searchsorted(texts, wanted.column("idx").take(place.drop_null()).to_numpy())
                for cut in slices(chosen):
                    matrix = sets_of(shingle(chosen[cut], config))
                    counts[rows[cut]] = np.diff(matrix.indptr)
                    starts[rows[cut]] = written + matrix.indptr[:-1]
                    file.write(matrix.indices.astype("<i8").tobytes())
                    written += matrix.nnz
    elements = np.memmap(path, dtype="<i8", mode="r") if written else np.zeros(0, np.int64)
    return Sets(elements, starts, counts)


def sets_of(shingles: Any) -> csr_array:
    """Shingles as a 0/1 matrix, one row a text, columns sorted and without repeats."""
    columns = (shingles.hashes >> np.uint64(1)).astype(np.int64)
    matrix = _matrix(columns, shingles.offsets)
    matrix.sum_duplicates()
    return matrix


def jaccard(sets: Sets, left: Counts, right: Counts) -> npt.NDArray[np.float64]:
    """Jaccard similarity of sets ``left[i]`` and ``right[i]``, for every i; 0 for two empty sets."""
    shared: Counts = np.zeros(len(left), np.int64)
    for cut in runs(sets.counts[left] + sets.counts[right], SLICE_ELEMENTS):
        rows, places = np.unique(np.concatenate([left[cut], right[cut]]), return_inverse=True)
        matrix = _rows(sets, rows)
        size = cut.stop - cut.start
        both = matrix[places[:size]].multiply(matrix[places[size:]])
        shared[cut] = np.diff(both.tocsr().indptr)
    union: Counts = sets.counts[left] + sets.counts[right] - shared
    return shared / np.maximum(union, 1)


def _rows(sets: Sets, rows: Counts) -> csr_array:
    counts = sets.counts[rows]
    elements = sets.elements[np.repeat(sets.starts[rows], counts) + ranges(counts)]
    return _matrix(elements, offsets(counts))


def _matrix(columns: npt.NDArray[np.int64], starts: Counts) -> csr_array:
    ones = np.ones(len(columns), np.bool_)
    return csr_array((ones, columns, starts), shape=(len(starts) - 1, COLUMNS))
