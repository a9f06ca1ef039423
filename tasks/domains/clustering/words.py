"""The words of texts in any language as hashes: what clusters are made of, and what they are called after.

Words are those of the signals (``gristmill.tasks.tokenization``): jieba's in a text whose beginning is Han by a fifth
or more, else spaCy's English rules. They are taken in lower case; only those with a letter and of 2 to 40 characters
count, so marks and numbers do not; in Han texts one character may be a word, as it is in classical Chinese. Languages
without spaces other than Chinese (Thai, and kana in Japanese) come out as whole phrases, which say little. Cost: about
40 MB/s a core, in Chinese 15.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from gristmill.tasks.tokenization.segment import Split, jieba
from gristmill.tasks.tokenization.words import Tokens, tokenize, tokens_from_characters

HAN = r"\p{Han}"
HAN_SHARE, TELLING = 0.2, 1_000
SHORTEST, LONGEST = 2, 40

Hashes = npt.NDArray[np.uint64]
Positions = npt.NDArray[np.int64]


@dataclass(frozen=True)
class WordHashes:
    """The words of some texts: ``rows`` are the texts' numbers, ``counts`` how many words each has; ``hashes`` are
    theirs, text after text, ``lengths`` their characters, and ``start`` and ``end`` where each stands in ``data``."""

    rows: Positions
    counts: Positions
    hashes: Hashes
    lengths: npt.NDArray[np.int32]
    data: npt.NDArray[np.uint8]
    start: npt.NDArray[np.int32]
    end: npt.NDArray[np.int32]

    def word(self, place: int) -> str:
        """The word at a place."""
        return self.data[self.start[place] : self.end[place]].tobytes().decode("utf-8")


def word_hashes(texts: pl.Series) -> list[WordHashes]:
    """The words of texts, in at most two parts: texts in Han characters, and the others."""
    small = texts.str.to_lowercase()
    head = small.str.slice(0, TELLING)
    han = (head.str.count_matches(HAN) >= HAN_SHARE * head.str.len_chars()) & (head != "")
    parts = []
    for mask, make, shortest in ((~han, tokenize, SHORTEST), (han, _chinese, 1)):
        rows = mask.arg_true().to_numpy().astype(np.int64)
        if len(rows):
            column = small.filter(mask).to_arrow(compat_level=pl.CompatLevel.oldest()).cast(pa.string())
            parts.append(_kept(make(column), rows, shortest))
    return parts


def _kept(tokens: Tokens, rows: Positions, shortest: int) -> WordHashes:
    keep = tokens.is_alphabetic & (tokens.length >= shortest) & (tokens.length <= LONGEST)
    return WordHashes(
        rows,
        tokens.total(keep),
        tokens.hashes[keep],
        tokens.length[keep],
        tokens.data,
        tokens.start[keep],
        tokens.end[keep],
    )


def _chinese(texts: pa.Array) -> Tokens:
    words = _jieba()(texts)
    return tokens_from_characters(texts, words.start, words.end, words.offsets)


@lru_cache(maxsize=1)
def _jieba() -> Split:
    return jieba().load()
