"""The dictionary of a fastText model: compiled loops that read it and look words up in it.

Source: ``Dictionary::load``, ``hash``, ``find`` of fastText's ``dictionary.cc`` (MIT).
Cost: 50 million bytes a second to read; a look-up is one hash over the word and about one comparison.
"""

import numpy as np
import numpy.typing as npt
from numba import njit

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]

FNV_OFFSET, FNV_PRIME = np.uint32(2166136261), np.uint32(16777619)


@njit(cache=True, nogil=True, inline="always")
def fnv_step(hashed: np.uint32, byte: np.uint8) -> np.uint32:
    """One byte into FNV-1a; fastText extends bytes above 127 by their sign."""
    return np.uint32((hashed ^ np.uint32(np.int32(np.int8(byte)))) * FNV_PRIME)


@njit(cache=True, nogil=True)
def fnv(data: Bytes, start: int, end: int) -> np.uint32:
    """FNV-1a of ``data[start:end]``."""
    hashed = FNV_OFFSET
    for place in range(start, end):
        hashed = fnv_step(hashed, data[place])
    return hashed


@njit(cache=True, nogil=True)
def find_word(data: Bytes, start: int, end: int, hashed: np.uint32, words: Bytes, ends: Longs, table: Ints) -> int:
    """The entry that is ``data[start:end]``, -1 where there is none."""
    mask = len(table) - 1
    slot = np.int64(hashed) & mask
    while table[slot] >= 0:
        entry = table[slot]
        first = ends[entry]
        if ends[entry + 1] - first == end - start:
            same = 0
            while same < end - start and words[first + same] == data[start + same]:
                same += 1
            if same == end - start:
                return int(entry)
        slot = (slot + 1) & mask
    return -1


@njit(cache=True, nogil=True)
def scan_dictionary(data: Bytes, place: int, size: int, n_words: int) -> tuple[Longs, Longs, int]:
    """Start and end of each of ``size`` entries (word, zero, 8 bytes of count, 1 of kind) and where they end.

    The place is -1 when the data end too early or a label stands before a word.
    """
    starts, ends = np.empty(size, np.int64), np.empty(size, np.int64)
    for entry in range(size):
        starts[entry] = place
        while place < len(data) and data[place] != 0:
            place += 1
        ends[entry] = place
        place += 10
        if place > len(data) or (data[place - 1] == 1) != (entry >= n_words):
            return starts, ends, -1
    return starts, ends, place


@njit(cache=True, nogil=True)
def copy_words(data: Bytes, starts: Longs, ends: Longs, targets: Longs) -> Bytes:
    """The entries end to end; entry ``i`` goes to ``targets[i]``."""
    words = np.empty(targets[-1], np.uint8)
    for entry in range(len(starts)):
        for place in range(starts[entry], ends[entry]):
            words[targets[entry] + place - starts[entry]] = data[place]
    return words


@njit(cache=True, nogil=True)
def hash_table(words: Bytes, ends: Longs) -> Ints:
    """Open addressing by hash: the entry in each slot, -1 where free; twice to four times as many slots as entries."""
    slots = 16
    while slots < 2 * (len(ends) - 1):
        slots *= 2
    table = np.full(slots, -1, np.int32)
    for entry in range(len(ends) - 1):
        slot = np.int64(fnv(words, ends[entry], ends[entry + 1])) & (slots - 1)
        while table[slot] >= 0:
            slot = (slot + 1) & (slots - 1)
        table[slot] = entry
    return table
