"""Gopher repetition signals. Source: Rae et al. 2021, table A1; datatrove 0.10 ``gopher_repetition_filter.py``.

Lines are the pieces between runs of line feeds, paragraphs those between runs of two or more in the stripped text; the
first occurrence is not a repetition. A word is any token, marks too. Denominator of every character ratio is the length
of the text, white space and all. A document without words has 0 for its n-grams.

The most frequent n-gram (the earliest among equals) counts its characters, with one space between words, times its
occurrences, even when it occurs once. Repeated n-grams are found from left to right: one seen before counts its
characters without spaces and is skipped; one not seen before is remembered, and the search moves on by one word.

n-grams are equal when their words are. Upstream compares the words glued together, so that ``1 10`` equals ``11 0`` to
it; docs/signals.md says how rarely that matters. Cost: about 5 ns a byte of prose, apart from the tokens
(``kernels/ngrams/repeated_ngrams.py``, ``kernels/lines/duplicate_lines.py``).
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.tasks.kernels.lines.duplicate_lines import repeated_pieces
from gristmill.tasks.kernels.ngrams.repeated_ngrams import n_gram_characters
from gristmill.tasks.text.lines import Floats, ratio
from gristmill.tasks.text.slices import utf8_of
from gristmill.tasks.tokenization.words import Tokens

TOP = (2, 3, 4)
REPEATED = (5, 6, 7, 8, 9, 10)


def repetition_columns(texts: pa.Array, tokens: Tokens) -> dict[str, Floats]:
    """Every column of ``signals/gopher_repetition`` but ``doc_id``. ``tokens``: of ``texts``, by any splitter."""
    data, bounds = utf8_of(texts)
    characters = pc.utf8_length(texts).to_numpy(zero_copy_only=False)
    columns = {}
    for name, line_feeds, strip in (("line", 1, False), ("paragraph", 2, True)):
        pieces, again, repeated = repeated_pieces(data, bounds, line_feeds, strip).T
        columns[f"dup_{name}_ratio"] = ratio(again, pieces)
        columns[f"dup_{name}_char_ratio"] = ratio(repeated, characters)
    top, repeated = n_gram_characters(
        tokens.hashes, tokens.length, tokens.offsets, np.array(TOP, np.int64), np.array(REPEATED, np.int64)
    )
    columns |= {f"top_{n}_gram_ratio": ratio(top[:, place], characters) for place, n in enumerate(TOP)}
    columns |= {f"dup_{n}_gram_ratio": ratio(repeated[:, place], characters) for place, n in enumerate(REPEATED)}
    return columns
