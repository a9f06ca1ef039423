"""Where a text is cut before byte-pair encoding: the regular expressions of GPT-2 and of GPT-4, as scanners of UTF-8.

``GPT2``, of byte-level tokenizers since Radford et al. 2019 (openai/gpt-2, ``encoder.py``)::

    's|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+

``GPT4``, of cl100k_base (openai/tiktoken), Llama 3 and Qwen 2, whose numbers end after one digit or three::

    (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}|
     ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+

Characters have one class each, from a table by code point; ``CUT`` is a character that is always a piece of its own and
ends the text before it. Cost: about 2 ns a byte of prose.
"""

import numpy as np
import numpy.typing as npt

from gristmill.tasks.kernels.common.compiled import helper

Bytes = npt.NDArray[np.uint8]

OTHER, LETTER, NUMBER, SPACE, CUT = 0, 1, 2, 3, 4
GPT2, GPT4 = 0, 1

_QUOTE, _BLANK, _RETURN, _NEWLINE = 0x27, 0x20, 0x0D, 0x0A
_S, _T, _M, _D, _R, _E, _V, _L = 0x73, 0x74, 0x6D, 0x64, 0x72, 0x65, 0x76, 0x6C
_LONG_S = (0xC5, 0xBF)  # U+017F, which is an s where case does not count


@helper
def piece_end(data: Bytes, at: int, stop: int, classes: Bytes, rule: int, digits: int) -> int:
    """The byte after the piece that begins at ``at``, of a text that ends at ``stop``.

    ``digits``: the longest number of ``GPT4``.
    """
    if data[at] == _QUOTE:
        end = _contraction(data, at, stop, rule == GPT4)
        if end > at:
            return end
    width, kind = character(data, at, classes)
    after = at + width
    if kind == CUT:
        return after
    following = CUT  # the class of the next character, of one that is there
    if after < stop:
        _, following = character(data, after, classes)
    if rule == GPT2:
        if kind != SPACE:
            return _run(data, after, stop, classes, kind)
        if data[at] == _BLANK and following != SPACE and following != CUT:
            return _run(data, after, stop, classes, following)
        return _white(data, at, stop, classes)
    if kind == LETTER or (following == LETTER and kind != NUMBER and data[at] != _RETURN and data[at] != _NEWLINE):
        return _run(data, after, stop, classes, LETTER)
    if kind == NUMBER:
        for _ in range(digits - 1):
            if after == stop:
                return after
            width, following = character(data, after, classes)
            if following != NUMBER:
                return after
            after += width
        return after
    if kind == OTHER or (data[at] == _BLANK and following == OTHER):
        after = _run(data, after, stop, classes, OTHER)
        while after < stop and (data[after] == _RETURN or data[after] == _NEWLINE):
            after += 1
        return after
    end = _run(data, at, stop, classes, SPACE)
    for place in range(end - 1, at - 1, -1):
        if data[place] == _RETURN or data[place] == _NEWLINE:
            return place + 1
    return _white(data, at, stop, classes)


@helper
def _white(data: Bytes, at: int, stop: int, classes: Bytes) -> int:
    """The end of ``\\s+(?!\\S)|\\s+``: all of the white space at the end of a text, else all but the last one."""
    after, last = at, at
    while after < stop:
        width, kind = character(data, after, classes)
        if kind != SPACE:
            break
        last = after
        after += width
    if after == stop or last == at:
        return after
    _, kind = character(data, after, classes)
    return after if kind == CUT else last


@helper
def _run(data: Bytes, at: int, stop: int, classes: Bytes, wanted: int) -> int:
    """The first byte from ``at`` whose character is not of a class."""
    while at < stop:
        width, kind = character(data, at, classes)
        if kind != wanted:
            break
        at += width
    return at


@helper
def _contraction(data: Bytes, at: int, stop: int, any_case: bool) -> int:
    """The end of an English contraction whose apostrophe is at ``at``, or ``at``."""
    if at + 1 >= stop:
        return at
    fold = 0x20 if any_case else 0  # of ASCII letters; nothing else becomes one of those below
    first = data[at + 1] | fold
    if first in (_S, _T, _M, _D):
        return at + 2
    if at + 2 >= stop:
        return at
    if any_case and data[at + 1] == _LONG_S[0] and data[at + 2] == _LONG_S[1]:
        return at + 3
    second = data[at + 2] | fold
    if first in (_R, _V) and second == _E:
        return at + 3
    return at + 3 if first == _L and second == _L else at


@helper
def character(data: Bytes, at: int, classes: Bytes) -> tuple[int, int]:
    """Bytes and class (by code point) of the character at ``at``."""
    first = np.uint32(data[at])
    if first < 0x80:
        return 1, classes[first]
    low = np.uint32(data[at + 1] & 0x3F)
    if first < 0xE0:
        return 2, classes[(first & np.uint32(0x1F)) << np.uint32(6) | low]
    low = low << np.uint32(6) | np.uint32(data[at + 2] & 0x3F)
    if first < 0xF0:
        return 3, classes[(first & np.uint32(0x0F)) << np.uint32(12) | low]
    low = low << np.uint32(6) | np.uint32(data[at + 3] & 0x3F)
    return 4, classes[(first & np.uint32(0x07)) << np.uint32(18) | low]
