"""The tables by which texts are normalised before they are cut into shingles (:class:`tasks.kernels.fold.Folding`).

``plain``: lower case; in words, letters and numbers (Unicode categories L and N) stay, each Han, kana and hangul
character is a word of its own, and everything else separates; among characters only white space is touched. Lower case
and categories are asked of polars, character by character, so that they are its Unicode version's whatever Python runs.

``datatrove``: lower case; a number with its decimal part becomes 0; datatrove's list of punctuation and control
characters separates; what is left is decomposed (NFD) and loses its non-spacing marks (category Mn). Source: datatrove
0.10 ``utils/text.py``, ``simplify_text`` with its default ``TextNormConfig``. Words are what white space separates;
datatrove cuts them further with a word splitter of the language (spaCy for English).

Cost: 0.2 s a process and table, when it is first used.
"""

import unicodedata
from functools import cache
from typing import Literal

import numpy as np
import polars as pl
import pyarrow as pa

from tasks.code_points import where
from tasks.kernels.fold import CASED, DECIMAL_MARK, DIGIT, IGNORABLE, SLOW, Bytes, Folding
from tasks.kernels.text_counts import PLANES

Normalise = Literal["plain", "datatrove"]
Unit = Literal["word", "char"]

IDEOGRAPHS = r"\u{3040}-\u{30ff}\u{3400}-\u{9fff}\u{ac00}-\u{d7af}"
SEPARATES = rf"[^\p{{L}}\p{{N}}{IDEOGRAPHS}]"
PUNCTUATION = frozenset(
    "!/—”:％１〈&(、━\\【#%「」，】；+^]~“《„';’{|∶´[=-`*．（–？！：$～«〉,><》)?）。…@_.\"}►»"
    + "".join(chr(code) for low, high in ((0, 9), (11, 32), (127, 160)) for code in range(low, high))
)
DECIMAL_MARKS = ".,،٫⎖⎗⎘"


@cache
def folding(normalise: Normalise, unit: Unit) -> Folding:
    """The tables of a normalisation for words or characters."""
    codes = np.arange(PLANES, dtype="<u4")
    codes[0xD800:0xE000] = 0xFFFD  # surrogates: UTF-8 has none
    characters = pl.Series(list(codes.tobytes().decode("utf-32-le")))
    lower = characters.str.to_lowercase()
    traits = _case_traits(characters)
    if normalise == "datatrove":
        return _packed(pl.Series(map(_simplified, lower)), traits + _number_traits(), beyond=True)
    if unit == "char":
        return _packed(lower.str.replace(r"^\s$", " "), traits, beyond=True)
    # a character whose lower case is several is cut by the same rule: the dotted capital I becomes i and a separator
    parts = lower.str.replace_all(SEPARATES, " ").str.replace_all(f"([{IDEOGRAPHS}])", " $1 ")
    return _packed(parts, traits, beyond=False)


def _simplified(lower: str) -> str:
    """What datatrove makes of one character in lower case that is no digit."""
    if lower in PUNCTUATION or lower.isspace():
        return " "
    return "".join(char for char in unicodedata.normalize("NFD", lower) if unicodedata.category(char) != "Mn")


def _case_traits(characters: pl.Series) -> Bytes:
    """CASED and IGNORABLE, found by what each character does to the lower case of a sigma behind it."""
    alone = (characters + "Σ").str.to_lowercase().str.ends_with("ς").to_numpy()
    behind_letter = ("A" + characters + "Σ").str.to_lowercase().str.ends_with("ς").to_numpy()
    traits: Bytes = alone * CASED + (behind_letter & ~alone) * IGNORABLE
    return traits


def _number_traits() -> Bytes:
    traits: Bytes = where(str.isdecimal) * DIGIT
    traits[[ord(mark) for mark in DECIMAL_MARKS]] = DECIMAL_MARK
    return traits


def _packed(replacements: pl.Series, traits: Bytes, beyond: bool) -> Folding:
    column = pl.concat([replacements, pl.Series([" ", "ς", "0"])]).to_arrow(compat_level=pl.CompatLevel.oldest())
    column = column.cast(pa.string())
    starts = np.frombuffer(column.buffers()[1], np.int32)[: len(column) + 1]
    codes = np.arange(len(traits))
    widths = 1 + (codes >= 0x80) + (codes >= 0x800) + (codes >= 0x10000)
    data = np.frombuffer(column.buffers()[2], np.uint8)
    single = np.full(256, SLOW, np.uint8)
    one_byte = np.flatnonzero((np.diff(starts[:129]) == 1) & (traits[:128] & DIGIT == 0))
    single[one_byte] = data[starts[one_byte]]
    growth = float((np.diff(starts)[: len(traits)] / widths).max())
    return Folding(starts, data, traits, single, beyond, growth)
