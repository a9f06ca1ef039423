"""Paragraphs of documents as spans of the UTF-8 bytes of an Arrow column, with the letters in each.

A paragraph is what stands between two line feeds. A letter is a character of a Unicode category L, by Python's tables.
Cost: one compiled pass over the bytes, about 400 MB/s a core; the table of letters is made once in a process, in 0.1 s.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from gristmill.tasks.fasttext.dictionary import Bytes, Ints, Longs
from gristmill.tasks.fasttext.predict import string_buffers
from gristmill.tasks.text.code_points import categories


@dataclass(frozen=True)
class Paragraphs:
    """``data[starts[i]:ends[i]]`` is a paragraph of the text numbered ``texts[i]``, with ``letters[i]`` letters.

    Empty paragraphs are there too. ``text_letters``: letters of each whole text.
    """

    data: Bytes
    texts: Ints
    starts: Longs
    ends: Longs
    letters: Ints
    text_letters: Ints


def paragraphs(texts: pa.Array) -> Paragraphs:
    """Every paragraph of every text, in order. ``texts`` are Arrow strings without nulls."""
    data, offsets = string_buffers(texts)
    inside = data[offsets[0] : offsets[-1]] if len(texts) else data[:0]
    count = len(texts) + int(np.count_nonzero(inside == ord("\n")))
    found = Paragraphs(
        data=data,
        texts=np.empty(count, np.int32),
        starts=np.empty(count, np.int64),
        ends=np.empty(count, np.int64),
        letters=np.empty(count, np.int32),
        text_letters=np.zeros(len(texts), np.int32),
    )
    _split(data, offsets, letter_table(), found.texts, found.starts, found.ends, found.letters, found.text_letters)
    return found


@lru_cache(maxsize=1)
def letter_table() -> npt.NDArray[np.bool_]:
    """Whether each code point is a letter. As long as UTF-8 can spell, so that broken bytes stay inside."""
    letters = np.zeros(0x200000, np.bool_)
    _, kinds = categories()
    letters[: len(kinds)] = kinds == b"L"
    return letters


@njit(cache=True, nogil=True)
def _split(
    data: Bytes,
    offsets: Longs,
    is_letter: npt.NDArray[np.bool_],
    texts: Ints,
    starts: Longs,
    ends: Longs,
    letters: Ints,
    text_letters: Ints,
) -> None:
    row = 0
    for text in range(len(offsets) - 1):
        start, count = offsets[text], 0
        place, end = offsets[text], offsets[text + 1]
        while place <= end:
            if place == end or data[place] == 10:
                texts[row], starts[row], ends[row], letters[row] = text, start, place, count
                text_letters[text] += count
                row += 1
                start, count = place + 1, 0
                place += 1
                continue
            byte = np.uint32(data[place])
            if byte < 0x80:
                count += is_letter[byte]
                place += 1
            elif byte < 0xE0:
                count += is_letter[(byte & 0x1F) << 6 | data[place + 1] & 0x3F]
                place += 2
            elif byte < 0xF0:
                count += is_letter[(byte & 0x0F) << 12 | (data[place + 1] & 0x3F) << 6 | data[place + 2] & 0x3F]
                place += 3
            else:
                high = (byte & 0x07) << 18 | np.uint32(data[place + 1] & 0x3F) << 12
                count += is_letter[high | (data[place + 2] & 0x3F) << 6 | data[place + 3] & 0x3F]
                place += 4
