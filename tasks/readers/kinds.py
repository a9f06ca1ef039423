"""What kind of input a file is, from its first bytes (looking through gzip, lz4 and zstd) and its name.

Bytes decide where they can: a WARC, ARC or Parquet file is found under any name. The name decides between the kinds
that look alike: JSON Lines, plain text, Markdown, HTML. A file with a known name whose bytes contradict it is still
read as that kind, so that its damage is counted. Cost: reads at most 64 KiB.
"""

import json
import zlib
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from fastwarc.stream_io import Lz4Reader, ZstdReader

from tasks.readers.media import looks_binary, looks_like_html
from tasks.readers.stretches import GZIP_MAGIC, LZ4_MAGIC, ZSTD_MAGICS

LOOK_BYTES = 1 << 16
COMPRESSED = frozenset({".gz", ".gzip", ".lz4", ".zst", ".zstd", ".bgz"})


class Kind(StrEnum):
    """A kind of input that can be read."""

    WARC = "warc"
    ARC = "arc"
    WACZ = "wacz"
    JSONL = "jsonl"
    PARQUET = "parquet"
    PLAIN = "plain"
    MARKDOWN = "markdown"
    HTML = "html"


NAMES = {
    ".warc": Kind.WARC,
    ".wet": Kind.WARC,
    ".wat": Kind.WARC,
    ".arc": Kind.ARC,
    ".wacz": Kind.WACZ,
    ".jsonl": Kind.JSONL,
    ".ndjson": Kind.JSONL,
    ".jsonlines": Kind.JSONL,
    ".parquet": Kind.PARQUET,
    ".txt": Kind.PLAIN,
    ".text": Kind.PLAIN,
    ".md": Kind.MARKDOWN,
    ".markdown": Kind.MARKDOWN,
    ".html": Kind.HTML,
    ".htm": Kind.HTML,
    ".xhtml": Kind.HTML,
}


def kind_of(path: Path, name: str) -> tuple[Kind | None, str]:
    """The kind of a file, or None and why it cannot be read. Raises ``OSError`` as ``open`` does."""
    with path.open("rb") as file:
        start = file.read(LOOK_BYTES)
        inner = _look_inside(start, file)
    named = NAMES.get(suffix(name))
    if inner.startswith((b"WARC/", b"warc/")):
        return Kind.WARC, ""
    if inner.startswith(b"filedesc:"):
        return Kind.ARC, ""
    if start.startswith(b"PAR1"):
        return Kind.PARQUET, ""
    if named is not None:
        return named, ""
    if not start:
        return None, "empty file"
    if _first_line_is_object(inner):
        return Kind.JSONL, ""
    if looks_like_html(inner) and not looks_binary(inner):
        return Kind.HTML, ""
    return None, _why_not(name, inner)


def suffix(name: str) -> str:
    """The last suffix in lower case, without that of a compression: ``a.warc.gz`` -> ``.warc``."""
    suffixes = [part.lower() for part in PurePosixPath(name).suffixes]
    while suffixes and suffixes[-1] in COMPRESSED:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def _look_inside(start: bytes, file: BinaryIO) -> bytes:
    """The first decompressed bytes; the stored ones where the file is not compressed or its compression broken."""
    if start.startswith(GZIP_MAGIC):
        try:
            return zlib.decompressobj(31).decompress(start, LOOK_BYTES)
        except zlib.error:
            return start
    if start[:4] == LZ4_MAGIC or start[:4] in ZSTD_MAGICS:
        file.seek(0)
        try:
            return (Lz4Reader if start[:4] == LZ4_MAGIC else ZstdReader)(file).read(LOOK_BYTES)
        except (OSError, EOFError, ValueError):
            return start
    return start


def _first_line_is_object(start: bytes) -> bool:
    line = start.lstrip().partition(b"\n")[0]
    if not line.startswith(b"{"):
        return False
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _why_not(name: str, start: bytes) -> str:
    if suffix(name) == ".json":
        return "one JSON document, not JSON Lines (one object a line)"
    if start.startswith(b"%PDF-"):
        return "PDF is not read"
    if start.startswith(b"PK\x03\x04"):
        return "a zip file that is not called .wacz"
    if looks_binary(start):
        return "unknown binary content"
    return "neither its name nor its content is of a known kind (rename plain text to .txt to have it read)"
