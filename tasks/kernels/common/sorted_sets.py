"""Sorted sets of 64-bit hashes: made from lists with repeats, and intersected by merging.

Sorting relies on evenly spread hashes: a text's hashes are dealt into as many buckets as there are hashes, by their
upper bits, and an insertion sort finishes, which moves a hash by a place or two. A list that is not spread evenly (the
same shingle many times, or hashes chosen to collide) is given to a comparison sort instead.

Cost: about 8 ns a hash to sort (40 ns where the buckets are uneven), 2 ns a hash of both sets to intersect.
"""

import numpy as np
import numpy.typing as npt

from gristmill.tasks.kernels.common.compiled import kernel

UNEVEN = 32  # a bucket of this many goes to the comparison sort

Hashes = npt.NDArray[np.uint64]
Counts = npt.NDArray[np.int64]


def distinct(hashes: Hashes, counts: Counts) -> tuple[Hashes, Counts]:
    """The hashes of each text sorted and without repeats, one text after the other, and how many each text keeps.

    ``counts[i]`` of the hashes belong to text ``i``.
    """
    kept = np.empty(len(hashes), np.uint64)
    sizes = np.empty(len(counts), np.int64)
    most = int(counts.max(initial=0))
    written = _distinct(hashes, counts, np.empty(most, np.uint64), np.empty(2 * most + 3, np.int32), kept, sizes)
    return kept[:written], sizes


@kernel
def _distinct(
    hashes: Hashes, counts: Counts, room: Hashes, bucket: npt.NDArray[np.int32], kept: Hashes, sizes: Counts
) -> int:
    start = 0
    written = 0
    for text in range(len(counts)):
        end = start + int(counts[text])
        if not _deal(hashes[start:end], room, bucket):
            room[: end - start] = np.sort(hashes[start:end])
        before = written
        for place in range(end - start):
            if place == 0 or room[place] != room[place - 1]:
                kept[written] = room[place]
                written += 1
        sizes[text] = written - before
        start = end
    return written


@kernel
def _deal(hashes: Hashes, room: Hashes, bucket: npt.NDArray[np.int32]) -> bool:
    """Sort ``hashes`` into ``room``, unless one bucket holds too many of them."""
    size = len(hashes)
    bits = 1
    while 1 << bits < size:
        bits += 1
    shift = np.uint64(64 - bits)
    bucket[: (1 << bits) + 1] = 0
    for place in range(size):
        bucket[np.int64(hashes[place] >> shift) + 1] += 1
    for number in range(1 << bits):
        if bucket[number + 1] > UNEVEN:
            return False
        bucket[number + 1] += bucket[number]
    for place in range(size):
        value = hashes[place]
        of = np.int64(value >> shift)
        room[bucket[of]] = value
        bucket[of] += 1
    for place in range(1, size):
        value = room[place]
        before = place - 1
        while before >= 0 and room[before] > value:
            room[before + 1] = room[before]
            before -= 1
        room[before + 1] = value
    return True


@kernel
def shared(elements: Hashes, starts: Counts, counts: Counts, left: Counts, right: Counts) -> Counts:
    """How many elements the sets ``left[i]`` and ``right[i]`` have in common, for every i.

    Set ``s`` is ``elements[starts[s] : starts[s] + counts[s]]``, sorted, without repeats.
    """
    found = np.zeros(len(left), np.int64)
    for pair in range(len(left)):
        at, other = int(starts[left[pair]]), int(starts[right[pair]])
        end, other_end = at + int(counts[left[pair]]), other + int(counts[right[pair]])
        common = 0
        while at < end and other < other_end:  # no branch on the values: which is smaller cannot be predicted
            mine, theirs = elements[at], elements[other]
            common += int(mine == theirs)
            at += int(mine <= theirs)
            other += int(theirs <= mine)
        found[pair] = common
    return found
