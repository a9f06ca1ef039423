"""What each Unicode character is to the tokenizer, as one byte: a class in the low three bits, and properties.

Classes follow spaCy's English rules (``spacy/lang/punctuation.py`` and ``char_classes.py``, MIT), reduced to what one
character can decide: ``MARK`` comes off both ends of a word, ``OPENING`` only off the front, ``STOP`` is the full stop,
everything else that is not white space is ``SOLID``. The scripts written without spaces between words that are split
into single characters are ``EAST`` (Han, kana, hangul, bopomofo).

Cost: the table is made once in a process, in about 0.2 s; it depends on the Unicode version of Python.
"""

import unicodedata
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from tasks.punctuation import SYMBOLS, characters

SPACE, EAST, SOLID, MARK, OPENING, STOP = range(6)
CLASS = 0x07
LOWER, UPPER, DIGIT, NOT_SYMBOL, INFIX = 0x08, 0x10, 0x20, 0x40, 0x80  # a letter without case is LOWER and UPPER
LETTER = LOWER | UPPER

PLANES = 0x40000  # beyond are only tags, variation selectors and private use
EAST_ASIAN = characters(
    "1100-11FF 2E80-2FDF 3005-3007 3021-3029 3031-3035 3038-30FF 3105-318E 31A0-31BF 31F0-31FF 3400-4DBF 4E00-9FFF"
    " A960-A97F AC00-D7FF F900-FAFF FF66-FFDC 1AFF0-1B16F 20000-3FFFF"
)
MARKS = frozenset("…,:;!?¿؟¡()[]{}<>_#*&。？！，、；：～·।،۔؛٪'\"”“`‘´’‚„»«「」『』（）〔〕【】《》〈〉〈〉⟦⟧—–")
OPENINGS = frozenset("§%=+")
SEPARATORS = frozenset("\u200b\ufeff")  # zero-width space and byte order mark: white space to the eye
INFIXES = frozenset("+-*^.,:<>=/~–—…")
CURRENCY, ICON = "Sc", "So"

Bytes = npt.NDArray[np.uint8]


@lru_cache(maxsize=1)
def character_table() -> Bytes:
    """The byte of the code points 0 .. PLANES - 1 and, as the last entry, of all beyond."""
    table = np.full(PLANES + 1, SOLID | NOT_SYMBOL, np.uint8)
    table[:PLANES] = [describe(chr(code)) for code in range(PLANES)]
    return table


def describe(character: str) -> int:
    """Class and properties of one character."""
    category = unicodedata.category(character)
    if character.isspace() or character in SEPARATORS:
        return SPACE
    byte = _class(character, category)
    if category[0] == "L":
        byte |= {"Lu": UPPER, "Lt": UPPER, "Ll": LOWER}.get(category, LETTER)
    byte |= DIGIT if category == "Nd" else 0
    byte |= NOT_SYMBOL if character not in SYMBOLS else 0
    return byte | (INFIX if character in INFIXES or category == ICON else 0)


def _class(character: str, category: str) -> int:
    if category[0] in "LN" and character in EAST_ASIAN:
        return EAST
    if character in MARKS or category == ICON:
        return MARK
    if character in OPENINGS or category == CURRENCY:
        return OPENING
    return STOP if character == "." else SOLID
