"""FineWeb's own signals. Source: Penedo et al. 2024, section 3.6; datatrove 0.10 ``fineweb_quality_filter.py``.

FineWeb runs these rules on the text that its C4 step leaves, so ``signals/fineweb`` is measured on that text
(``gristmill.tasks.signals.c4.text_left``); ``fineweb_columns`` measures texts as they are, as FineWeb-2 does, which
runs no C4.

Lines are the pieces between line feeds that hold more than white space. ``dup_line_char_ratio`` differs from Gopher's
column of that name: other lines, and line feeds do not count in its denominator. A document without such lines, which
upstream drops as empty, has 0 in every column but ``newline_word_ratio``.

Cost: about 2 ns a byte.
"""

import numpy as np
import pyarrow as pa

from gristmill.core.config import Config
from gristmill.tasks.kernels.lines.duplicate_lines import line_ends
from gristmill.tasks.text.columns import Bytes, Positions, Words
from gristmill.tasks.text.lines import Floats, ratio
from gristmill.tasks.text.punctuation import TERMINAL
from gristmill.tasks.text.slices import utf8_of
from gristmill.tasks.tokenization.words import Tokens


class FineWebConfig(Config):
    """A line of at most ``short_line_characters`` is short; each of ``stop_characters`` ends a sentence."""

    short_line_characters: int = 30
    stop_characters: str = "".join(sorted(TERMINAL))


def fineweb_columns(texts: pa.Array, tokens: Tokens, config: FineWebConfig) -> dict[str, Floats]:
    """Every column of ``signals/fineweb`` but ``doc_id``, of ``texts`` as they are. ``tokens``: any splitter's."""
    return columns_of(*utf8_of(texts), tokens.counts, config)


def columns_of(data: Bytes, bounds: Positions, words: Positions, config: FineWebConfig) -> dict[str, Floats]:
    """The same of the texts ``data[bounds[i]:bounds[i + 1]]``, which have ``words`` tokens each."""
    lines, ended, short, repeated, newlines, characters = line_ends(
        data, bounds, config.short_line_characters, _code_points(config.stop_characters)
    ).T
    return {
        "punct_line_ratio": ratio(ended, lines),
        "short_line_ratio": ratio(short, lines),
        "dup_line_char_ratio": ratio(repeated, characters),
        "newline_word_ratio": ratio(newlines, words),
    }


def _code_points(characters: str) -> Words:
    return np.unique(np.array([ord(character) for character in characters], np.uint32))
