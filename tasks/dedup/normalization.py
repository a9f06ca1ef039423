"""The tables by which texts are normalised before they are cut into shingles (:class:`.Folding` of the kernels).

``plain``: lower case; what is invisible (Unicode's Default_Ignorable_Code_Point: soft hyphens, zero-width spaces and
joiners, variation selectors) is removed. In words, letters, numbers and combining marks (Unicode categories L, N and M)
stay, a letter of a script that puts no spaces between words is a word of its own, with the marks behind it, and
everything else separates; among characters only white space is touched. Lower case and categories come from polars,
character by character, so they follow its Unicode version under any Python.

``datatrove``: lower case; a number with its decimal part becomes 0; datatrove's list of punctuation and control
characters separates; what is left is decomposed (NFD) and loses its non-spacing marks (category Mn). Source: datatrove
0.10 ``utils/text.py``, ``simplify_text`` with its default ``TextNormConfig``. Words are what white space separates;
datatrove cuts them further with a word splitter of the language (spaCy for English). Invisible characters stay, and so
do spacing marks (category Mc), as upstream has them: texts that differ in Mn alone are the same to it.

Cost: 0.2 s a process and table, when it is first used.
"""

import unicodedata
from functools import cache

import numpy as np
import polars as pl
import pyarrow as pa

from gristmill.tasks.dedup.presets import Normalise, Unit
from gristmill.tasks.kernels.minhash.normalize import (
    ALONE,
    CASED,
    DECIMAL_MARK,
    DIGIT,
    IGNORABLE,
    MARK,
    SLOW,
    Bytes,
    Folding,
)
from gristmill.tasks.text.code_points import INVISIBLE, every_character, where

IDEOGRAPHS = r"\u{3040}-\u{30ff}\u{3400}-\u{9fff}\u{ac00}-\u{d7af}"
# Scripts of the line breaking class SA (Unicode Standard Annex 14): no spaces between words.
SOUTH_EAST_ASIAN = r"\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tai_Le}\p{New_Tai_Lue}\p{Tai_Tham}\p{Tai_Viet}\p{Ahom}"
UNSPACED = rf"[[{IDEOGRAPHS}]--\p{{M}}][\p{{L}}&&[{SOUTH_EAST_ASIAN}]]"  # inside a class: words of one letter
SEPARATES = rf"[^\p{{L}}\p{{N}}\p{{M}}{UNSPACED}]"
PUNCTUATION = frozenset(
    "!/—”:％１〈&(、━\\【#%「」，】；+^]~“《„';’{|∶´[=-`*．（–？！：$～«〉,><》)?）。…@_.\"}►»"
    + "".join(chr(code) for low, high in ((0, 9), (11, 32), (127, 160)) for code in range(low, high))
)
DECIMAL_MARKS = ".,،٫⎖⎗⎘"


@cache
def folding(normalise: Normalise, unit: Unit) -> Folding:
    """The tables of a normalisation for words or characters."""
    characters = every_character()
    lower = characters.str.to_lowercase()
    traits = _case_traits(characters)
    if normalise == "datatrove":
        return _packed(pl.Series(map(_simplified, lower)), traits + _number_traits(), beyond=True, invisible=True)
    lower = lower.str.replace_all(INVISIBLE, "")
    if unit == "char":
        return _packed(lower.str.replace(r"^\s$", " "), traits, beyond=True, invisible=False)
    parts = lower.str.replace_all(SEPARATES, " ").str.replace_all(f"([{UNSPACED}])", " $1 ")
    return _packed(parts, traits + _word_traits(lower), beyond=False, invisible=False)


def _simplified(lower: str) -> str:
    """What datatrove makes of one lower-case character that is not a digit."""
    if lower in PUNCTUATION or lower.isspace():
        return " "
    return "".join(char for char in unicodedata.normalize("NFD", lower) if unicodedata.category(char) != "Mn")


def _case_traits(characters: pl.Series) -> Bytes:
    """CASED and IGNORABLE, found by what each character does to the lower case of a sigma behind it."""
    alone = (characters + "Σ").str.to_lowercase().str.ends_with("ς").to_numpy()
    behind_letter = ("A" + characters + "Σ").str.to_lowercase().str.ends_with("ς").to_numpy()
    traits: Bytes = alone * CASED + (behind_letter & ~alone) * IGNORABLE
    return traits


def _word_traits(characters: pl.Series) -> Bytes:
    """ALONE and MARK, which say what belongs to a word of one letter."""
    traits = np.zeros(len(characters), np.uint8)
    for kind, trait in ((UNSPACED, ALONE), (r"\p{M}", MARK)):
        traits[characters.str.contains(f"^[{kind}]").to_numpy()] = trait
    return traits


def _number_traits() -> Bytes:
    traits: Bytes = where(str.isdecimal) * DIGIT
    traits[[ord(mark) for mark in DECIMAL_MARKS]] = DECIMAL_MARK
    return traits


def _packed(replacements: pl.Series, traits: Bytes, beyond: bool, invisible: bool) -> Folding:
    column = pl.concat([replacements, pl.Series([" ", "ς", "0", ""])]).to_arrow(compat_level=pl.CompatLevel.oldest())
    column = column.cast(pa.string())
    starts = np.frombuffer(column.buffers()[1], np.int32)[: len(column) + 1]
    codes = np.arange(len(traits))
    widths = 1 + (codes >= 0x80) + (codes >= 0x800) + (codes >= 0x10000)
    data = np.frombuffer(column.buffers()[2], np.uint8)
    single = np.full(256, SLOW, np.uint8)
    one_byte = np.flatnonzero((np.diff(starts[:129]) == 1) & (traits[:128] & DIGIT == 0))
    single[one_byte] = data[starts[one_byte]]
    growth = float((np.diff(starts)[: len(traits)] / widths).max())
    return Folding(starts, data, traits, single, beyond, invisible, growth)
