"""An archive file as stretches: pieces of decompressed bytes that records can be found in, each with its place.

An uncompressed file is one stretch, mapped into memory. In a gzip or zstd file every member is a stretch, as the WARC
standard has it; a member that does not begin with a record header continues the one before (block-wise compressors
write such files). Where the compressed stream breaks, what came out of it is still a stretch (marked), a :class:`Gap`
names the bytes that were skipped, and reading goes on at the next member that begins with a record header. An lz4
file is one stretch, because its reader does not tell where a frame begins.

Cost: one pass; a stretch of more than SPOOL_BYTES lives in an unlinked temporary file and not in memory.
"""

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from fastwarc.stream_io import Lz4Reader

from tasks.readers.decompress import GZIP_MAGIC, LZ4_MAGIC, PIECE_BYTES, ZSTD_MAGICS
from tasks.readers.members import (
    MAX_STRETCH_BYTES,
    PEEK_BYTES,
    RECORD_START,
    Codec,
    Member,
    gzip_codec,
    inflate,
    next_member,
    zstd_codec,
)
from tasks.readers.spool import Buffer, Spool


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
            yield from _member_stretches(gzip_codec(), mapped)
        elif start in ZSTD_MAGICS:
            yield from _member_stretches(zstd_codec(mapped), mapped)
        elif start == LZ4_MAGIC:
            yield from _lz4_stretches(file, len(mapped))
        else:
            yield Stretch(0, len(mapped), mapped, compressed=False)


def _member_stretches(codec: Codec, mapped: mmap.mmap) -> Iterator[Stretch | Gap]:
    size, view = len(mapped), memoryview(mapped)
    pending: Member | None = None
    position = 0
    while position < size:
        member = inflate(codec, view, position)
        position = member.end if member.fault is None else next_member(codec, mapped, view, member.start + 1)
        inflated = member.spool.size
        if pending is not None and not RECORD_START.match(member.spool.start(PEEK_BYTES)):
            before = pending.spool.size
            doubtful = None if member.doubtful_from is None else before + member.doubtful_from
            joined = pending.spool.extend(member.spool)
            pending = Member(pending.start, position, joined, member.fault, member.cut_off, doubtful)
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


def _stretch(member: Member) -> Stretch:
    data = member.spool.take()
    return Stretch(member.start, member.end - member.start, data, True, member.fault, member.doubtful_from)


def _lz4_stretches(file: BinaryIO, size: int) -> Iterator[Stretch | Gap]:
    """The whole lz4 file as one stretch, as far as it can be read."""
    file.seek(0)
    reader, spool, fault = Lz4Reader(file), Spool(), None
    try:
        while piece := reader.read(PIECE_BYTES):
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
