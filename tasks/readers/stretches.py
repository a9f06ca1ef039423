"""An archive file as stretches: pieces of decompressed bytes that records can be found in, each with its place.

An uncompressed file is one stretch, mapped into memory. In a gzip file every member is a stretch, as the WARC standard
has it; a member that does not begin with a record header continues the one before (block-wise compressors write such
files). Where the compressed stream breaks, what came out of it is still a stretch (marked), a :class:`Gap` names the
bytes that were skipped, and reading goes on at the next member that begins with a record header.
lz4 and zstd files are one stretch, because their readers do not tell where a frame begins.

Cost: one pass; a stretch of more than SPOOL_BYTES lives in an unlinked temporary file and not in memory.
"""

import mmap
import re
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from fastwarc.stream_io import Lz4Reader, ZstdReader

Buffer = bytes | mmap.mmap

GZIP_MAGIC = b"\x1f\x8b\x08"
LZ4_MAGIC = b"\x04\x22\x4d\x18"
ZSTD_MAGICS = (b"\x28\xb5\x2f\xfd", *(bytes([low]) + b"\x2a\x4d\x18" for low in range(0x50, 0x60)))
# What the first bytes of a record look like: a WARC version line, or an ARC line "scheme:... address date ...".
RECORD_START = re.compile(rb"[\r\n]*(?:WARC/\d|[a-z][a-z0-9+.-]{1,12}:[^\r\n]{1,4000} \d{8,17} )", re.I)

READ_BYTES = 1 << 14
SPOOL_BYTES = 64 << 20
MAX_STRETCH_BYTES = 64 << 30
PEEK_BYTES = 4096


@dataclass(slots=True)
class Stretch:
    """Decompressed bytes of file bytes [offset, offset + length). ``fault`` says why they may be incomplete or wrong;
    from ``doubtful_from`` on a checksum failed, so that even complete records are not to be trusted."""

    offset: int
    length: int
    data: Buffer
    compressed: bool
    fault: str | None = None
    doubtful_from: int | None = None


@dataclass(slots=True)
class Gap:
    """File bytes [offset, offset + length) that gave no stretch, or broke one."""

    offset: int
    length: int
    detail: str
    cut_off: bool


def stretches(path: Path) -> Iterator[Stretch | Gap]:
    """The stretches and gaps of a file, in order; nothing for an empty one. Raises ``OSError`` as ``open`` does."""
    with path.open("rb") as file:
        if not file.read(1):
            return
        # never closed by hand: slices of it may live on in the traceback of an error
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        start = mapped[:4]
        if start.startswith(GZIP_MAGIC):
            yield from _gzip_stretches(mapped)
        elif start == LZ4_MAGIC or start in ZSTD_MAGICS:
            yield from _framed_stretches(file, Lz4Reader if start == LZ4_MAGIC else ZstdReader, len(mapped))
        else:
            yield Stretch(0, len(mapped), mapped, compressed=False)


@dataclass(slots=True)
class _Member:
    """One inflated gzip member, file bytes [start, end) or as far as it could be read."""

    start: int
    end: int
    spool: "_Spool"
    fault: str | None = None
    cut_off: bool = False
    doubtful_from: int | None = None


def _gzip_stretches(mapped: mmap.mmap) -> Iterator[Stretch | Gap]:
    size, view = len(mapped), memoryview(mapped)
    pending: _Member | None = None
    position = 0
    while position < size:
        member = _inflate_member(view, position)
        position = member.end if member.fault is None else _next_member(mapped, view, member.start + 1)
        inflated = member.spool.size
        if pending is not None and not member.spool.starts_record():
            before = pending.spool.size
            doubtful = None if member.doubtful_from is None else before + member.doubtful_from
            joined = pending.spool.extend(member.spool)
            pending = _Member(pending.start, position, joined, member.fault, member.cut_off, doubtful)
        else:
            if pending is not None:
                yield _stretch(pending)
            pending = member
            pending.end = position
        if member.fault is not None:
            if pending.spool.size:
                yield _stretch(pending)
            pending = None
            yield Gap(
                member.start,
                position - member.start,
                f"{member.fault}; {inflated} bytes came out of it",
                member.cut_off,
            )
    if pending is not None:
        yield _stretch(pending)


def _stretch(member: _Member) -> Stretch:
    data = member.spool.take()
    return Stretch(member.start, member.end - member.start, data, True, member.fault, member.doubtful_from)


def _inflate_member(view: memoryview, start: int) -> _Member:
    """Inflate the member at ``start``, as far as it goes."""
    spool, size, position = _Spool(), len(view), start
    if view[start : start + 3] != GZIP_MAGIC:
        return _Member(start, start, spool, "bytes that are no gzip member")
    inflater = zlib.decompressobj(31)
    while not inflater.eof:
        if position >= size:
            return _Member(start, size, spool, "the file ends inside a gzip member", cut_off=True)
        piece = view[position : position + READ_BYTES]
        try:
            spool.add(inflater.decompress(piece))
        except zlib.error as error:
            spool.add(_salvage(view, start, position))
            failed = 0 if "incorrect" in str(error) else None  # incorrect data check, incorrect length check
            return _Member(start, position, spool, str(error), doubtful_from=failed)
        position += len(piece) - len(inflater.unused_data)
        if spool.size > MAX_STRETCH_BYTES:
            return _Member(start, position, spool, f"more than {MAX_STRETCH_BYTES >> 30} GiB in one gzip member")
    return _Member(start, position, spool)


def _salvage(view: memoryview, start: int, position: int) -> bytes:
    """What comes out of the piece at ``position`` before it breaks: zlib gives nothing of a call that fails, so the
    member is inflated again up to there, and then byte by byte."""
    inflater = zlib.decompressobj(31)
    for begin in range(start, position, READ_BYTES):
        inflater.decompress(view[begin : min(begin + READ_BYTES, position)])
    saved = []
    try:
        for place in range(position, position + READ_BYTES):
            saved.append(inflater.decompress(view[place : place + 1]))
    except zlib.error:
        return b"".join(saved)
    return b"".join(saved)


def _next_member(mapped: mmap.mmap, view: memoryview, position: int) -> int:
    """Where the next gzip member starts whose content begins with a record header; the file's end if there is none.

    The search begins right after the start of the broken member, for a broken stream may have run into its successor.
    """
    while (position := mapped.find(GZIP_MAGIC, position)) != -1:
        try:
            start = zlib.decompressobj(31).decompress(view[position : position + PEEK_BYTES], PEEK_BYTES)
        except zlib.error:
            start = b""
        if RECORD_START.match(start):
            return position
        position += 1
    return len(mapped)


# -- whole files ----------------------------------------------------------------------------------------------------


def _framed_stretches(file: BinaryIO, kind: type[Lz4Reader] | type[ZstdReader], size: int) -> Iterator[Stretch | Gap]:
    """The whole lz4 or zstd file as one stretch, as far as it can be read."""
    file.seek(0)
    reader, spool, fault = kind(file), _Spool(), None
    try:
        while piece := reader.read(READ_BYTES):
            spool.add(piece)
            if spool.size > MAX_STRETCH_BYTES:
                fault = f"more than {MAX_STRETCH_BYTES >> 30} GiB in one file"
                break
    except (OSError, EOFError, ValueError) as error:
        fault = str(error)
    inflated = spool.size
    if inflated:
        yield Stretch(0, size, spool.take(), True, fault)
    if fault is not None:
        cut_off = "incomplete" in fault or "fill whole buffer" in fault
        yield Gap(0, size, f"{fault}; {inflated} bytes came out of it", cut_off)


class _Spool:
    """Collects bytes: in memory up to SPOOL_BYTES, then in an unlinked temporary file."""

    __slots__ = ("_file", "_parts", "size")

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._file: BinaryIO | None = None
        self.size = 0

    def add(self, part: bytes) -> None:
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

    def extend(self, other: "_Spool") -> "_Spool":
        data = other.take()
        for begin in range(0, len(data), SPOOL_BYTES):
            self.add(data[begin : begin + SPOOL_BYTES])
        return self

    def starts_record(self) -> bool:
        """Whether the collected bytes begin with a record header. (Of a spooled member only its file is asked.)"""
        if self._file is None:
            start = b""
            for part in self._parts:
                start += part
                if len(start) >= PEEK_BYTES:
                    break
        else:
            place = self._file.tell()
            self._file.seek(0)
            start = self._file.read(PEEK_BYTES)
            self._file.seek(place)
        return RECORD_START.match(start[:PEEK_BYTES]) is not None

    def take(self) -> Buffer:
        """Everything collected, as bytes or as a map of the temporary file; the spool is empty afterwards."""
        parts, file, self._parts, self._file, size, self.size = self._parts, self._file, [], None, self.size, 0
        if file is None:
            return parts[0] if len(parts) == 1 else b"".join(parts)
        with file:
            file.flush()
            return mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)
