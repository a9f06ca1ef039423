"""The members of a gzip file and the frames of a zstd file, one by one, each with its place and with what is wrong.

Both formats allow streams one after the other, and crawlers write one for each record, so that a record can be read
again by its place. A ``.warc.zst`` may begin with a skippable frame that holds the dictionary of all others (the IIPC's
proposal "WARC/Zstandard", as the Archive Team writes it).

A member that expands too far is cut off there (``gristmill.tasks.ingest.readers.expansion``).

Cost: one pass; of memory 64 MiB, and what one call gives: 16 MiB (zlib) or 128 MiB (zstd) at most. A member that breaks
is inflated twice, the last piece byte by byte, because zlib and zstd give nothing of the call that fails.
"""

import mmap
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import zstandard

from gristmill.tasks.ingest.readers.decompress import GZIP_MAGIC
from gristmill.tasks.ingest.readers.expansion import bound, over
from gristmill.tasks.ingest.readers.spool import Spool

# What the first bytes of a record look like: a WARC version line, or an ARC line "scheme:... address date ...".
RECORD_START = re.compile(rb"[\r\n]*(?:WARC/\d|[a-z][a-z0-9+.-]{1,12}:[^\r\n]{1,4000} \d{8,17} )", re.I)
PEEK_BYTES = 4096
ZSTD_BLOCK_BYTES = 128 << 10  # the largest that the format allows

MAX_RANGE_BYTES = 64 << 30

FRAME_MAGIC = b"\x28\xb5\x2f\xfd"
DICTIONARY_FRAME = b"\x5d\x2a\x4d\x18"
SKIPPABLE_FRAME = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18", re.S)
# Archive Team trains dictionaries of about 1 MiB; memory holds five copies of one.
MAX_DICTIONARY_BYTES = 32 << 20


class Inflater(Protocol):
    """What zlib and zstandard have in common: an object for one stream."""

    @property
    def eof(self) -> bool:
        """Whether the stream has ended."""

    @property
    def unused_data(self) -> bytes:
        """What was given to it beyond the end of the stream."""

    def decompress(self, data: memoryview, /) -> bytes:
        """The next piece."""


@dataclass(frozen=True)
class Codec:
    """One of the two formats: how a stream is inflated, how it begins, and what its errors are."""

    name: str
    open: Callable[[], Inflater]
    #: The first PEEK_BYTES of a stream, never more: a bomb must not go off here.
    peek: Callable[[memoryview], bytes]
    #: Stored bytes that this takes: zstd gives nothing of a block that is not whole.
    peek_bytes: int
    #: Stored bytes given to an inflater at a time: what comes out of one call is in memory at once.
    read_bytes: int
    begins: Callable[[bytes], bool]
    magic: bytes
    error: type[Exception]
    #: Words of the error that says a checksum or length failed: everything came out, and some of it is wrong.
    doubt: str


@dataclass(slots=True)
class Member:
    """One inflated member, file bytes [start, end) or as far as it could be read. ``fault`` says what is wrong with it;
    from ``doubtful_from`` on a checksum failed."""

    start: int
    end: int
    spool: Spool
    fault: str | None = None
    cut_off: bool = False
    expands: bool = False
    doubtful_from: int | None = None


def gzip_codec() -> Codec:
    """gzip members."""
    return Codec(
        name="gzip member",
        open=lambda: zlib.decompressobj(31),
        peek=lambda data: zlib.decompressobj(31).decompress(data, PEEK_BYTES),
        peek_bytes=PEEK_BYTES,
        read_bytes=1 << 14,
        begins=_is_gzip,
        magic=GZIP_MAGIC,
        error=zlib.error,
        doubt="incorrect",
    )


def zstd_codec(mapped: mmap.mmap) -> Codec:
    """zstd frames, with the dictionary in the file's first frame where there is one."""
    dictionary = _dictionary(mapped)
    context = zstandard.ZstdDecompressor(dict_data=dictionary)
    return Codec(
        name="zstd frame",
        open=context.decompressobj,
        peek=lambda data: context.stream_reader(data).read(PEEK_BYTES),
        peek_bytes=ZSTD_BLOCK_BYTES + PEEK_BYTES,
        read_bytes=1 << 12,
        begins=_is_zstd,
        magic=FRAME_MAGIC,
        error=zstandard.ZstdError,
        doubt="checksum",
    )


def _is_gzip(start: bytes) -> bool:
    return start.startswith(GZIP_MAGIC)


def _is_zstd(start: bytes) -> bool:
    return start.startswith(FRAME_MAGIC) or SKIPPABLE_FRAME.match(start) is not None


def _dictionary(mapped: mmap.mmap) -> zstandard.ZstdCompressionDict | None:
    """The dictionary of the file: the content of its first frame, itself compressed or not. None where there is none or
    it is broken, and then every frame that needs it says so."""
    if mapped[:4] != DICTIONARY_FRAME:
        return None
    data = mapped[8 : 8 + min(int.from_bytes(mapped[4:8], "little"), MAX_DICTIONARY_BYTES)]
    try:
        if data.startswith(FRAME_MAGIC):
            with zstandard.ZstdDecompressor().stream_reader(data) as reader:
                data = reader.read(MAX_DICTIONARY_BYTES)
        return zstandard.ZstdCompressionDict(data)
    except zstandard.ZstdError:
        return None


def inflate(codec: Codec, view: memoryview, start: int) -> Member:
    """Inflate the member at ``start``, as far as it goes."""
    spool, size, position = Spool(), len(view), start
    if not codec.begins(bytes(view[start : start + 4])):
        return Member(start, start, spool, f"bytes that are no {codec.name}")
    inflater = codec.open()
    while not inflater.eof:
        if position >= size:
            return Member(start, size, spool, f"the file ends inside a {codec.name}", cut_off=True)
        piece = view[position : position + codec.read_bytes]
        try:
            spool.add(inflater.decompress(piece))
        except codec.error as error:
            spool.add(_salvage(codec, view, start, position))
            failed = 0 if codec.doubt in str(error) else None
            return Member(start, position, spool, str(error), doubtful_from=failed)
        position += len(piece) - len(inflater.unused_data)
        if spool.size > bound(position - start):
            return Member(start, position, spool, over(position - start, spool.size), expands=True)
        if spool.size > MAX_RANGE_BYTES:
            return Member(start, position, spool, f"more than {MAX_RANGE_BYTES >> 30} GiB in one {codec.name}")
    return Member(start, position, spool)


def _salvage(codec: Codec, view: memoryview, start: int, position: int) -> bytes:
    """What comes out of the piece at ``position`` before it breaks: the member is inflated again up to there, and then
    byte by byte."""
    inflater = codec.open()
    for begin in range(start, position, codec.read_bytes):
        inflater.decompress(view[begin : min(begin + codec.read_bytes, position)])
    saved = []
    try:
        for place in range(position, position + codec.read_bytes):
            saved.append(inflater.decompress(view[place : place + 1]))
    except codec.error:
        return b"".join(saved)
    return b"".join(saved)


def next_member(codec: Codec, mapped: mmap.mmap, view: memoryview, position: int) -> int:
    """Where the next member starts whose content begins with a record header; the file's end if there is none.

    The search begins right after the start of the broken member, for a broken stream may have run into its successor.
    """
    while (position := mapped.find(codec.magic, position)) != -1:
        try:
            start = codec.peek(view[position : position + codec.peek_bytes])
        except codec.error:
            start = b""
        if RECORD_START.match(start):
            return position
        position += 1
    return len(mapped)
