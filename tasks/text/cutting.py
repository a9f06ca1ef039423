"""Cutting and replacing spans of many texts at once, for the one late step that changes text.

All texts of a slice are one array of UTF-8 bytes. Spans become marks in it; a running sum says which bytes are cut;
replacements are inserted at a span's first byte. No loop over texts. Cost: about 10 ns a byte; memory: 20 bytes a byte.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.core.errors import GristmillError

Positions = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Characters:
    """The code points of several texts in one array of UTF-8 bytes.

    ``data``: the bytes. ``text_bytes``: texts + 1 numbers, the bytes of text i are ``text_bytes[i]:text_bytes[i + 1]``.
    ``first_byte``: for every code point of all texts its first byte, and one more number, the end of the bytes.
    ``text_first``: texts + 1 numbers, the code points of text i are ``text_first[i]:text_first[i + 1]``.
    """

    data: Bytes
    text_bytes: Positions
    first_byte: Positions
    text_first: Positions

    def places(self, rows: Positions, offsets: Positions) -> Positions:
        """Numbers among all code points of ``offsets`` (code points inside a text) of texts ``rows``."""
        return self.text_first[rows] + offsets

    def sums(self, values: Mask) -> Positions:
        """How many code points of each text have a true value."""
        total = np.zeros(len(values) + 1, np.int64)
        np.cumsum(values, out=total[1:])
        return np.diff(total[self.text_first])


@dataclass(frozen=True)
class TextSpans:
    """Spans of texts: ``row`` is the number of the text, ``start`` and ``end`` are code points inside it."""

    row: Positions
    start: Positions
    end: Positions


def characters(texts: pa.Array) -> Characters:
    """The code points of ``texts`` (Arrow strings in one chunk, no nulls, at most 2 GiB)."""
    _, offset_buffer, data_buffer = texts.buffers()
    if not len(texts) or data_buffer is None:
        none = np.zeros(len(texts) + 1, np.int64)
        return Characters(np.zeros(0, np.uint8), none, np.zeros(1, np.int64), none)
    offsets = np.frombuffer(offset_buffer, np.int32, len(texts) + 1, 4 * texts.offset).astype(np.int64)
    data = np.frombuffer(data_buffer, np.uint8)[offsets[0] : offsets[-1]]
    text_bytes = offsets - offsets[0]
    first_byte = np.append(np.flatnonzero((data & 0xC0) != 0x80), len(data))
    return Characters(data, text_bytes, first_byte, np.searchsorted(first_byte, text_bytes))


def covered(found: Characters, spans: TextSpans) -> Mask:
    """For every code point of all texts whether a span covers it.

    Raises :class:`GristmillError` for a span that is empty or leaves its text.
    """
    start, end = found.places(spans.row, spans.start), found.places(spans.row, spans.end)
    wrong = (spans.start < 0) | (start >= end) | (end > found.text_first[spans.row + 1])
    if wrong.any():
        first = int(np.flatnonzero(wrong)[0])
        row = int(spans.row[first])
        length = int(found.text_first[row + 1] - found.text_first[row])
        raise GristmillError(
            f"span {spans.start[first]}:{spans.end[first]} lies outside the {length} characters of text {row}"
        )
    size = len(found.first_byte)
    marks = np.bincount(start, minlength=size) - np.bincount(end, minlength=size)
    return (np.cumsum(marks[:-1]) > 0).astype(np.bool_)


def rewrite(found: Characters, gone: Mask, places: Positions, replacements: Sequence[bytes]) -> pa.Array:
    """The texts without the code points ``gone``, and with ``replacements[k]`` before code point ``places[k]``.

    ``places`` are numbers among all code points, ascending; a place belongs to the text its code point belongs to.
    """
    kept = np.repeat(~gone, np.diff(found.first_byte))
    sizes = np.array([len(replacement) for replacement in replacements], np.int64)
    data = found.data[kept]
    before = np.zeros(len(kept) + 1, np.int64)
    np.cumsum(kept, out=before[1:])
    if len(places):
        inserted = np.frombuffer(b"".join(replacements), np.uint8)
        data = np.insert(data, np.repeat(before[found.first_byte[places]], sizes), inserted)
    grown = np.zeros(len(found.text_bytes) - 1, np.int64)
    np.add.at(grown, np.searchsorted(found.text_first, places, side="right") - 1, sizes)
    offsets = before[found.text_bytes]
    offsets[1:] += np.cumsum(grown)
    buffers = [None, pa.py_buffer(offsets.astype(np.int32).tobytes()), pa.py_buffer(data.tobytes())]
    return pa.Array.from_buffers(pa.string(), len(offsets) - 1, buffers)
