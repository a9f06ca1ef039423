"""Verification: the exact Jaccard similarity of candidate pairs, on the shingle sets that the signatures estimate.

The set of each text that occurs in a pair is written once to a scratch file, as sorted 64-bit hashes, and mapped into
memory. The size of an intersection is found by merging two sorted sets (``tasks.kernels.sets``).

Two different shingles of one pair of texts share a hash with probability below 1e-10 for texts of 10,000 words.

Cost: about 150 MB of text a second to make the sets, and 2 ns an element of both sets to compare a pair. Memory: a
slice of texts (``tasks.shingles.SLICE_BYTES``), and 24 bytes a text; the file's pages are the system's to keep or drop.
Disk: 8 bytes a distinct shingle of the texts in pairs, about as much as the texts.
"""

from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tasks.kernels.sets import distinct, shared
from tasks.shingles import Counts, Hashes, ShingleConfig, Shingles, offsets, shingle, slices

READ_ROWS = 1024


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
    sets = write_sets(connection, documents, texts, config, scratch / "shingles.u64")
    return jaccard(sets, np.searchsorted(texts, left), np.searchsorted(texts, right))


@dataclass(frozen=True)
class Sets:
    """Sorted sets of hashes in one flat array: set ``i`` is ``elements[starts[i] : starts[i] + counts[i]]``."""

    elements: Hashes
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
                    found = sets_of(shingle(chosen[cut], config))
                    counts[rows[cut]] = found.counts
                    starts[rows[cut]] = written + found.starts
                    file.write(found.elements.data)
                    written += len(found.elements)
    elements = np.memmap(path, dtype="<u8", mode="r") if written else np.zeros(0, np.uint64)
    return Sets(elements, starts, counts)


def sets_of(shingles: Shingles) -> Sets:
    """The shingles of each text, sorted and without repeats."""
    elements, counts = distinct(shingles.hashes, shingles.counts)
    return Sets(elements, offsets(counts)[:-1], counts)


def jaccard(sets: Sets, left: Counts, right: Counts) -> npt.NDArray[np.float64]:
    """Jaccard similarity of sets ``left[i]`` and ``right[i]``, for every i; 0 for two empty sets."""
    both = shared(sets.elements, sets.starts, sets.counts, left, right)
    union = sets.counts[left] + sets.counts[right] - both
    similarity: npt.NDArray[np.float64] = both / np.maximum(union, 1)
    return similarity
