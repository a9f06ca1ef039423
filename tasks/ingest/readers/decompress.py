"""Looking through the compression of a whole file: gzip, lz4, zstd, bzip2 and xz, recognised by their first bytes.

Every format may hold several streams one after the other. Archives of records (``byte_ranges``) need the place of every
gzip member and zstd frame and do not come here. A stream that expands too far is cut off
(``gristmill.tasks.ingest.readers.expansion``). Cost: one pass, 64 KiB at a time.
"""

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from gzip import GzipFile
from typing import BinaryIO

import zstandard
from fastwarc.stream_io import Lz4Reader

from gristmill.tasks.ingest.readers.expansion import FREE_BYTES, ExpansionError, bound, over
from gristmill.tasks.ingest.readers.reasons import Reason

GZIP_MAGIC = b"\x1f\x8b\x08"
LZ4_MAGIC = b"\x04\x22\x4d\x18"
SKIPPABLE = b"\x2a\x4d\x18"
ZSTD_MAGICS = (b"\x28\xb5\x2f\xfd", *(bytes([low]) + SKIPPABLE for low in range(0x50, 0x60)))
# A block follows, or in an empty stream its end.
BZIP2_MAGICS = tuple(
    b"BZh%d%b" % (level, next_part)
    for level in range(1, 10)
    for next_part in (b"\x31\x41\x59\x26\x53\x59", b"\x17\x72\x45\x38\x50\x90")
)
XZ_MAGIC = b"\xfd7zXZ\x00"
MAGIC_BYTES = 10

CUT_OFF_WORDS = ("incomplete", "fill whole buffer")
PIECE_BYTES = 1 << 16
# One call gives all that comes out of these stored bytes: 128 MiB at most, for a block of 128 KiB takes 4 bytes.
FRAME_PIECE_BYTES = 1 << 12
# A header can ask for a dictionary of 4 GiB; no preset of xz uses more than 64 MiB.
XZ_MEMORY_BYTES = 256 << 20

Read = Callable[[int], bytes]


class BrokenStreamError(Exception):
    """The compressed stream ends early (``cut_off``), expands too far (``expands``) or contradicts itself."""

    def __init__(self, error: Exception) -> None:
        self.expands = isinstance(error, ExpansionError)
        super().__init__(str(error) if self.expands else f"the compressed stream breaks off: {error}")
        # the lz4 reader has no error of their own for this
        self.cut_off = isinstance(error, EOFError) or any(words in str(error) for words in CUT_OFF_WORDS)

    @property
    def reason(self) -> Reason:
        """What to call it in ``set_aside``."""
        return reason_of(expands=self.expands, cut_off=self.cut_off)


def reason_of(*, expands: bool, cut_off: bool) -> Reason:
    """The reason why a compressed stream was not read to its end."""
    if expands:
        return Reason.EXPANDS
    return Reason.CUT_OFF if cut_off else Reason.BAD_COMPRESSION


def pieces(file: BinaryIO) -> Iterator[bytes]:
    """The decompressed content from the start of ``file``, in pieces; of an uncompressed file the content itself.

    Raises :class:`BrokenStreamError` where a compressed stream breaks off or grows beyond measure, after everything
    that came out of it.
    """
    read = _reader(file)
    expanded = 0
    try:
        while piece := read(PIECE_BYTES):
            expanded += len(piece)
            if expanded > FREE_BYTES and read != file.read and expanded > bound(file.tell()):
                raise ExpansionError(over(file.tell(), expanded))
            yield piece
    except (EOFError, OSError, ValueError, zlib.error, lzma.LZMAError, zstandard.ZstdError, ExpansionError) as error:
        if read == file.read:
            raise
        raise BrokenStreamError(error) from error


def first_bytes(file: BinaryIO, size: int) -> bytes:
    """Up to ``size`` decompressed bytes from the start, as far as the stream is sound; empty where it is not at all."""
    parts: list[bytes] = []
    found = 0
    try:
        for piece in pieces(file):
            parts.append(piece)
            found += len(piece)
            if found >= size:
                break
    except BrokenStreamError:
        pass  # whoever reads the whole file reports it; here the question is what kind of file it is
    return b"".join(parts)[:size]


def _reader(file: BinaryIO) -> Read:
    file.seek(0)
    start = file.read(MAGIC_BYTES)
    file.seek(0)
    if start.startswith(GZIP_MAGIC):
        return GzipFile(fileobj=file).read1  # unlike read, it gives what comes before a break
    if start.startswith(LZ4_MAGIC):
        return Lz4Reader(file).read
    if start.startswith(ZSTD_MAGICS):
        return _Frames(file).read
    if start.startswith(BZIP2_MAGICS):
        return _Streams(file, "a bzip2", bz2.BZ2Decompressor).read
    if start.startswith(XZ_MAGIC):
        return _Streams(file, "an xz", _new_xz).read
    return file.read


class _Frames:
    """zstd frames, one after the other. Whatever reads across frames by itself loses what it holds when no frame
    follows the last one, and takes a frame that is cut off for a whole one."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.frame = zstandard.ZstdDecompressor().decompressobj()
        self.ready = memoryview(b"")

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes; empty at the end. Raises ``ZstdError`` or ``EOFError``."""
        while not self.ready:
            if self.frame.eof:
                stored = _beyond_zeros(self.file, self.frame.unused_data)
                if not stored:
                    return b""
                self.frame = zstandard.ZstdDecompressor().decompressobj()
            else:
                stored = self.file.read(FRAME_PIECE_BYTES)
                if not stored:
                    raise EOFError("the file ends inside a zstd frame")
            self.ready = memoryview(self.frame.decompress(stored))
        piece, self.ready = bytes(self.ready[:size]), self.ready[size:]
        return piece


class _Streams:
    """bzip2 and xz streams, one after the other. ``bz2.BZ2File`` takes anything but a stream for the end of the file,
    so a damaged one would silently take all that follow with it; ``lzma.LZMAFile`` bounds no memory."""

    def __init__(
        self, file: BinaryIO, name: str, new: Callable[[], bz2.BZ2Decompressor | lzma.LZMADecompressor]
    ) -> None:
        self.file = file
        self.name = name
        self.new = new
        self.stream = new()

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes; empty at the end. Raises ``LZMAError``, ``OSError`` or ``EOFError``."""
        while True:
            if self.stream.eof:
                stored = _beyond_zeros(self.file, self.stream.unused_data)
                if not stored:
                    return b""
                self.stream = self.new()
            else:
                stored = self.file.read(PIECE_BYTES) if self.stream.needs_input else b""
                if not stored and self.stream.needs_input:
                    raise EOFError(f"the file ends inside {self.name} stream")
            if piece := self.stream.decompress(stored, size):
                return piece


def _beyond_zeros(file: BinaryIO, read: bytes) -> bytes:
    """What follows a stream and the zeros that pad it, ``read`` of it being read; empty at the end of the file."""
    while not (stored := read.lstrip(b"\x00")):
        read = file.read(FRAME_PIECE_BYTES)
        if not read:
            return b""
    return stored


def _new_xz() -> lzma.LZMADecompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY_BYTES)
