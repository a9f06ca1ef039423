"""The heart of MinHash: for every text and every permutation, the smallest permuted hash of the text's shingles.

Permutations are ``a * fmix(h) + b`` modulo 2**32 or 2**64 (datasketch's ``affine32`` and ``affine64``; ``fmix`` is
MurmurHash3's finalizer of that width). The inner loop runs over shingles with ``a`` and ``b`` fixed, which the compiler
turns into vector instructions; a block of shingles stays in the first-level cache while all permutations pass over it.

Cost, of 32 bits: about a quarter of a cycle a shingle and permutation with AVX2. Of 64 bits: one and a half, for
AVX2 has no multiplication of that width.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from gristmill.tasks.kernels.common.compiled import kernel

BLOCK = 4096  # shingles: 16 kB of 32-bit hashes

_FMIX_32 = (np.uint32(16), np.uint32(0x85EBCA6B), np.uint32(13), np.uint32(0xC2B2AE35), np.uint32(16))
_FMIX_64 = (np.uint64(33), np.uint64(0xFF51AFD7ED558CCD), np.uint64(33), np.uint64(0xC4CEB9FE1A85EC53), np.uint64(33))


def least_permuted(
    hashes: npt.NDArray[np.uint64], counts: npt.NDArray[np.int64], factors: npt.NDArray[Any], shifts: npt.NDArray[Any]
) -> npt.NDArray[Any]:
    """Signatures of shape ``(texts, permutations)`` in the type of ``factors``; all ones for a text without shingles.

    ``counts[i]`` of the hashes belong to text ``i``. Of 32 bits, the low half of each hash counts.
    """
    result = np.full((len(counts), len(factors)), np.iinfo(factors.dtype).max, factors.dtype)
    run = _least_32 if factors.dtype == np.uint32 else _least_64
    run(hashes, counts, factors, shifts, result)
    return result


@kernel
def _least_32(
    hashes: npt.NDArray[np.uint64],
    counts: npt.NDArray[np.int64],
    factors: npt.NDArray[np.uint32],
    shifts: npt.NDArray[np.uint32],
    result: npt.NDArray[np.uint32],
) -> None:
    mixed = np.empty(BLOCK, np.uint32)
    shift_1, factor_1, shift_2, factor_2, shift_3 = _FMIX_32
    start = 0
    for text in range(len(counts)):
        end = start + counts[text]
        while start < end:
            size = min(BLOCK, end - start)
            for place in range(size):
                value = np.uint32(hashes[start + place])
                value = np.uint32((value ^ (value >> shift_1)) * factor_1)
                value = np.uint32((value ^ (value >> shift_2)) * factor_2)
                mixed[place] = np.uint32(value ^ (value >> shift_3))
            for permutation in range(len(factors)):
                factor, shift = factors[permutation], shifts[permutation]
                least = result[text, permutation]
                for place in range(size):
                    least = min(least, np.uint32(mixed[place] * factor + shift))
                result[text, permutation] = least
            start += size


@kernel
def _least_64(
    hashes: npt.NDArray[np.uint64],
    counts: npt.NDArray[np.int64],
    factors: npt.NDArray[np.uint64],
    shifts: npt.NDArray[np.uint64],
    result: npt.NDArray[np.uint64],
) -> None:
    mixed = np.empty(BLOCK, np.uint64)
    shift_1, factor_1, shift_2, factor_2, shift_3 = _FMIX_64
    start = 0
    for text in range(len(counts)):
        end = start + counts[text]
        while start < end:
            size = min(BLOCK, end - start)
            for place in range(size):
                value = hashes[start + place]
                value = (value ^ (value >> shift_1)) * factor_1
                value = (value ^ (value >> shift_2)) * factor_2
                mixed[place] = value ^ (value >> shift_3)
            for permutation in range(len(factors)):
                factor, shift = factors[permutation], shifts[permutation]
                least = result[text, permutation]
                for place in range(size):
                    least = min(least, mixed[place] * factor + shift)
                result[text, permutation] = least
            start += size
