"""Stored crawls of a lake (WARC) without the records of a page: members of the same length that hold nothing.

A crawl that lies in the lake (that of the demo, say) is an input of ingest and may be read again. Each record of a
compressed WARC is a gzip member of its own; one whose target was taken down is replaced by an empty member with a
comment of the right length, so that the places of all others stay true. The file has another digest, so a later run
reads it again and finds no such record.
"""

import re
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from gristmill.core.digests import digest_bytes
from gristmill.flows.takedown.folders import replace_file
from gristmill.flows.takedown.proof.needles import Finder, NeedleKind
from gristmill.tasks.ingest.barred import Barred
from gristmill.tasks.ingest.parts import host_of

TARGET = re.compile(rb"(?im)^WARC-Target-URI:[ \t]*<?([^>\r\n]*?)>?[ \t]*\r?$")
PIECE_BYTES = 1 << 14
EMPTY = bytes.fromhex("0300") + struct.pack("<II", 0, 0)
"""An empty deflate stream, its checksum and its length."""
HEADER = bytes.fromhex("1f8b0810000000000003")
"""A gzip header with a comment, which ends with a zero."""


def blank_warc(path: Path, barred: Barred, finder: Finder, done: Callable[[str], None] = lambda _: None) -> int:
    """Blank the records of what was taken down in a ``.warc.gz``. Returns how many. Memory: the file."""
    data = bytearray(path.read_bytes())
    blanked = 0
    for start, end, content in list(members(bytes(data))):
        header = content.partition(b"\r\n\r\n")[0]
        target = TARGET.search(header)
        url = target[1].decode("utf-8", "replace") if target else None
        body = content.partition(b"\r\n\r\n")[2].partition(b"\r\n\r\n")[2].removesuffix(b"\r\n\r\n")
        taken = barred.covers(url, host_of(url), digest_bytes(body), None) or any(
            match.needle.kind is not NeedleKind.ADDRESS for match in finder(content)
        )
        if taken and target:
            data[start:end] = empty_member(end - start)
            blanked += 1
    if blanked:
        replace_file(path, bytes(data))
        done(f"crawl {path.name}")
    return blanked


def members(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """First byte, one past the last, and content of each gzip member; what is no member ends it."""
    start = 0
    while data[start : start + 2] == b"\x1f\x8b":
        reader, parts, end = zlib.decompressobj(31), [], start
        try:
            while not reader.eof and end < len(data):
                parts.append(reader.decompress(data[end : end + PIECE_BYTES]))
                end += PIECE_BYTES
        except zlib.error:
            return
        if not reader.eof:
            return
        end = min(end, len(data)) - len(reader.unused_data)
        yield start, end, b"".join(parts)
        start = end


def empty_member(size: int) -> bytes:
    """A gzip member of ``size`` bytes that holds nothing."""
    comment = size - len(HEADER) - len(EMPTY) - 1
    return HEADER + b" " * comment + b"\0" + EMPTY
