"""An archive file as byte ranges: pieces of decompressed bytes that records can be found in, each with its place.

An uncompressed file is one byte range, mapped into memory. In a gzip or zstd file every member is one, as the WARC
standard has it, and zeros after a sound one are padding; a member that does not begin with a record header continues
the one before (block-wise compressors write such files). Where the compressed stream breaks, what came out of it is
still a byte range (marked), a :class:`Gap` names the bytes that were skipped, and reading goes on at the next member
that begins with a record header. An lz4 file is one byte range, because its reader does not say where a frame begins.

Cost: one pass; a byte range of more than SPOOL_BYTES is kept in an unlinked temporary file, not in memory.
"""

import mmap
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from gristmill.tasks.ingest.readers.archives.members import (
    MAX_RANGE_BYTES,
    PEEK_BYTES,
    RECORD_START,
    Codec,
    Member,
    gzip_codec,
    inflate,
    next_member,
    zstd_codec,
)
from gristmill.tasks.ingest.readers.decompress import (
    BZIP2_MAGICS,
    GZIP_MAGIC,
    LZ4_MAGIC,
    MAGIC_BYTES,
    XZ_MAGIC,
    ZSTD_MAGICS,
    BrokenStreamError,
    pieces,
)
from gristmill.tasks.ingest.readers.spool import Buffer, Spool, Window

ZEROS = re.compile(rb"\x00+")  # what pads a file to the block of a tape or a device
WHOLE_MAGICS = (LZ4_MAGIC, *BZIP2_MAGICS, XZ_MAGIC)


@dataclass(slots=True)
class ByteRange:
    """Decompressed bytes of file bytes [offset, offset + length). ``fault`` says why they may be incomplete or wrong;
    from ``doubtful_from`` on a checksum failed, so that even complete records cannot be trusted."""

    offset: int
    length: int
    data: Buffer
    compressed: bool
    fault: str | None = None
    doubtful_from: int | None = None


@dataclass(slots=True)
class Gap:
    """File bytes [offset, offset + length) that gave no byte range, or broke one."""

    offset: int
    length: int
    detail: str
    cut_off: bool
    expands: bool = False


def byte_ranges(path: Path) -> Iterator[ByteRange | Gap]:
    """The byte ranges and gaps of a file, in order; nothing for an empty one. Raises ``OSError`` as ``open`` does."""
    with path.open("rb") as file:
        if not file.read(1):
            return
        # never closed by hand: slices of it may live on in the traceback of an error
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        start = mapped[:MAGIC_BYTES]
        if start.startswith(GZIP_MAGIC):
            yield from _member_ranges(gzip_codec(), mapped)
        elif start.startswith(ZSTD_MAGICS):
            yield from _member_ranges(zstd_codec(mapped), mapped)
        elif start.startswith(WHOLE_MAGICS):
            yield from _whole_range(file, len(mapped))
        else:
            yield ByteRange(0, len(mapped), mapped, compressed=False)


def _member_ranges(codec: Codec, mapped: mmap.mmap) -> Iterator[ByteRange | Gap]:
    size, view = len(mapped), memoryview(mapped)
    pending: Member | None = None
    window = Window(mapped)
    position = 0
    while position < size:
        window.passed(position)
        padding = ZEROS.match(mapped, position) if pending is not None else None
        if padding is not None:
            position = padding.end()
            continue
        member = inflate(codec, view, position)
        position = member.end if member.fault is None else next_member(codec, mapped, view, member.start + 1)
        inflated = member.spool.size
        if pending is not None and not inflated:
            pending.fault = member.fault  # its last record may go on in what broke, but nothing of that is known
        elif pending is not None and not RECORD_START.match(member.spool.start(PEEK_BYTES)):
            before = pending.spool.size
            doubtful = None if member.doubtful_from is None else before + member.doubtful_from
            joined = pending.spool.extend(member.spool)
            pending = Member(pending.start, position, joined, member.fault, member.cut_off, member.expands, doubtful)
        else:
            if pending is not None:
                yield _range_of(pending)
            pending = member
            pending.end = position
        if member.fault is not None:
            if pending.spool.size:
                yield _range_of(pending)
            pending = None
            yield Gap(
                member.start,
                position - member.start,
                f"{member.fault}; {inflated} bytes came out of it",
                member.cut_off,
                member.expands,
            )
    if pending is not None:
        yield _range_of(pending)


def _range_of(member: Member) -> ByteRange:
    data = member.spool.take()
    return ByteRange(member.start, member.end - member.start, data, True, member.fault, member.doubtful_from)


def _whole_range(file: BinaryIO, size: int) -> Iterator[ByteRange | Gap]:
    """The whole file as one byte range, as far as it can be read."""
    spool, broken = Spool(), None
    try:
        for piece in pieces(file):
            spool.add(piece)
            if spool.size > MAX_RANGE_BYTES:
                raise BrokenStreamError(OverflowError(f"more than {MAX_RANGE_BYTES >> 30} GiB in one file"))
    except BrokenStreamError as error:
        broken = error
    inflated = spool.size
    if inflated:
        yield ByteRange(0, size, spool.take(), True, None if broken is None else str(broken))
    if broken is not None:
        yield Gap(0, size, f"{broken}; {inflated} bytes came out of it", broken.cut_off, broken.expands)
