"""A column of texts as its UTF-8 bytes, cut at white space and at line breaks; what the kernels of signals start from.

Nothing is copied: ``data`` is Arrow's own buffer. Cost: about 4 ns a byte (``kernels/tokens/whitespace_split.py``,
``kernels/lines/line_features.py``).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.tasks.kernels.lines.line_features import find_lines
from gristmill.tasks.kernels.tokens.whitespace_split import find_chunks
from gristmill.tasks.text.characters import character_table
from gristmill.tasks.text.slices import utf8_of

Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint32]
Places = npt.NDArray[np.int32]
Positions = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Column:
    """Texts cut into chunks (what ``str.split`` gives).

    Text i is bytes ``data[bounds[i]:bounds[i + 1]]``. ``chunks``: see
    ``find_chunks`` in ``kernels/tokens/whitespace_split.py``.
    """

    data: Bytes
    bounds: Positions
    chunks: tuple[Places, Places, Places, Words, Hashes, Positions]

    @property
    def texts(self) -> int:
        """Number of texts."""
        return len(self.bounds) - 1

    def characters_before(self, places: npt.NDArray[np.integer]) -> Places:
        """Code points between the first text's first byte and each of the bytes ``places``. Takes 4 bytes a byte."""
        low, high = int(self.bounds[0]), int(self.bounds[-1])
        counts = np.zeros(high - low + 1, np.int32)
        np.cumsum((self.data[low:high] & 0xC0) != 0x80, out=counts[1:])
        found: Places = counts[places - low]
        return found


@dataclass(frozen=True)
class Lines:
    """Lines of texts as ``str.splitlines`` gives them; lines ``offsets[i]:offsets[i + 1]`` are those of text i.

    All in bytes of the column's data: ``first`` to ``last`` is the line as it stands, the next one begins at ``after``;
    ``start`` to ``end`` is the line without white space at its ends (nothing, at ``last``, for an empty one).
    ``words``: its chunks, ``chunk`` being the first; ``longest``: characters of the longest of them.
    """

    first: Places
    last: Places
    after: Places
    start: Places
    end: Places
    words: Places
    longest: Places
    offsets: Positions

    @property
    def row(self) -> Places:
        """The text of each line."""
        return np.repeat(np.arange(len(self.offsets) - 1, dtype=np.int32), np.diff(self.offsets))


def column_of(texts: pa.Array) -> Column:
    """The column of ``texts`` (Arrow strings). Raises ``ValueError`` when one is null."""
    return cut(*utf8_of(texts))


def cut(data: Bytes, bounds: Positions) -> Column:
    """The column of the texts ``data[bounds[i]:bounds[i + 1]]``."""
    return Column(data, bounds, find_chunks(data, bounds, character_table()))


def lines_of(column: Column) -> Lines:
    """The lines of every text of ``column``."""
    first, last, after, longest, start, end, words, offsets = find_lines(column.data, column.bounds, column.chunks)
    return Lines(first, last, after, start, end, words, longest, offsets)
