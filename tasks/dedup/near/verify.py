"""Verification: the exact Jaccard similarity of candidate pairs, on the shingle sets that the signatures estimate.

A text's set is its shingle hashes, sorted and without repeats; the size of an intersection is found by merging two
sorted sets (``gristmill.tasks.kernels.common.sorted_sets``). Sets that do not fit into memory are mapped from a file
(``gristmill.tasks.dedup.near.similarities``).

Two different shingles of one pair of texts share a hash with probability below 1e-10 for texts of 10,000 words.

Cost: about 150 MB of text a second to make the sets, and 2 ns an element of both sets to compare a pair.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gristmill.tasks.dedup.shingles import Counts, Hashes, Shingles, offsets
from gristmill.tasks.kernels.common.sorted_sets import distinct, shared


@dataclass(frozen=True)
class Sets:
    """Sorted sets of hashes in one flat array: set ``i`` is ``elements[starts[i] : starts[i] + counts[i]]``."""

    elements: Hashes
    starts: Counts
    counts: Counts


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
