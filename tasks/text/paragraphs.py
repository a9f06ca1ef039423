"""Paragraphs of documents as spans of the UTF-8 bytes of an Arrow column, with the letters in each.

A paragraph is the text between two line feeds. A letter is a character of a Unicode category L, by Python's tables.
Cost: one compiled pass over the bytes, about 400 MB/s a core; each process builds the table of letters once, in 0.1 s.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.tasks.fasttext.dictionary import Bytes, Ints, Longs
from gristmill.tasks.fasttext.predict import string_buffers
from gristmill.tasks.kernels.lines.paragraphs import split_paragraphs
from gristmill.tasks.text.code_points import categories


@dataclass(frozen=True)
class Paragraphs:
    """``data[starts[i]:ends[i]]`` is a paragraph of the text numbered ``texts[i]``, with ``letters[i]`` letters.

    Empty paragraphs are included. ``text_letters``: letters of each whole text.
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
    split_paragraphs(
        data, offsets, letter_table(), found.texts, found.starts, found.ends, found.letters, found.text_letters
    )
    return found


@lru_cache(maxsize=1)
def letter_table() -> npt.NDArray[np.bool_]:
    """Whether each code point is a letter. As long as UTF-8 can spell, so that broken bytes stay inside."""
    letters = np.zeros(0x200000, np.bool_)
    _, kinds = categories()
    letters[: len(kinds)] = kinds == b"L"
    return letters
