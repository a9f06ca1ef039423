"""Buffers that may be larger than memory: maps of files, and what is collected in memory while it is small and in an
unlinked temporary file when it is not."""

import mmap
import tempfile
from collections.abc import Iterator
from typing import BinaryIO

Buffer = bytes | mmap.mmap

SPOOL_BYTES = 64 << 20
WINDOW_BYTES = 32 << 20


class Window:
    """Gives back the pages of a map that have been read, so that a large file does not count as memory in use."""

    def __init__(self, data: Buffer) -> None:
        self.data = data if isinstance(data, mmap.mmap) else None
        self.released = 0

    def passed(self, position: int) -> None:
        """Nothing before ``position`` is needed soon; what is read there again comes from the file again."""
        if self.data is not None and position - self.released >= WINDOW_BYTES:
            end = position - position % mmap.ALLOCATIONGRANULARITY
            self.data.madvise(mmap.MADV_DONTNEED, self.released, end - self.released)
            self.released = end


def windows(data: Buffer, position: int, end: int, overlap: int) -> Iterator[tuple[int, int]]:
    """[position, end) in windows of WINDOW_BYTES that overlap by ``overlap``, for a search that may look at it all.
    Of a map no more than one of them is in memory at a time."""
    while True:
        stop = min(position + WINDOW_BYTES, end)
        yield position, stop
        if isinstance(data, mmap.mmap) and stop - position == WINDOW_BYTES:
            begin = position - position % mmap.ALLOCATIONGRANULARITY
            data.madvise(mmap.MADV_DONTNEED, begin, stop - begin)
        if stop >= end:
            return
        position = stop - overlap


class Spool:
    """Collects bytes: in memory up to SPOOL_BYTES, then in an unlinked temporary file."""

    __slots__ = ("_file", "_parts", "size")

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._file: BinaryIO | None = None
        self.size = 0

    def add(self, part: bytes) -> None:
        """Append. Raises ``OSError`` when the temporary folder is full."""
        if not part:
            return
        self.size += len(part)
        if self._file is None and self.size > SPOOL_BYTES:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed when its map is taken
            self._file.writelines(self._parts)
            self._parts = []
        if self._file is None:
            self._parts.append(part)
        else:
            self._file.write(part)

    def extend(self, other: "Spool") -> "Spool":
        """Append all that ``other`` holds, which is empty afterwards."""
        data = other.take()
        for begin in range(0, len(data), SPOOL_BYTES):
            self.add(data[begin : begin + SPOOL_BYTES])
        return self

    def start(self, size: int) -> bytes:
        """The first ``size`` bytes, or all when there are fewer. (Of a spooled buffer only its file is asked.)"""
        if self._file is None:
            start = b""
            for part in self._parts:
                start += part
                if len(start) >= size:
                    break
        else:
            place = self._file.tell()
            self._file.seek(0)
            start = self._file.read(size)
            self._file.seek(place)
        return start[:size]

    def take(self) -> Buffer:
        """Everything collected, as bytes or as a map of the temporary file; the spool is empty afterwards."""
        parts, file, self._parts, self._file, size, self.size = self._parts, self._file, [], None, self.size, 0
        if file is None:
            return parts[0] if len(parts) == 1 else b"".join(parts)
        with file:
            file.flush()
            return mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)
