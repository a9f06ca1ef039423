"""Texts cut at white space: a chunk is what ``str.split`` gives. One pass over the UTF-8 bytes of a column.

Cost: about 3 ns a byte of prose; 24 bytes of memory a chunk (twelve a byte are reserved, and not touched).
"""

import numpy as np
import numpy.typing as npt

from gristmill.tasks.kernels.common.compiled import helper, kernel

Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint32]
Places = npt.NDArray[np.int32]
Positions = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]

# Properties of characters, made by ``gristmill.tasks.text.characters``. The low byte, or-ed over a token, is the
# token's flags.
NOT_SYMBOL, LETTER, NOT_PUNCTUATION, SENTENCE_END, EAST = 1, 2, 4, 8, 16
SPACE, LOWER, UPPER, ALPHA, DIGIT, NOT_DIGIT = 1 << 8, 1 << 9, 1 << 10, 1 << 11, 1 << 12, 1 << 13
MARK, PREFIX, CURRENCY, ICON, INFIX = 1 << 14, 1 << 15, 1 << 16, 1 << 17, 1 << 18
BEFORE_STOP, QUOTE, ADDRESS, WORD, NUMBER = 1 << 19, 1 << 20, 1 << 21, 1 << 22, 1 << 23
BEGINS, ENDS = 1 << 24, 1 << 25  # may begin a prefix, may end a suffix

SEED, FACTOR = 0xCBF29CE484222325, 0x9E3779B97F4A7C15


@kernel
def find_chunks(
    data: Bytes, bounds: Positions, table: Words
) -> tuple[Places, Places, Places, Words, Hashes, Positions]:
    """Every chunk of every text.

    ``bounds``: texts + 1; text i is ``data[bounds[i]:bounds[i + 1]]``. ``table``: properties by code point, the last
    entry for all beyond. Returns, for each chunk, its first byte, the byte after it, its characters, their properties
    or-ed, and the hash of its bytes (unmixed); and texts + 1 offsets into these.
    """
    most = (bounds[-1] - bounds[0] + len(bounds)) // 2 + 1  # white space or a bound follows each
    start, end, length = np.empty(most, np.int32), np.empty(most, np.int32), np.empty(most, np.int32)
    bits, value = np.empty(most, np.uint32), np.empty(most, np.uint64)
    offsets = np.zeros(len(bounds), np.int64)
    beyond = np.uint32(len(table) - 1)
    count = 0
    for text in range(len(bounds) - 1):
        at, stop = bounds[text], bounds[text + 1]
        first, characters, seen, hashed = at, 0, np.uint32(0), np.uint64(SEED)
        while at < stop:
            byte = data[at]
            width = 1
            properties = table[byte]
            if byte >= 0x80:
                width, code = _decode(data, at)
                properties = table[min(code, beyond)]
            if properties & np.uint32(SPACE):
                if characters:
                    start[count], end[count], length[count] = first, at, characters
                    bits[count], value[count] = seen, hashed
                    count += 1
                    characters, seen, hashed = 0, np.uint32(0), np.uint64(SEED)
                at += width
                first = at
                continue
            hashed = (hashed ^ np.uint64(byte)) * np.uint64(FACTOR)
            for place in range(at + 1, at + width):
                hashed = (hashed ^ np.uint64(data[place])) * np.uint64(FACTOR)
            seen |= properties
            characters += 1
            at += width
        if characters:
            start[count], end[count], length[count] = first, at, characters
            bits[count], value[count] = seen, hashed
            count += 1
        offsets[text + 1] = count
    return start[:count], end[:count], length[:count], bits[:count], value[:count], offsets


@helper
def _decode(data: Bytes, at: int) -> tuple[int, np.uint32]:
    """Bytes and code point of the character at ``at``, which is not ASCII."""
    first = np.uint32(data[at])
    low = np.uint32(data[at + 1] & 0x3F)
    if first < 0xE0:
        return 2, (first & np.uint32(0x1F)) << np.uint32(6) | low
    low = low << np.uint32(6) | np.uint32(data[at + 2] & 0x3F)
    if first < 0xF0:
        return 3, (first & np.uint32(0x0F)) << np.uint32(12) | low
    low = low << np.uint32(6) | np.uint32(data[at + 3] & 0x3F)
    return 4, (first & np.uint32(0x07)) << np.uint32(18) | low
