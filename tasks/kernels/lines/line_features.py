"""Lines of texts as ``str.splitlines`` gives them, and what the rules of C4 and Gopher ask of each line.

Phrases are looked for where their rarest letter stands. Cost: about 1.4 ns a byte for the lines, 2.2 ns a byte for the
phrases.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gristmill.tasks.kernels.common.compiled import helper, kernel

Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint32]
Places = npt.NDArray[np.int32]
Positions = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]
Chunks = tuple[Places, Places, Places, Words, Hashes, Positions]
LineArrays = tuple[Places, Places, Places, Places, Places, Places, Places, Positions]

LINE_FEED, CARRIAGE_RETURN = 0x0A, 0x0D


class Phrases(NamedTuple):
    """Up to 32 phrases of lower-case ASCII, found regardless of case.

    ``text``: their bytes, one after the other. ``start``: phrases + 1 bounds in it. ``anchor``: place of the rarest
    letter within each. ``letters``: for each of the 256 bytes the set of phrases that have it there, as bits.
    """

    text: Bytes
    start: Places
    anchor: Places
    letters: Words


@kernel
def find_lines(data: Bytes, bounds: Positions, chunks: Chunks) -> LineArrays:
    """Every line of every text.

    Returns, for each line, its first byte, the byte after it and the byte after its line break; the characters of its
    longest chunk; its first byte and the byte after it without white space at its ends; the number of its chunks; and
    texts + 1 offsets into these.
    """
    chunk_start, chunk_end, length, _, _, texts = chunks
    breaking = np.zeros(256, np.bool_)  # bytes that may begin a line break
    for byte in (0x0A, 0x0B, 0x0C, 0x0D, 0x1C, 0x1D, 0x1E, 0xC2, 0xE2):
        breaking[byte] = True
    most = len(bounds)
    for byte in data[bounds[0] : bounds[-1]]:
        most += breaking[byte]
    first, last, after = np.empty(most, np.int32), np.empty(most, np.int32), np.empty(most, np.int32)
    start, end = np.empty(most, np.int32), np.empty(most, np.int32)
    words, longest = np.empty(most, np.int32), np.empty(most, np.int32)
    offsets = np.zeros(len(bounds), np.int64)
    count = 0
    for text in range(len(bounds) - 1):
        line, stop, chunk, chunk_stop = bounds[text], bounds[text + 1], texts[text], texts[text + 1]
        while line < stop:
            at, width = line, 0
            while at < stop:
                if breaking[data[at]]:
                    width = _line_break(data, at, stop)
                    if width:
                        break
                at += 1
            first_chunk, most_characters = chunk, 0
            while chunk < chunk_stop and chunk_start[chunk] < at:
                most_characters = max(most_characters, length[chunk])
                chunk += 1
            first[count], last[count], after[count] = line, at, at + width
            words[count], longest[count] = chunk - first_chunk, most_characters
            start[count] = chunk_start[first_chunk] if chunk > first_chunk else at
            end[count] = chunk_end[chunk - 1] if chunk > first_chunk else at
            count += 1
            line = at + width
        offsets[text + 1] = count
    return (
        first[:count],
        last[:count],
        after[:count],
        longest[:count],
        start[:count],
        end[:count],
        words[:count],
        offsets,
    )


@helper
def _line_break(data: Bytes, at: int, stop: int) -> int:
    """Bytes of the line break at ``at``, 0 for none."""
    byte = data[at]
    if byte == LINE_FEED:
        return 1
    if byte < 0x80:
        if byte == CARRIAGE_RETURN:
            return 2 if at + 1 < stop and data[at + 1] == LINE_FEED else 1
        return 1 if byte == 0x0B or byte == 0x0C or (byte >= 0x1C and byte <= 0x1E) else 0
    if byte == 0xC2:
        return 2 if data[at + 1] == 0x85 else 0
    if byte == 0xE2 and data[at + 1] == 0x80:
        return 3 if data[at + 2] == 0xA8 or data[at + 2] == 0xA9 else 0
    return 0


@kernel
def search(data: Bytes, start: Places, end: Places, phrases: Phrases) -> Words:
    """The phrases in each byte range ``start`` to ``end``, as bits."""
    text, phrase_start, anchor, letters = phrases
    result = np.zeros(len(start), np.uint32)
    for part in range(len(start)):
        low, high = start[part], end[part]
        found = np.uint32(0)
        for place, byte in enumerate(data[low:high]):
            bits = letters[byte]
            if bits:
                at = low + place
                bits &= ~found
                phrase = 0
                while bits:
                    if bits & np.uint32(1):
                        begin, first, stop = at - anchor[phrase], phrase_start[phrase], phrase_start[phrase + 1]
                        if begin >= low and begin + stop - first <= high and _same(data, begin, text, first, stop):
                            found |= np.uint32(1) << np.uint32(phrase)
                    bits >>= np.uint32(1)
                    phrase += 1
        result[part] = found
    return result


@helper
def _same(data: Bytes, at: int, phrase: Bytes, start: int, end: int) -> bool:
    """Whether the bytes from ``at`` on, in lower case, are bytes ``start`` to ``end`` of ``phrase``."""
    for place in range(start, end):
        byte = data[at + place - start]
        if byte >= 0x41 and byte <= 0x5A:
            byte |= np.uint8(0x20)
        if byte != phrase[place]:
            return False
    return True


@kernel
def count_sentences(
    data: Bytes,
    token_start: Places,
    token_end: Places,
    flags: Bytes,
    start: Places,
    end: Places,
    not_punctuation: int,
    sentence_end: int,
) -> tuple[Places, Places]:
    """Tokens and sentences of each byte range ``start`` to ``end``, ascending, not overlapping, as spaCy counts.

    A sentence begins with the first token that is not punctuation after one that is a single mark from spaCy's list.
    White space other than one space between two tokens, or at the end, is a token to spaCy.
    """
    tokens, sentences = np.zeros(len(start), np.int32), np.zeros(len(start), np.int32)
    token = 0
    for part in range(len(start)):
        while token < len(token_start) and token_start[token] < start[part]:
            token += 1
        ended = False
        count = 1
        before = start[part]
        while token < len(token_start) and token_start[token] < end[part]:
            gap = token_start[token] - before
            if ended and (gap > 1 or (gap == 1 and data[before] != 0x20)):
                count += 1
                ended = False
            if flags[token] & sentence_end:
                ended = True
            elif ended and flags[token] & not_punctuation:
                count += 1
                ended = False
            before = token_end[token]
            tokens[part] += 1
            token += 1
        gap = end[part] - before
        sentences[part] = count + (ended and (gap > 1 or (gap == 1 and data[before] != 0x20)))
    return tokens, sentences
