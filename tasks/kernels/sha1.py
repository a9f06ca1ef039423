"""The first 8 bytes of SHA-1 of many short byte strings in one buffer, as little-endian integers.

SHA-1 as FIPS 180-4 has it, with its 16-word message schedule in place; equal to ``hashlib.sha1``. It is datasketch's
and FineWeb's hash of shingles, a fingerprint here and no protection.

Cost: about 250 ns a block of 64 bytes, a third of a call of ``hashlib``; a string of up to 55 bytes is one block.
"""

import numpy as np
import numpy.typing as npt
from numba import njit

_ROUND_1 = np.uint32(0x5A827999)
_ROUND_2 = np.uint32(0x6ED9EBA1)
_ROUND_3 = np.uint32(0x8F1BBCDC)
_ROUND_4 = np.uint32(0xCA62C1D6)
_START = np.array([0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0], np.uint32)


@njit(cache=True, nogil=True)
def hash_spans(
    data: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]
) -> npt.NDArray[np.uint64]:
    """SHA-1 of ``data[starts[i]:ends[i]]`` for every i: its first 8 bytes, little-endian. Shape ``(spans,)``."""
    hashes = np.empty(len(starts), np.uint64)
    words = np.empty(16, np.uint32)
    state = np.empty(5, np.uint32)
    for place in range(len(starts)):
        length = ends[place] - starts[place]
        state[:] = _START
        for block in range((length + 8) // 64 + 1):
            _load(data, starts[place], length, block, words)
            _compress(state, words)
        hashes[place] = np.uint64(_reversed(state[0])) | np.uint64(_reversed(state[1])) << np.uint64(32)
    return hashes


@njit(cache=True, nogil=True)
def _load(data: npt.NDArray[np.uint8], start: int, length: int, block: int, words: npt.NDArray[np.uint32]) -> None:
    """Block number ``block`` of the padded message as 16 big-endian words."""
    first = 64 * block
    if first + 64 <= length:
        for word in range(16):
            at = start + first + 4 * word
            words[word] = _word(data[at], data[at + 1], data[at + 2], data[at + 3])
        return
    words[:] = np.uint32(0)
    for at in range(first, min(length, first + 64)):
        words[(at - first) >> 2] |= np.uint32(np.uint32(data[start + at]) << np.uint32(8 * (3 - (at & 3))))
    if first <= length:
        words[(length - first) >> 2] |= np.uint32(np.uint32(0x80) << np.uint32(8 * (3 - (length & 3))))
    if first + 64 >= length + 9:
        words[14] = np.uint32(length >> 29)
        words[15] = np.uint32((length << 3) & 0xFFFFFFFF)


@njit(cache=True, nogil=True)
def _compress(state: npt.NDArray[np.uint32], words: npt.NDArray[np.uint32]) -> None:
    """Mix one block into the state; the schedule overwrites ``words``."""
    a, b, c, d, e = state[0], state[1], state[2], state[3], state[4]
    for turn in range(80):
        slot = turn & 15
        if turn >= 16:
            words[slot] = _rotated(
                words[(turn + 13) & 15] ^ words[(turn + 8) & 15] ^ words[(turn + 2) & 15] ^ words[slot], 1
            )
        if turn < 20:
            mixed = np.uint32(d ^ (b & (c ^ d)))
            mixed = np.uint32(mixed + _ROUND_1)
        elif turn < 40:
            mixed = np.uint32((b ^ c ^ d) + _ROUND_2)
        elif turn < 60:
            mixed = np.uint32(((b & c) | (d & (b | c))) + _ROUND_3)
        else:
            mixed = np.uint32((b ^ c ^ d) + _ROUND_4)
        total = np.uint32(_rotated(a, 5) + mixed + e + words[slot])
        e, d, c, b, a = d, c, _rotated(b, 30), a, total
    state[0] += a
    state[1] += b
    state[2] += c
    state[3] += d
    state[4] += e


@njit(cache=True, nogil=True)
def _rotated(value: np.uint32, bits: int) -> np.uint32:
    return np.uint32((value << np.uint32(bits)) | (value >> np.uint32(32 - bits)))


@njit(cache=True, nogil=True)
def _word(first: np.uint8, second: np.uint8, third: np.uint8, fourth: np.uint8) -> np.uint32:
    return np.uint32(
        np.uint32(first) << np.uint32(24)
        | np.uint32(second) << np.uint32(16)
        | np.uint32(third) << np.uint32(8)
        | np.uint32(fourth)
    )


@njit(cache=True, nogil=True)
def _reversed(value: np.uint32) -> np.uint32:
    """The bytes in the opposite order."""
    pairs = np.uint32((value & np.uint32(0x00FF00FF)) << np.uint32(8)) | np.uint32(
        (value >> np.uint32(8)) & np.uint32(0x00FF00FF)
    )
    return np.uint32(np.uint32(pairs << np.uint32(16)) | np.uint32(pairs >> np.uint32(16)))
