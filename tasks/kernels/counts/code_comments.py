"""Which bytes of source code are comments: one pass over the UTF-8 bytes of many texts, strings skipped.

A text is read from left to right against the marks of its language (``code_syntax``). Python's strings need a second
look: one that stands alone where a statement begins, right after a colon or as the first thing of the file, is a
docstring. Cost: about 3 ns a byte. Memory: one byte a byte.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gristmill.tasks.kernels.common.compiled import kernel

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

CODE, COMMENT, DOCUMENTED = range(3)
LINE, BLOCK, STRING, LETTER, PATTERN = range(1, 6)
NESTED, SPACED, AT_LINE_START, MANY_LINES, DOCUMENTATION, NOT_SYMBOL = (1 << bit for bit in range(6))
LONGEST = 8  # bytes of a mark


@dataclass(frozen=True)
class Syntax:
    """Marks of several languages: [language, mark]; a mark that is not there has an empty beginning.

    ``begin``, ``end``: bytes [language, mark, LONGEST]; ``sizes``: lengths of the two [language, mark, 2]; ``kind`` and
    ``traits`` [language, mark]; ``first`` [language, byte]: whether a mark begins with that byte; ``takes_line_feed``
    and ``is_python`` [language].
    """

    begin: Bytes
    end: Bytes
    sizes: npt.NDArray[np.int64]
    kind: npt.NDArray[np.int64]
    traits: npt.NDArray[np.int64]
    first: npt.NDArray[np.bool_]
    takes_line_feed: npt.NDArray[np.bool_]
    is_python: npt.NDArray[np.bool_]


def parts(data: Bytes, offsets: Places, language: Places, syntax: Syntax) -> tuple[Bytes, Places]:
    """The kind of each byte, and the characters of docstrings of each text (0 where the language is not Python).

    ``offsets``: texts + 1 places in ``data``; ``language``: the row of each text in ``syntax``, or -1 for none.
    """
    kinds = np.zeros(len(data), np.uint8)
    documented = np.zeros(len(offsets) - 1, np.int64)
    _parts(
        data,
        offsets,
        language,
        syntax.begin,
        syntax.end,
        syntax.sizes,
        syntax.kind,
        syntax.traits,
        syntax.first,
        syntax.takes_line_feed,
        syntax.is_python,
        kinds,
        documented,
    )
    return kinds, documented


@kernel
def _is_at(data: Bytes, place: int, stop: int, mark: Bytes, size: int) -> bool:
    if place + size > stop:
        return False
    same = 0
    while same < size and data[place + same] == mark[same]:
        same += 1
    return same == size


@kernel
def _parts(
    data: Bytes,
    offsets: Places,
    language: Places,
    begin: Bytes,
    end: Bytes,
    sizes: Places,
    kind: Places,
    traits: Places,
    first: Flags,
    takes_line_feed: Flags,
    is_python: Flags,
    kinds: Bytes,
    documented: Places,
) -> None:
    for text in range(len(offsets) - 1):
        lang = language[text]
        if lang < 0:
            continue
        start, stop = offsets[text], offsets[text + 1]
        place = start
        if place + 1 < stop and data[place] == 35 and data[place + 1] == 33:  # "#!" names an interpreter
            while place < stop and data[place] != 10:
                place += 1
        line = start  # where the line begins
        last = np.uint8(0)  # last byte that is neither white space nor comment
        depth = 0  # of brackets
        while place < stop:
            byte = data[place]
            if not first[lang, byte]:
                if byte == 10:
                    line = place + 1
                elif byte > 32:
                    last = byte
                    if byte == 40 or byte == 91 or byte == 123:
                        depth += 1
                    elif byte == 41 or byte == 93 or byte == 125:
                        depth -= 1
                place += 1
                continue
            found = -1
            for mark in range(begin.shape[1]):
                size = sizes[lang, mark, 0]
                if size == 0:
                    break
                if not _is_at(data, place, stop, begin[lang, mark], size):
                    continue
                before = data[place - 1] if place > start else np.uint8(10)
                trait = traits[lang, mark]
                if trait & AT_LINE_START and place != line:
                    continue
                if trait & SPACED and not (
                    before <= 32 or before == 59 or before == 124 or before == 38 or before == 40
                ):
                    continue
                if trait & NOT_SYMBOL:
                    after = place + size
                    while after < stop and data[after] == 45:
                        after += 1
                    if after < stop and _is_symbol(data[after]):
                        continue
                if kind[lang, mark] == LETTER and _letter_end(data, place, stop) < 0:
                    continue
                if kind[lang, mark] == PATTERN and not _pattern_may_stand(last):
                    continue
                found = mark
                break
            if found < 0:
                if byte > 32:
                    last = byte
                if byte == 40 or byte == 91 or byte == 123:
                    depth += 1
                place += 1
                continue
            size, trait, what = sizes[lang, found, 0], traits[lang, found], kind[lang, found]
            after = place + size
            if what == LINE:
                while after < stop and data[after] != 10:
                    after += 1
                if takes_line_feed[lang] and after < stop:
                    after += 1
                    line = after
                kinds[place:after] = DOCUMENTED if trait & DOCUMENTATION else COMMENT
            elif what == BLOCK:
                after = _block_end(data, after, stop, begin[lang, found], end[lang, found], sizes[lang, found], trait)
                kinds[place:after] = DOCUMENTED if trait & DOCUMENTATION else COMMENT
            elif what == LETTER:
                after = _letter_end(data, place, stop)
                last = np.uint8(39)
            else:
                after = _string_end(data, after, stop, end[lang, found], sizes[lang, found, 1], trait, what == PATTERN)
                if is_python[lang] and _is_blank(data, line, place):
                    if size == 3:
                        kinds[place:after] = DOCUMENTED
                    if depth == 0 and (last == 58 or last == 0):
                        documented[text] += _documented(data, place + size, after - size, place - line)
                last = np.uint8(39)
            for inside in range(after - 1, place - 1, -1):
                if data[inside] == 10:
                    line = max(line, inside + 1)
                    break
            place = after


@kernel
def _is_symbol(byte: int) -> bool:
    """Whether the byte is one of Haskell's operator characters."""
    return byte in (33, 35, 36, 37, 38, 42, 43, 46, 47, 60, 61, 62, 63, 64, 94, 124, 95, 126, 58, 92)


@kernel
def _pattern_may_stand(last: np.uint8) -> bool:
    """Whether a regular expression, not a division, may stand after this byte."""
    return last in (0, 40, 44, 61, 58, 91, 33, 38, 124, 63, 123, 125, 59, 43, 60, 62)


@kernel
def _is_blank(data: Bytes, start: int, stop: int) -> bool:
    """Whether nothing but blanks, and letters that prefix a string, stand between."""
    letters = 0
    for place in range(start, stop):
        if data[place] > 32:
            letters += 1
            lower = data[place] | 32
            if letters > 2 or (lower != 114 and lower != 117 and lower != 98 and lower != 102):
                return False
    return True


@kernel
def _letter_end(data: Bytes, place: int, stop: int) -> int:
    """One past the quoted character that begins at ``place``, or -1 when it is not one."""
    after = place + 1
    if after < stop and data[after] == 92:
        for step in range(2, 13):
            if place + step < stop and data[place + step] == 39 and step > 2:
                return place + step + 1
        return -1
    if after < stop and data[after] != 39 and data[after] != 10:
        after += 1
        while after < stop and data[after] & 0xC0 == 0x80:
            after += 1
        if after < stop and data[after] == 39:
            return after + 1
    return -1


@kernel
def _block_end(data: Bytes, place: int, stop: int, begin: Bytes, end: Bytes, sizes: Places, trait: int) -> int:
    """One past the end of a block comment whose inside begins at ``place``."""
    depth = 1
    while place < stop:
        if _is_at(data, place, stop, end, sizes[1]):
            depth -= 1
            place += sizes[1]
            if depth == 0:
                return place
        elif trait & NESTED and _is_at(data, place, stop, begin, sizes[0]):
            depth += 1
            place += sizes[0]
        else:
            place += 1
    return stop


@kernel
def _string_end(data: Bytes, place: int, stop: int, end: Bytes, size: int, trait: int, pattern: bool) -> int:
    """One past the end of a string whose inside begins at ``place``; a line feed ends one that may not hold any."""
    in_class = False
    while place < stop:
        byte = data[place]
        if byte == 92:
            place += 2
        elif byte == 10 and not trait & MANY_LINES:
            return place
        elif pattern and byte == 91:
            in_class = True
            place += 1
        elif pattern and byte == 93:
            in_class = False
            place += 1
        elif not in_class and _is_at(data, place, stop, end, size):
            return place + size
        else:
            place += 1
    return stop


@kernel
def _documented(data: Bytes, start: int, stop: int, margin: int) -> int:
    """Characters of a docstring without the margin of its lines and the blanks at its ends (``inspect.cleandoc``)."""
    while start < stop and data[start] <= 32:
        start += 1
    while stop > start and data[stop - 1] <= 32:
        stop -= 1
    total = 0
    place = start
    while place < stop:
        total += data[place] & 0xC0 != 0x80
        place += 1
        if data[place - 1] == 10:
            blanks = 0
            while place < stop and blanks < margin and data[place] == 32:
                place += 1
                blanks += 1
    return total
