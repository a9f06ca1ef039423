"""What kind of input a file is, from its first bytes (looking through its compression) and its name.

Bytes decide where they can: a WARC, ARC or Parquet file is found under any name. The name decides between the kinds
that look alike: JSON Lines, CSV, TSV, plain text, Markdown, HTML. A file with a known name whose bytes contradict it
is still read as that kind, so that its damage is counted. Under other names, such as ``.json``, a file is JSON Lines
when its first line is an object or goes on beyond what was looked at, or when most of its first lines are objects: a
broken line is set aside by itself, and a row may be longer than any look. Cost: reads at most 64 KiB.
"""

import json
from enum import StrEnum
from pathlib import Path, PurePosixPath

from gristmill.tasks.ingest.readers.decompress import first_bytes
from gristmill.tasks.ingest.readers.media import looks_binary, looks_like_html
from gristmill.tasks.ingest.readers.reasons import Reason
from gristmill.tasks.ingest.readers.rows.unicode import as_utf8

LOOK_BYTES = 1 << 16
LOOK_LINES = 100
COMPRESSED = frozenset({".gz", ".gzip", ".bgz", ".lz4", ".zst", ".zstd", ".bz2", ".xz"})


class Kind(StrEnum):
    """A kind of input that can be read."""

    WARC = "warc"
    ARC = "arc"
    WACZ = "wacz"
    JSONL = "jsonl"
    PARQUET = "parquet"
    CSV = "csv"
    TSV = "tsv"
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
    ".csv": Kind.CSV,
    ".tsv": Kind.TSV,
    ".tab": Kind.TSV,
    ".txt": Kind.PLAIN,
    ".text": Kind.PLAIN,
    ".md": Kind.MARKDOWN,
    ".markdown": Kind.MARKDOWN,
    ".html": Kind.HTML,
    ".htm": Kind.HTML,
    ".xhtml": Kind.HTML,
}


def kind_of(path: Path, name: str) -> tuple[Kind | None, Reason, str]:
    """The kind of a file; or None, and why it cannot be read. Raises ``OSError`` as ``open`` does."""
    with path.open("rb") as file:
        start = file.read(LOOK_BYTES)
        # the stored bytes, where the compression is broken from its start on
        inner = first_bytes(file, LOOK_BYTES) or start
    named = NAMES.get(suffix(name))
    if inner.startswith((b"WARC/", b"warc/")):
        return Kind.WARC, Reason.UNKNOWN_KIND, ""
    if inner.startswith(b"filedesc:"):
        return Kind.ARC, Reason.UNKNOWN_KIND, ""
    if start.startswith(b"PAR1"):
        return Kind.PARQUET, Reason.UNKNOWN_KIND, ""
    if inner.startswith(b"PAR1"):
        return None, Reason.UNKNOWN_KIND, "a Parquet file that is compressed as a whole: decompress it to have it read"
    if named is not None:
        return named, Reason.UNKNOWN_KIND, ""
    if not start:
        return None, Reason.EMPTY_FILE, "empty file"
    if _holds_json_lines(inner):
        return Kind.JSONL, Reason.UNKNOWN_KIND, ""
    if looks_like_html(inner) and not looks_binary(inner):
        return Kind.HTML, Reason.UNKNOWN_KIND, ""
    return None, *_why_not(name, inner)


def suffix(name: str) -> str:
    """The last suffix in lower case, without that of a compression: ``a.warc.gz`` -> ``.warc``."""
    path = name.partition("?")[0] if "://" in name else name
    suffixes = [part.lower() for part in PurePosixPath(path).suffixes]
    while suffixes and suffixes[-1] in COMPRESSED:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def _holds_json_lines(start: bytes) -> bool:
    """Whether the start of a file is that of JSON Lines and not of one JSON document over several lines."""
    text = as_utf8(start).lstrip()
    if not text.startswith(b"{"):
        return False
    *lines, rest = text.split(b"\n")
    if not lines:  # one line: all of the file, or the start of a long row
        return len(start) >= LOOK_BYTES or _is_object(rest)
    rows = [line for line in lines[:LOOK_LINES] if line.strip()]
    return _is_object(rows[0]) or 2 * sum(map(_is_object, rows)) > len(rows)


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _why_not(name: str, start: bytes) -> tuple[Reason, str]:
    if suffix(name) == ".json":
        return Reason.JSON_DOCUMENT, "one JSON document, not JSON Lines (one object a line)"
    if start.startswith(b"%PDF-"):
        return Reason.UNKNOWN_KIND, "PDF is not read"
    if start.startswith(b"PK\x03\x04"):
        return Reason.UNKNOWN_KIND, "a zip file that is not called .wacz"
    if looks_binary(start):
        return Reason.UNKNOWN_KIND, "unknown binary content"
    return (
        Reason.UNKNOWN_KIND,
        "neither its name nor its content is of a known kind (rename plain text to .txt to have it read)",
    )
