"""Sums over the tokens and lines of each text that Gopher's quality rules ask for.

Cost: about 1.5 ns a byte.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gristmill.tasks.kernels.common.compiled import kernel
from gristmill.tasks.kernels.tokens.whitespace_split import LETTER, NOT_SYMBOL

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int32]
Positions = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]

STOP, NUMBER_SIGN = 0x2E, 0x23


class WordList(NamedTuple):
    """Words by their hashes, in an open-addressing table: 0 is a free slot; a power of two of slots.

    ``number``: of the word in each slot. ``filter``: set of the first 12 bits of the hashes, a byte each.
    """

    keys: Hashes
    number: Places
    filter: Bytes
    words: int


@kernel
def sum_tokens(hashes: Hashes, length: Places, flags: Bytes, offsets: Positions, words: WordList) -> Positions:
    """An array of shape (texts, 4): words, characters of words, tokens with a letter, distinct words of the list."""
    result = np.zeros((len(offsets) - 1, 4), np.int64)
    met = np.full(words.words, -1, np.int64)
    mask = np.uint64(len(words.keys) - 1)
    for text in range(len(offsets) - 1):
        count, characters, letters, distinct = np.int64(0), np.int64(0), 0, 0
        for token in range(offsets[text], offsets[text + 1]):
            word = np.int64(flags[token] & NOT_SYMBOL != 0)
            count += word
            characters += word * length[token]
            letters += flags[token] & LETTER != 0
            key = hashes[token]
            if words.filter[key & np.uint64(0xFFF)]:
                slot = key & mask
                while words.keys[slot] != 0 and words.keys[slot] != key:
                    slot = (slot + np.uint64(1)) & mask
                if words.keys[slot] == key and met[words.number[slot]] != text:
                    met[words.number[slot]] = text
                    distinct += 1
        result[text, 0], result[text, 1], result[text, 2], result[text, 3] = count, characters, letters, distinct
    return result


@kernel
def count_marks(data: Bytes, bounds: Positions) -> Positions:
    """An array of shape (texts, 2): number signs, and ellipses (``...`` from left to right, and the one character)."""
    result = np.zeros((len(bounds) - 1, 2), np.int64)
    for text in range(len(bounds) - 1):
        signs, ellipses, stops = 0, 0, 0
        part = data[bounds[text] : bounds[text + 1]]
        for at, byte in enumerate(part):
            signs += byte == NUMBER_SIGN
            if byte == STOP:
                stops += 1
                if stops == 3:
                    ellipses += 1
                    stops = 0
                continue
            stops = 0
            if byte == 0xA6 and at >= 2 and part[at - 1] == 0x80 and part[at - 2] == 0xE2:
                ellipses += 1
        result[text, 0], result[text, 1] = signs, ellipses
    return result


@kernel
def sum_lines(
    data: Bytes, start: Places, end: Places, offsets: Positions, bullets: Bytes, bullet_bounds: Positions
) -> Positions:
    """An array of shape (texts, 3): lines, lines that begin with a bullet, lines that end in an ellipsis.

    ``start``, ``end``: bytes of each line without white space; lines ``offsets[i]:offsets[i + 1]`` are those of text i.
    ``bullets``: their bytes one after the other, with bullets + 1 bounds.
    """
    result = np.zeros((len(offsets) - 1, 3), np.int64)
    for text in range(len(offsets) - 1):
        result[text, 0] = offsets[text + 1] - offsets[text]
        for line in range(offsets[text], offsets[text + 1]):
            first, stop = start[line], end[line]
            for bullet in range(len(bullet_bounds) - 1):
                low, high = bullet_bounds[bullet], bullet_bounds[bullet + 1]
                same = first + high - low <= stop
                at = low
                while same and at < high:
                    same = data[first + at - low] == bullets[at]
                    at += 1
                if same:
                    result[text, 1] += 1
                    break
            if stop - first >= 3:
                last = data[stop - 1]
                dots = last == STOP and data[stop - 2] == STOP and data[stop - 3] == STOP
                one = last == 0xA6 and data[stop - 2] == 0x80 and data[stop - 3] == 0xE2
                result[text, 2] += dots or one
    return result
