"""Exact similarities of pairs whose texts do not fit into memory: shingle sets on disk, pairs in slices.

The sets of all texts that occur in a pair are written once, as sorted hashes, to one scratch file; pairs are then
measured by ``gristmill.tasks.dedup.near.verify`` on the mapped file, a slice at a time, after which the slice's pages
are released.

Cost: shingling, and about 2 ns a set element of every pair. Memory: a slice of texts, the sets of a slice of pairs; 16
bytes a text, mapped. Disk: 8 bytes a distinct shingle.
"""

import mmap
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.core.files.parquet import read_batches
from gristmill.tasks.dedup.near.verify import Sets, jaccard, sets_of
from gristmill.tasks.dedup.presets import ShingleConfig
from gristmill.tasks.dedup.shingles import Counts, runs, shingle, slices
from gristmill.tasks.dedup.spill import mapped

READ_ROWS = 4096
AROUND = 1 << 16  # bytes of a mapped file that Linux reads in when one of them is touched


@dataclass(frozen=True)
class Wanted:
    """Texts of one file of documents: their doc_ids, and the numbers of their sets."""

    path: Path
    doc_ids: pa.Array
    places: Counts


@dataclass(frozen=True)
class Stored:
    """Shingle sets in a mapped file; without a file, when there are none."""

    sets: Sets
    file: mmap.mmap | None

    def similarity(self, left: Counts, right: Counts, memory: int) -> npt.NDArray[np.float64]:
        """Jaccard similarity of the sets ``left[i]`` and ``right[i]``, with about ``memory`` bytes of them mapped."""
        if self.file is None or len(self.file) <= memory:
            return jaccard(self.sets, left, right)
        found = np.zeros(len(left), np.float64)
        touched = (self.sets.counts[left] + self.sets.counts[right]) * self.sets.elements.itemsize + 2 * AROUND
        for cut in runs(touched, memory):
            found[cut] = jaccard(self.sets, left[cut], right[cut])
            self.file.madvise(mmap.MADV_DONTNEED)  # they are on disk; only their place in memory is released
        return found


def write_sets(files: Iterable[Wanted], size: int, config: ShingleConfig, scratch: Path) -> Stored:
    """Shingle sets of up to ``size`` texts, in files under ``scratch``: set ``places[i]`` is that of ``doc_ids[i]``."""
    starts = mapped(scratch / "starts.i64", size, np.int64)
    counts = mapped(scratch / "counts.i64", size, np.int64)
    path = scratch / "shingles.u64"
    written = 0
    with path.open("wb") as file:
        for entry in files:
            for batch in read_batches(entry.path, ["doc_id", "text"], READ_ROWS):
                found = pc.index_in(batch.column("doc_id"), value_set=entry.doc_ids)
                chosen = batch.column("text").filter(found.is_valid())
                rows = entry.places[found.drop_null().to_numpy()]
                for cut in slices(chosen):
                    sets = sets_of(shingle(chosen[cut], config))
                    counts[rows[cut]] = sets.counts
                    starts[rows[cut]] = written + sets.starts
                    file.write(sets.elements.data)
                    written += len(sets.elements)
    if not written:
        return Stored(Sets(np.zeros(0, np.uint64), starts, counts), None)
    with path.open("rb") as file:
        mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return Stored(Sets(np.frombuffer(mapping, np.uint64), starts, counts), mapping)
