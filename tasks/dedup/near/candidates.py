"""Candidates: texts that share a bucket in some band. Pure functions over a given partition, for one machine or many.

The rows of all bands (text, band, bucket) are partitioned by band and by ranges of the bucket (:func:`partition_of`).
:func:`pairs_of` gives the pairs of one partition by itself; a pair occurs once for every band in which the two collide,
and :func:`count_pairs` counts that over the partitions. So the pairs are the same whatever the number of ranges, the
order of the partitions and the machines that work on them.

A bucket of more than ``max_bucket`` members (a template, a licence header) is linked as a star around its smallest
text, so the number of pairs stays linear in the number of texts: at most ``bands * max_bucket / 2`` a text.

Cost: a sort of the buckets of a partition, about 10 million rows a second. Memory: about 64 bytes a row of a partition,
and 100 MB for a piece of the pairs.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from gristmill.tasks.dedup.shingles import Counts, Hashes, ranges, runs

RANGE_BITS = 16  # the finest cut: 65,536 ranges a band
ROW_BYTES = 64
PIECE_PAIRS = 1 << 21


def ranges_for(texts: int, memory: int) -> int:
    """How many ranges (a power of two) to split the buckets of a band of ``texts`` rows into, to fit ``memory``."""
    wanted = max(1, -(-texts * ROW_BYTES // memory))
    return int(min(1 << RANGE_BITS, 1 << (wanted - 1).bit_length()))


def partition_of(bands: npt.NDArray[np.int16], buckets: Hashes, count: int) -> npt.NDArray[np.int32]:
    """The partition of each row: ``band * count + range``; range k holds buckets from ``k * 2**64 / count`` on."""
    if count == 1:
        return bands.astype(np.int32)
    shift = np.uint64(64 - (count.bit_length() - 1))
    return bands.astype(np.int32) * count + (buckets >> shift).astype(np.int32)


def within(bands: npt.NDArray[np.int16], buckets: Hashes, width: int, part: int, parts: int) -> npt.NDArray[np.bool_]:
    """Which rows are in part ``part`` of ``parts`` equal parts of all ``width`` bands, one after the other.

    All rows of one bucket are in one part, so that parts can be worked on by different machines.
    """
    inside = np.zeros(len(bands), np.bool_)
    first, end = part * (width << 64) // parts, (part + 1) * (width << 64) // parts
    for band in range(first >> 64, min(width, -(-end >> 64))):
        least, last = max(first - (band << 64), 0), min(end - (band << 64), 1 << 64) - 1
        inside |= (bands == band) & (buckets >= np.uint64(least)) & (buckets <= np.uint64(last))
    return inside


def pairs_of(
    texts: Counts, buckets: Hashes, max_bucket: int, piece: int = PIECE_PAIRS
) -> Iterator[tuple[Counts, Counts]]:
    """Pairs of texts that share a bucket in one partition of one band: ``left[i] < right[i]``, in no stated order.

    ``texts`` holds no text twice. The pairs come in pieces of about ``piece``, larger only for a larger bucket.
    """
    order = np.argsort(buckets, kind="stable")
    buckets, texts = buckets[order], texts[order]
    heads = np.flatnonzero(np.append(True, buckets[1:] != buckets[:-1])) if len(buckets) else np.zeros(0, np.intp)
    sizes = np.diff(np.append(heads, len(buckets)))
    small, large = (sizes > 1) & (sizes <= max_bucket), sizes > max_bucket
    for found, heads_of, sizes_of, pairs in (
        (_every_pair, heads[small], sizes[small], sizes[small] * (sizes[small] - 1) // 2),
        (_stars, heads[large], sizes[large], sizes[large] - 1),
    ):
        for cut in runs(pairs, piece):
            left, right = found(texts, heads_of[cut], sizes_of[cut])
            yield np.minimum(left, right), np.maximum(left, right)


def count_pairs(keys: Hashes) -> tuple[Hashes, npt.NDArray[np.int16]]:
    """Distinct keys of pairs, ascending, and how often each occurs."""
    found, counts = np.unique(keys, return_counts=True)
    return found, counts.astype(np.int16)


def _every_pair(texts: Counts, heads: Counts, sizes: Counts) -> tuple[Counts, Counts]:
    """Each member of a bucket with each that comes after it."""
    members = np.repeat(heads, sizes) + ranges(sizes)
    after = np.repeat(sizes, sizes) - ranges(sizes) - 1  # how many members of its bucket follow each
    first = np.repeat(members, after)
    return texts[first], texts[first + 1 + ranges(after)]


def _stars(texts: Counts, heads: Counts, sizes: Counts) -> tuple[Counts, Counts]:
    """The smallest member of a bucket with each of the others."""
    members = texts[np.repeat(heads, sizes) + ranges(sizes)]
    hubs = np.repeat(np.minimum.reduceat(members, np.cumsum(sizes) - sizes), sizes)
    others = members != hubs
    return hubs[others], members[others]
