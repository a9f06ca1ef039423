"""Whether a word is a web address or public IP address to spaCy: one token then, with all its marks.

The grammar is that of ``URL_PATTERN`` in ``spacy/lang/tokenizer_exceptions.py`` (MIT), after Diego Perini's expression:
[scheme://][user@]host[:port][/path], where a host is two labels or more, the last of lower-case letters only, or four
numbers that are not a private network. Digits are 0-9 here, any script's there.

Cost: linear in the word; asked only for words that would be cut.
"""

import numpy as np
import numpy.typing as npt

from gristmill.tasks.kernels.common.compiled import helper
from gristmill.tasks.kernels.tokens.whitespace_split import ADDRESS, DIGIT, LOWER, WORD

Words = npt.NDArray[np.uint32]

STOP, HYPHEN, PLUS, COLON, SLASH, AT, HASH, QUESTION, LOW_LINE = 0x2E, 0x2D, 0x2B, 0x3A, 0x2F, 0x40, 0x23, 0x3F, 0x5F


@helper
def is_address(code: Words, bits: Words, low: int, high: int) -> bool:
    """Whether characters ``low`` to ``high`` are an address, by their code points and properties."""
    if _is_host(code, bits, low, high):
        return True
    at = low
    while at < high and (bits[at] & WORD or code[at] in (PLUS, HYPHEN, STOP)):
        at += 1
    scheme = at - low >= 2 and at + 2 < high and code[at] == COLON and code[at + 1] == SLASH and code[at + 2] == SLASH
    found = scheme and _is_host(code, bits, at + 3, high)
    for place in range(low + 1, high - 1):
        found = found or (code[place] == AT and _is_host(code, bits, place + 1, high))
    return found


@helper
def _is_host(code: Words, bits: Words, low: int, high: int) -> bool:
    """Whether a host name or IP address begins at ``low`` and is followed by a port, a path or nothing."""
    end, label, labels = low, low, 0
    named = True
    while end < high and (bits[end] & ADDRESS or code[end] in (STOP, HYPHEN, LOW_LINE)):
        if code[end] == STOP:
            length = end - label
            inside = 1 <= length <= 64
            named = named and inside and bool(bits[label] & ADDRESS) and bool(bits[end - 1] & ADDRESS)
            labels += 1
            label = end + 1
        end += 1
    named = named and labels > 0 and 2 <= end - label <= 63
    for at in range(label, end):
        named = named and bool(bits[at] & LOWER)
    if not named and not (labels == 3 and _is_public_ip(code, bits, low, end)):
        return False
    if end < high and code[end] == COLON:
        port = end + 1
        end = port
        while end < high and bits[end] & DIGIT:
            end += 1
        if not 2 <= end - port <= 5:
            return False
    return end == high or code[end] in (SLASH, QUESTION, HASH)


@helper
def _is_public_ip(code: Words, bits: Words, low: int, high: int) -> bool:
    """Four numbers with stops between, as spaCy's expression has them: not a private network."""
    packed, at = np.int64(0), low
    for place in range(4):
        start, number = at, np.int64(0)
        while at < high and bits[at] & DIGIT:
            number = number * 10 + np.int64(code[at]) - 0x30
            at += 1
            if at - start > 3:
                return False
        if at == start:
            return False
        padded = code[start] == 0x30
        if place in (0, 3) and padded:
            return False
        if place in (1, 2) and padded and at - start == 3:
            return False
        packed = packed << 10 | number
        if place < 3:
            if at == high or code[at] != STOP:
                return False
            at += 1
    first, second = packed >> 30, packed >> 20 & 0x3FF
    if first > 223 or second > 255 or (packed >> 10 & 0x3FF) > 255 or (packed & 0x3FF) > 254:
        return False
    if first in (10, 127) or (first == 172 and 16 <= second <= 31):
        return False
    return not ((first == 169 and second == 254) or (first == 192 and second == 168))
