"""spaCy's rules on the affixes and infixes of English, over the code points and properties of a chunk's characters.

Source: spaCy 3.8 (MIT), ``spacy/lang/punctuation.py`` and ``spacy/lang/en/punctuation.py``; regular expressions there,
branches here. Each function says how many characters come off at one place, 0 for none.
"""

import numpy as np
import numpy.typing as npt

from gristmill.tasks.kernels.common.compiled import helper
from gristmill.tasks.kernels.tokens.whitespace_split import (
    ALPHA,
    BEFORE_STOP,
    BEGINS,
    CURRENCY,
    DIGIT,
    ENDS,
    ICON,
    LOWER,
    MARK,
    PREFIX,
    QUOTE,
    UPPER,
)

Words = npt.NDArray[np.uint32]
Positions = npt.NDArray[np.int64]

STOP, HYPHEN, PLUS, COMMA, ELLIPSIS, DASH, COLON, SLASH = 0x2E, 0x2D, 0x2B, 0x2C, 0x2026, 0x2014, 0x3A, 0x2F
APOSTROPHE, RIGHT_QUOTE, DOLLAR, DEGREE = 0x27, 0x2019, 0x24, 0xB0


@helper
def prefix_length(code: Words, bits: Words, low: int, high: int) -> int:
    """Characters of the prefix that comes off, 0 for none."""
    if not bits[low] & BEGINS:
        return 0
    if bits[low] & MARK:
        return 1
    first = code[low]
    if first == STOP:
        end = low + 1
        while end < high and code[end] == STOP:
            end += 1
        return end - low if end - low > 1 else 0
    if bits[low] & PREFIX:
        return 1
    if first == PLUS:
        return 0 if low + 1 < high and bits[low + 1] & DIGIT else 1
    if first == 0x55 and low + 2 < high and code[low + 1] == 0x53 and code[low + 2] == DOLLAR:  # US$
        return 3
    return 2 if (first == 0x43 or first == 0x41) and low + 1 < high and code[low + 1] == DOLLAR else 0  # C$ A$


@helper
def suffix_length(code: Words, bits: Words, low: int, high: int, units: Positions) -> int:
    """Characters of the suffix that comes off, 0 for none. Looks at nothing before ``low``."""
    if not bits[high - 1] & ENDS:
        return 0
    last = code[high - 1]
    if bits[high - 1] & MARK:
        return 2 if last == ELLIPSIS and high - 2 >= low and code[high - 2] == ELLIPSIS else 1
    if last == STOP:
        start = high - 1
        while start > low and code[start - 1] == STOP:
            start -= 1
        if high - start > 1:
            return high - start
        if high - 2 >= low and bits[high - 2] & BEFORE_STOP:
            return 1
        if high - 3 < low:
            return 0
        if bits[high - 2] & UPPER and bits[high - 3] & UPPER:
            return 1
        return 1 if code[high - 3] == DEGREE and code[high - 2] in (0x46, 0x43, 0x4B) else 0  # after °F °C °K
    if high - 2 < low:
        return 0
    if (last == 0x73 or last == 0x53) and (code[high - 2] == APOSTROPHE or code[high - 2] == RIGHT_QUOTE):  # 's 'S
        return 2
    digit = high - 2
    while digit >= low and digit >= high - 6 and not bits[digit] & DIGIT:
        digit -= 1
    if digit < low or digit < high - 6:
        return 0
    length = high - 1 - digit
    if length == 1 and (last == PLUS or bits[high - 1] & CURRENCY):
        return 1
    if last == DOLLAR:
        if length == 3 and code[high - 3] == 0x55 and code[high - 2] == 0x53:
            return 3
        return 2 if length == 2 and (code[high - 2] == 0x43 or code[high - 2] == 0x41) else 0
    value = np.int64(0)
    for at in range(digit + 1, high):
        value = value * np.int64(0x1000) + np.int64(min(code[at], np.uint32(0xFFF)))
    found = False
    for unit in units:
        found = found or unit == value
    return length if found else 0


@helper
def infix_length(code: Words, bits: Words, at: int, low: int, high: int) -> int:
    """Characters of the infix that begins at ``at`` with a character that may cut; 0 for none."""
    if bits[at] & ICON:
        return 1
    this = code[at]
    after = code[at + 1] if at + 1 < high else np.uint32(0)
    if this == STOP and after == STOP:
        end = at + 2
        while end < high and code[end] == STOP:
            end += 1
        return end - at
    if at == low:
        return 0  # every other rule looks behind
    before, following = bits[at - 1], bits[at + 1] if at + 1 < high else np.uint32(0)
    if this in (PLUS, HYPHEN, 0x2A, 0x5E) and before & DIGIT and (following & DIGIT or after == HYPHEN):
        return 1
    if this == STOP:
        return 1 if before & (LOWER | QUOTE) and following & (UPPER | QUOTE) else 0
    if this == COMMA:
        return 1 if before & following & ALPHA else 0
    if not before & (ALPHA | DIGIT):
        return 0
    if following & ALPHA:
        return 1 if this in (HYPHEN, 0x2013, DASH, 0x7E, COLON, 0x3C, 0x3E, 0x3D, SLASH) else 0
    if this in (HYPHEN, DASH) and after == this and at + 2 < high:
        if bits[at + 2] & ALPHA:
            return 2
        if this == HYPHEN and code[at + 2] == HYPHEN and at + 3 < high and bits[at + 3] & ALPHA:
            return 3
    return 0
