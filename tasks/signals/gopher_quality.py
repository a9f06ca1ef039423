"""Gopher quality signals. Source: Rae et al. 2021, table A1; formulas of datatrove 0.10 ``gopher_quality_filter.py``.

The denominators count every token, as upstream counts punctuation marks among its words, while ``words`` and
``mean_word_length`` leave tokens of symbols alone out. A document without words or without lines has 0 in every column,
where upstream divides by zero. Stop words match case and all, as upstream.

Cost: about 3 ns a byte, apart from the tokens.
"""

from functools import lru_cache

import numpy as np
import pyarrow as pa

from gristmill.core.config import Config
from gristmill.tasks.kernels.counts.gopher_quality import WordList, count_marks, sum_lines, sum_tokens
from gristmill.tasks.text.columns import Bytes, Column, Lines, Positions, column_of, lines_of
from gristmill.tasks.text.lines import Floats, ratio
from gristmill.tasks.tokenization.words import Places, Tokens, hash_word


class GopherQualityConfig(Config):
    """``stop_words`` are counted as distinct tokens of the text; ``bullets`` start a bulleted line."""

    stop_words: tuple[str, ...] = ("the", "be", "to", "of", "and", "that", "have", "with")
    bullets: tuple[str, ...] = ("•", "-")


def quality_columns(texts: pa.Array, tokens: Tokens, config: GopherQualityConfig) -> dict[str, Floats | Places]:
    """Every column of ``signals/gopher_quality`` but ``doc_id``. ``tokens``: of ``texts``, by any splitter."""
    column = column_of(texts)
    return columns_of(column, lines_of(column), tokens, config)


def columns_of(column: Column, lines: Lines, tokens: Tokens, config: GopherQualityConfig) -> dict[str, Floats | Places]:
    """The same, where the column is cut already."""
    stop_words = _word_list(config.stop_words)
    words, characters, letters, distinct = sum_tokens(
        tokens.hashes, tokens.length, tokens.flags, tokens.offsets, stop_words
    ).T
    signs, ellipses = count_marks(column.data, column.bounds).T
    line_count, bulleted, trailing = sum_lines(
        column.data, lines.start, lines.end, lines.offsets, *_joined(config.bullets)
    ).T
    return {
        "words": words.astype(np.int32),
        "mean_word_length": ratio(characters, words),
        "hash_word_ratio": ratio(signs, tokens.counts),
        "ellipsis_word_ratio": ratio(ellipses, tokens.counts),
        "bullet_line_ratio": ratio(bulleted, line_count),
        "ellipsis_line_ratio": ratio(trailing, line_count),
        "alpha_word_ratio": ratio(letters, tokens.counts),
        "stop_words": distinct.astype(np.int32),
    }


@lru_cache(maxsize=64)
def _word_list(words: tuple[str, ...]) -> WordList:
    """The distinct words as the kernel reads them."""
    distinct = list(dict.fromkeys(words))
    size = 1 << max(4, (4 * len(distinct)).bit_length())
    keys, number, members = np.zeros(size, np.uint64), np.zeros(size, np.int32), np.zeros(1 << 12, np.uint8)
    for place, word in enumerate(distinct):
        key = hash_word(word)
        members[key & 0xFFF] = 1
        slot = key & (size - 1)
        while keys[slot]:
            slot = (slot + 1) & (size - 1)
        keys[slot], number[slot] = key, place
    return WordList(keys, number, members, max(len(distinct), 1))


def _joined(strings: tuple[str, ...]) -> tuple[Bytes, Positions]:
    encoded = [string.encode() for string in strings]
    bounds = np.zeros(len(encoded) + 1, np.int64)
    bounds[1:] = np.cumsum([len(string) for string in encoded])
    return np.frombuffer(b"".join(encoded) or b"\0", np.uint8), bounds
