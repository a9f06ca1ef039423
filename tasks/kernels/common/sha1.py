"""The first 8 bytes of SHA-1 of many short byte strings in one buffer, as little-endian integers.

SHA-1 as FIPS 180-4 has it, over ``LANES`` strings side by side: each of the 80 turns is a loop over lanes that the
compiler turns into vector instructions. Equal to ``hashlib.sha1``. datasketch and FineWeb hash shingles with it; here
it is a fingerprint, not a protection.

Cost: about 90 ns a string of up to 55 bytes, a tenth of a call of ``hashlib``; then 90 ns a block of 64 bytes of the
longest string of its 128 lanes.
"""

import numpy as np
import numpy.typing as npt

from gristmill.tasks.kernels.common.compiled import kernel

LANES = 128  # five registers, 16 words of message: 10 kB, in the first-level cache

_START = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0)
_CHOOSE = np.uint32(0x5A827999)
_PARITY_1 = np.uint32(0x6ED9EBA1)
_MAJORITY = np.uint32(0x8F1BBCDC)
_PARITY_2 = np.uint32(0xCA62C1D6)

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint32]


def hash_spans(data: Bytes, starts: Places, ends: Places) -> npt.NDArray[np.uint64]:
    """SHA-1 of ``data[starts[i]:ends[i]]`` for every i: its first 8 bytes, little-endian. Shape ``(spans,)``."""
    hashes = np.empty(len(starts), np.uint64)
    _hash_spans(data, starts, ends, np.array(_START, np.uint32), hashes)
    return hashes


@kernel
def _hash_spans(data: Bytes, starts: Places, ends: Places, initial: Words, hashes: npt.NDArray[np.uint64]) -> None:
    state = np.empty((5, LANES), np.uint32)
    turned = np.empty((5, LANES), np.uint32)
    words = np.zeros((16, LANES), np.uint32)
    for first in range(0, len(starts), LANES):
        lanes = min(LANES, len(starts) - first)
        longest = 0
        for lane in range(lanes):
            longest = max(longest, int(ends[first + lane] - starts[first + lane]))
        for register in range(5):
            state[register, :] = initial[register]
        for block in range(_blocks(longest)):
            for lane in range(lanes):
                start = int(starts[first + lane])
                _load(data, start, int(ends[first + lane]) - start, block, words, lane)
            turned[:] = state
            _compress(turned, words)
            for lane in range(lanes):
                if block < _blocks(int(ends[first + lane] - starts[first + lane])):
                    for register in range(5):
                        state[register, lane] += turned[register, lane]
        for lane in range(lanes):
            low, high = _reversed(state[0, lane]), _reversed(state[1, lane])
            hashes[first + lane] = np.uint64(low) | np.uint64(high) << np.uint64(32)


@kernel
def _blocks(length: int) -> int:
    """Blocks of 64 bytes of a message of so many bytes with its padding."""
    return (length + 8) // 64 + 1


@kernel
def _load(data: Bytes, start: int, length: int, block: int, words: Words, lane: int) -> None:
    """Block number ``block`` of the padded message as 16 big-endian words of a lane; anything after its end."""
    at = 64 * block
    whole = min(16, max(0, (length - at) >> 2))
    place = np.uint64(start + at)  # unsigned, so it never counts from the end and the four bytes become one load
    for word in range(whole):
        words[word, lane] = (
            np.uint32(data[place]) << np.uint32(24)
            | np.uint32(data[place + np.uint64(1)]) << np.uint32(16)
            | np.uint32(data[place + np.uint64(2)]) << np.uint32(8)
            | np.uint32(data[place + np.uint64(3)])
        )
        place += np.uint64(4)
    for word in range(whole, 16):
        words[word, lane] = 0
    if whole < 16 and at <= length:
        rest = at + 4 * whole
        last = np.uint32(0x80) << np.uint32(8 * (3 - (length - rest)))
        for byte in range(rest, length):
            last |= np.uint32(data[start + byte]) << np.uint32(8 * (3 - (byte - rest)))
        words[whole, lane] = last
    if block == _blocks(length) - 1:
        words[14, lane] = np.uint32(length >> 29)
        words[15, lane] = np.uint32((length << 3) & 0xFFFFFFFF)


@kernel
def _compress(registers: Words, words: Words) -> None:
    """The 80 turns of one block; registers change roles instead of places. The schedule overwrites ``words``."""
    for turn in range(80):
        slot = turn & 15
        if turn >= 16:
            _schedule(words[(turn + 13) & 15], words[(turn + 8) & 15], words[(turn + 2) & 15], words[slot])
        first = (80 - turn) % 5  # the last of five becomes the new first
        a, b, c = registers[first], registers[(first + 1) % 5], registers[(first + 2) % 5]
        d, e = registers[(first + 3) % 5], registers[(first + 4) % 5]
        if turn < 20:
            _choose(a, b, c, d, e, words[slot])
        elif 40 <= turn < 60:
            _majority(a, b, c, d, e, words[slot])
        else:
            _parity(a, b, c, d, e, words[slot], _PARITY_1 if turn < 40 else _PARITY_2)


@kernel
def _schedule(first: Words, second: Words, third: Words, word: Words) -> None:
    for lane in range(LANES):
        word[lane] = _rotated(first[lane] ^ second[lane] ^ third[lane] ^ word[lane], 1)


@kernel
def _choose(a: Words, b: Words, c: Words, d: Words, e: Words, word: Words) -> None:
    for lane in range(LANES):
        mixed = d[lane] ^ (b[lane] & (c[lane] ^ d[lane]))
        e[lane] = np.uint32(_rotated(a[lane], 5) + mixed + e[lane] + word[lane] + _CHOOSE)
        b[lane] = _rotated(b[lane], 30)


@kernel
def _parity(a: Words, b: Words, c: Words, d: Words, e: Words, word: Words, constant: np.uint32) -> None:
    for lane in range(LANES):
        mixed = b[lane] ^ c[lane] ^ d[lane]
        e[lane] = np.uint32(_rotated(a[lane], 5) + mixed + e[lane] + word[lane] + constant)
        b[lane] = _rotated(b[lane], 30)


@kernel
def _majority(a: Words, b: Words, c: Words, d: Words, e: Words, word: Words) -> None:
    for lane in range(LANES):
        mixed = (b[lane] & c[lane]) | (d[lane] & (b[lane] | c[lane]))
        e[lane] = np.uint32(_rotated(a[lane], 5) + mixed + e[lane] + word[lane] + _MAJORITY)
        b[lane] = _rotated(b[lane], 30)


@kernel
def _rotated(value: np.uint32, bits: int) -> np.uint32:
    return np.uint32((value << np.uint32(bits)) | (value >> np.uint32(32 - bits)))


@kernel
def _reversed(value: np.uint32) -> np.uint32:
    """The bytes in the opposite order."""
    pairs = (value & np.uint32(0x00FF00FF)) << np.uint32(8) | (value >> np.uint32(8)) & np.uint32(0x00FF00FF)
    return np.uint32(np.uint32(pairs) << np.uint32(16) | np.uint32(pairs) >> np.uint32(16))
