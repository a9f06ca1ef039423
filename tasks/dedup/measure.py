"""Exact similarities of pairs whose texts do not fit into memory: shingle sets on disk, pairs in slices.

The sets of all texts that occur in a pair are written once, as sorted hashes, to one scratch file; pairs are then
measured by ``tasks.dedup.verify`` on the mapped file. Cost: shingling, then about 20 million set elements a second.
Memory: a slice of texts; 24 bytes a text, mapped; what the kernel keeps of the sets. Disk: 8 bytes a distinct shingle.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tasks.dedup.spill import mapped
from tasks.dedup.verify import Sets, sets_of
from tasks.shingles import Counts, ShingleConfig, shingle, slices

READ_ROWS = 4096


@dataclass(frozen=True)
class Wanted:
    """Texts of one file of documents: their doc_ids, and the numbers of their sets."""

    path: Path
    doc_ids: pa.Array
    places: Counts


def write_sets(files: Iterable[Wanted], size: int, config: ShingleConfig, scratch: Path) -> Sets:
    """Shingle sets of up to ``size`` texts, in files under ``scratch``: set ``places[i]`` is that of ``doc_ids[i]``."""
    starts = mapped(scratch / "starts.i64", size, np.int64)
    counts = mapped(scratch / "counts.i64", size, np.int64)
    path = scratch / "shingles.u64"
    written = 0
    with path.open("wb") as file:
        for entry in files:
            for batch in pq.ParquetFile(entry.path).iter_batches(READ_ROWS, columns=["doc_id", "text"]):
                found = pc.index_in(batch.column("doc_id"), value_set=entry.doc_ids)
                chosen = batch.column("text").filter(found.is_valid())
                rows = entry.places[found.drop_null().to_numpy()]
                for cut in slices(chosen):
                    sets = sets_of(shingle(chosen[cut], config))
                    counts[rows[cut]] = sets.counts
                    starts[rows[cut]] = written + sets.starts
                    file.write(sets.elements.data)
                    written += len(sets.elements)
    elements = np.memmap(path, dtype="<u8", mode="r") if written else np.zeros(0, np.uint64)
    return Sets(elements, starts, counts)
