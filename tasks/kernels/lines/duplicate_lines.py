"""Repeated lines and paragraphs of texts, and ends and lengths of lines: what Gopher's and FineWeb's rules ask.

A piece is equal to an earlier one of its text when their 64-bit hashes are. Cost: about 3.5 ns a byte for Gopher's
lines and paragraphs together, 1.6 ns a byte for FineWeb's lines.
"""

import numpy as np
import numpy.typing as npt

from gristmill.tasks.kernels.common.compiled import helper, kernel

Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint32]
Places = npt.NDArray[np.int32]
Positions = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]

LINE_FEED = 0x0A


@helper
def hash_bytes(data: Bytes, start: int, end: int) -> np.uint64:
    """A 64-bit hash, eight bytes at a time; never 0."""
    value = np.uint64(end - start) * np.uint64(0x9E3779B97F4A7C15)
    at = start
    while at + 8 <= end:
        word = (
            np.uint64(data[at])
            | np.uint64(data[at + 1]) << np.uint64(8)
            | np.uint64(data[at + 2]) << np.uint64(16)
            | np.uint64(data[at + 3]) << np.uint64(24)
            | np.uint64(data[at + 4]) << np.uint64(32)
            | np.uint64(data[at + 5]) << np.uint64(40)
            | np.uint64(data[at + 6]) << np.uint64(48)
            | np.uint64(data[at + 7]) << np.uint64(56)
        )
        value = (value ^ word) * np.uint64(0xBF58476D1CE4E5B9)
        value ^= value >> np.uint64(29)
        at += 8
    rest = np.uint64(0)
    for byte in range(at, end):
        rest = rest << np.uint64(8) | np.uint64(data[byte])
    value = (value ^ rest) * np.uint64(0x94D049BB133111EB)
    value ^= value >> np.uint64(32)
    value *= np.uint64(0xBF58476D1CE4E5B9)
    return (value ^ value >> np.uint64(29)) | np.uint64(1)


@helper
def _seen_before(key: np.uint64, text: int, mask: np.uint64, keys: Hashes, owner: Positions) -> bool:
    """Whether the hash was met in this text; remembers it. ``owner`` says which text a slot was last used for."""
    slot = (key >> np.uint64(20)) & mask
    while owner[slot] == text:
        if keys[slot] == key:
            return True
        slot = (slot + np.uint64(1)) & mask
    owner[slot] = text
    keys[slot] = key
    return False


@helper
def _characters(data: Bytes, start: int, end: int) -> int:
    count = 0
    for byte in data[start:end]:
        count += byte & 0xC0 != 0x80
    return count


@helper
def _line_feeds(data: Bytes, start: int, end: int) -> int:
    count = 0
    for byte in data[start:end]:
        count += byte == LINE_FEED
    return count


@helper
def _table_size(pieces: int) -> int:
    """A power of two, at least twice the pieces."""
    size = 8
    while size < 2 * pieces:
        size *= 2
    return size


@helper
def _most_line_feeds(data: Bytes, bounds: Positions) -> int:
    most = 0
    for text in range(len(bounds) - 1):
        most = max(most, _line_feeds(data, bounds[text], bounds[text + 1]))
    return most


@kernel
def repeated_pieces(data: Bytes, bounds: Positions, at_least: int, strip: bool) -> Positions:
    """Pieces of each text between runs of ``at_least`` or more line feeds: an array of shape (texts, 3).

    Columns: pieces, repeated pieces, characters in repeated pieces. ``bounds``: texts + 1. ``strip``: white space at
    both ends of the text comes off before.
    """
    result = np.zeros((len(bounds) - 1, 3), np.int64)
    size = _table_size(_most_line_feeds(data, bounds) + 1)
    keys, owner = np.empty(size, np.uint64), np.full(size, -1, np.int64)
    for text in range(len(bounds) - 1):
        start, stop = bounds[text], bounds[text + 1]
        mask = np.uint64(_table_size(_line_feeds(data, start, stop) + 1) - 1)
        if strip:
            start, stop = _stripped(data, start, stop)
        at = start
        while True:
            while at < stop and data[at] != LINE_FEED:
                at += 1
            run = at + 1
            while run < stop and data[run] == LINE_FEED:
                run += 1
            if at < stop and run - at < at_least:
                at = run
                continue
            result[text, 0] += 1
            if _seen_before(hash_bytes(data, start, at), text, mask, keys, owner):
                result[text, 1] += 1
                result[text, 2] += _characters(data, start, at)
            if at >= stop:
                break
            start = at = run
    return result


@helper
def _stripped(data: Bytes, start: int, stop: int) -> tuple[int, int]:
    """The bounds without white space (``str.isspace``) at both ends."""
    while start < stop:
        width = _space_at(data, start, stop)
        if width == 0:
            break
        start += width
    while stop > start:
        width = _space_before(data, start, stop)
        if width == 0:
            break
        stop -= width
    return start, stop


@kernel
def line_ends(data: Bytes, bounds: Positions, short: int, stops: Words) -> Positions:
    """What FineWeb counts in the lines of each text: an array of shape (texts, 6).

    Columns: lines with more than white space; of these the ones that end in one of ``stops`` (code points, ascending)
    and those of at most ``short`` characters; characters in repeated ones; line feeds; characters but line feeds.
    """
    result = np.zeros((len(bounds) - 1, 6), np.int64)
    size = _table_size(_most_line_feeds(data, bounds) + 1)
    keys, owner = np.empty(size, np.uint64), np.full(size, -1, np.int64)
    for text in range(len(bounds) - 1):
        start, stop = bounds[text], bounds[text + 1]
        result[text, 4] = _line_feeds(data, start, stop)
        mask = np.uint64(_table_size(result[text, 4] + 1) - 1)
        while start <= stop:
            end = start
            while end < stop and data[end] != LINE_FEED:
                end += 1
            characters = _characters(data, start, end)
            result[text, 5] += characters
            low, _ = _stripped(data, start, end)
            if low < end:
                result[text, 0] += 1
                result[text, 1] += _is_among(_last_code_point(data, end), stops)
                result[text, 2] += characters <= short
                if _seen_before(hash_bytes(data, start, end), text, mask, keys, owner):
                    result[text, 3] += characters
            start = end + 1
    return result


@kernel
def join_lines(
    data: Bytes,
    start: Places,
    end: Places,
    other: Bytes,
    other_bounds: Positions,
    source: Positions,
    offsets: Positions,
) -> tuple[Bytes, Positions]:
    """Texts put together from lines with line feeds between, without white space at both ends.

    Text i is made of lines ``offsets[i]:offsets[i + 1]``: bytes ``start`` to ``end`` of ``data`` or, where ``source``
    is not -1, text number ``source`` of ``other``. Returns the bytes and texts + 1 bounds.
    """
    size = len(start) + len(other)
    for line in range(len(start)):
        size += end[line] - start[line]
    copy, bounds = np.empty(size, np.uint8), np.zeros(len(offsets), np.int64)
    count = 0
    for text in range(len(offsets) - 1):
        begin = count
        for line in range(offsets[text], offsets[text + 1]):
            if line > offsets[text]:
                copy[count] = 0x0A
                count += 1
            if source[line] >= 0:
                first, stop = other_bounds[source[line]], other_bounds[source[line] + 1]
                count += _copy(other, first, stop, copy, count)
            else:
                count += _copy(data, start[line], end[line], copy, count)
        low, high = _stripped(copy, begin, count)
        if low > begin:
            for byte in range(low, high):
                copy[begin + byte - low] = copy[byte]
        count = begin + high - low
        bounds[text + 1] = count
    return copy[:count], bounds


@helper
def _is_among(code: np.uint32, codes: Words) -> bool:
    """Whether ``code`` is one of ``codes``, which ascend."""
    low, high = 0, len(codes)
    while low < high:
        middle = (low + high) // 2
        if codes[middle] < code:
            low = middle + 1
        else:
            high = middle
    return low < len(codes) and bool(codes[low] == code)


@helper
def _copy(data: Bytes, start: int, end: int, copy: Bytes, at: int) -> int:
    """Copy bytes ``start`` to ``end`` to ``at``; returns how many."""
    target = copy[at : at + end - start]
    for place, byte in enumerate(data[start:end]):
        target[place] = byte
    return end - start


@helper
def _last_code_point(data: Bytes, end: int) -> np.uint32:
    """The character that ends before byte ``end``."""
    value, shift, at = np.uint32(0), np.uint32(0), end - 1
    while data[at] & 0xC0 == 0x80:
        value |= np.uint32(data[at] & 0x3F) << shift
        shift += np.uint32(6)
        at -= 1
    lead = np.uint32(data[at])
    if shift == 0:
        return lead
    return value | (lead & (np.uint32(0x3F) >> (shift // np.uint32(6)))) << shift


@helper
def _space_at(data: Bytes, at: int, stop: int) -> int:
    """Bytes of the white space character (``str.isspace``) at ``at``, 0 for another."""
    byte = data[at]
    if byte < 0x80:
        return 1 if byte == 0x20 or (byte >= 0x09 and byte <= 0x0D) or (byte >= 0x1C and byte <= 0x1F) else 0
    if byte == 0xC2:
        return 2 if data[at + 1] == 0x85 or data[at + 1] == 0xA0 else 0
    if byte < 0xE1 or byte > 0xE3 or at + 2 >= stop:
        return 0
    second, third = data[at + 1], data[at + 2]
    if byte == 0xE1:
        return 3 if second == 0x9A and third == 0x80 else 0
    if byte == 0xE3:
        return 3 if second == 0x80 and third == 0x80 else 0
    if second == 0x81:
        return 3 if third == 0x9F else 0
    if second != 0x80:
        return 0
    return 3 if third <= 0x8A or third == 0xA8 or third == 0xA9 or third == 0xAF else 0


@helper
def _space_before(data: Bytes, start: int, at: int) -> int:
    """Bytes of the white space character that ends before ``at``, 0 for another."""
    if data[at - 1] < 0x80:
        return _space_at(data, at - 1, at)
    if at - 2 >= start and data[at - 2] == 0xC2:
        return _space_at(data, at - 2, at)
    return _space_at(data, at - 3, at) if at - 3 >= start and data[at - 3] & 0xF0 == 0xE0 else 0
