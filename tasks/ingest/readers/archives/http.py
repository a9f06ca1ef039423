"""An HTTP response as a crawl stored it: status, headers, and the body with its codings undone.

Source: RFC 9112 (chunks) and RFC 9110 (content codings). Crawlers often store a body whose coding they have already
undone under a header that still names it; such a body is used as it is when it is plainly text.
Cost: one pass over the body for each coding; never more than ``limit`` bytes come out of a coding.
"""

import io
import re
import zlib
from dataclasses import dataclass

from fastwarc.stream_io import BrotliReader, ZstdReader

from gristmill.tasks.ingest.readers.media import looks_binary
from gristmill.tasks.ingest.readers.reasons import Reason

STATUS_LINE = re.compile(rb"HTTP/\d(?:\.\d)?[ \t]+(\d{3})(?=[ \t\r\n]|$)", re.I)
HEADER_END = re.compile(rb"\n\r*\n")
CHUNK_SIZE = re.compile(rb"[ \t]*([0-9a-fA-F]{1,8})[ \t]*(?:;[^\n]*)?\r?\n")
CUT_SIZE = re.compile(rb"[ \t]*[0-9a-fA-F]{0,8}[ \t]*(?:;[^\n]*)?\r?")  # the end of a body that ends in a size line
LINE_END = re.compile(rb"\r?\n")
VALUE = re.compile(rb"[ \t]*:([^\r\n]*)")
FOLD = re.compile(rb"\r?\n[ \t]++(?=\S)")
USE_WORDS = (b"\nx-robots-tag", b"\ncontent-usage", b"\ncontent-signal", b"\ntdm-reservation", b"license")
USE_LINE = re.compile(rb"\n(x-robots-tag|content-usage|content-signal|tdm-reservation|tdm-policy|link)[ \t]*:[^\r\n]*")
MOST_USE_BYTES = 16 << 10  # of a record; a hostile server may send megabytes
CODINGS = {"x-gzip": "gzip", "brotli": "br", "identity": "", "none": "", "utf-8": "", "utf8": ""}
# Each may expand a few bytes to ``max_payload_bytes``; curl allows as many codings.
MAX_CODINGS = 5
KNOWN_CODINGS = frozenset({"gzip", "deflate", "br", "zstd"})
STEP_BYTES = 1 << 16
CUT_STEP_BYTES = 64  # of a body that breaks off: what the last read would have given is lost
GZIP, ZLIB, BARE_DEFLATE = 31, 15, -15  # zlib's wbits


class CodingError(Exception):
    """A body that cannot be decoded; ``reason`` and ``str(error)`` go into the set-aside row."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class Headers:
    """Header lines, looked up by lower-case name: the first of each; folded lines are joined, lines without a colon
    left out. Of the 10 to 20 lines of a header two to eight are asked for, so none is parsed before it is."""

    __slots__ = ("_head", "_lower")

    def __init__(self, head: bytes) -> None:
        if b"\n " in head or b"\n\t" in head:
            head = FOLD.sub(b" ", head)
        self._head = b"\n" + head
        self._lower = self._head.lower()

    def get(self, name: str, default: str = "") -> str:
        """The value of a header, ``default`` where there is none."""
        wanted = b"\n" + name.encode("ascii")
        place = -1
        while (place := self._lower.find(wanted, place + 1)) != -1:
            begin = place + len(wanted)
            if found := VALUE.match(self._head, begin):
                value = found[1]
                return (value.decode("ascii") if value.isascii() else decode_header(value)).strip()
        return default

    def lines_about_use(self) -> str | None:
        """The header lines that say what the content may be used for, as they were sent, a line each; None without.

        At most :data:`MOST_USE_BYTES`, whole lines; of ``Link`` the lines that speak of a licence.
        """
        if not any(word in self._lower for word in USE_WORDS):
            return None
        kept: list[str] = []
        left = MOST_USE_BYTES
        for found in USE_LINE.finditer(self._lower):
            line = self._head[found.start() + 1 : found.end()]
            if len(line) < left and (found[1] != b"link" or b"license" in found[0]):
                kept.append((line.decode("ascii") if line.isascii() else decode_header(line)).strip())
                left -= len(line) + 1
        return "\n".join(kept) or None


@dataclass(slots=True)
class Response:
    """Status, headers, and the stored body."""

    status: int
    headers: Headers
    body: bytes

    @property
    def is_short(self) -> bool:
        """Whether the body has fewer bytes than its Content-Length. Proves nothing by itself: crawlers undo codings."""
        length = self.headers.get("content-length")
        return length.isascii() and length.isdigit() and len(length) < 16 and len(self.body) < int(length)


def parse_response(block: bytes) -> Response | None:
    """The response in a record's block; None when the block does not start with an HTTP status line.

    Interim responses (1xx, RFC 9110 section 15.2) before it are passed over: a crawler may store all that came.
    """
    start = 0
    found = STATUS_LINE.match(block)
    while found is not None:
        end = HEADER_END.search(block, found.end())
        final = STATUS_LINE.match(block, end.end()) if end and found[1].startswith(b"1") else None
        if end is None or final is None:
            head, body = (block[start : end.start()], block[end.end() :]) if end else (block[start:], b"")
            return Response(int(found[1]), Headers(head.partition(b"\n")[2]), body)
        start, found = end.end(), final
    return None


def decode_header(head: bytes) -> str:
    """UTF-8, else Latin-1."""
    try:
        return head.decode("utf-8")
    except UnicodeDecodeError:
        return head.decode("latin-1")


def decode_body(response: Response, limit: int, *, cut: bool = False) -> bytes:
    """The body with transfer and content codings undone. Raises :class:`CodingError`.

    ``cut``: the crawler says that it stored only the beginning; a truncated coding gives what was decoded so far.
    """
    body = response.body
    codings = _codings(response.headers.get("content-encoding"))
    transfer = _codings(response.headers.get("transfer-encoding"))
    if "chunked" in transfer:
        body = _join_chunks(body, cut)
    codings += [coding for coding in transfer if coding != "chunked"]
    if len(codings) > MAX_CODINGS:
        raise CodingError(Reason.BAD_CONTENT_ENCODING, f"{len(codings)} content codings, one on the other")
    for coding in reversed(codings):
        body = _undo(coding, body, limit, cut)
    return body


def _codings(value: str) -> list[str]:
    if not value:
        return []
    names = [name.strip().strip("\"'").lower() for name in value.split(",")]
    return [name for name in (CODINGS.get(name, name) for name in names) if name]


def _join_chunks(body: bytes, cut: bool) -> bytes:
    """The content of a chunked body; the body itself when it does not start with a chunk and is plainly text.

    A body that ends at a chunk's end, without the last empty chunk, counts as whole.
    """
    parts: list[bytes] = []
    position = 0
    while position < len(body):
        size = CHUNK_SIZE.match(body, position)
        if size is None and cut and parts and CUT_SIZE.fullmatch(body, position):
            break
        if size is None:
            if not parts and not looks_binary(body):
                return body
            raise CodingError(Reason.BAD_CHUNKED, f"no chunk size at byte {position} of {len(body)}")
        length, start = int(size[1], 16), size.end()
        if length == 0:
            break
        if start + length > len(body) and cut:
            parts.append(body[start:])
            break
        if start + length > len(body):
            raise CodingError(Reason.BAD_CHUNKED, f"a chunk of {length} bytes at byte {start} of {len(body)}")
        position = start + length
        end = LINE_END.match(body, position)
        if end is None and position < len(body) and not (cut and body[position:] == b"\r"):
            raise CodingError(Reason.BAD_CHUNKED, f"no line end after the chunk that ends at byte {position}")
        parts.append(body[start:position])
        position = end.end() if end else len(body)
    return b"".join(parts)


def _undo(coding: str, body: bytes, limit: int, cut: bool) -> bytes:
    if not body:
        return body
    try:
        if coding not in KNOWN_CODINGS:
            raise CodingError(Reason.BAD_CONTENT_ENCODING, f"unknown coding {coding[:40]!r}")
        if coding == "gzip":
            return _inflate(body, GZIP, limit, cut)
        if coding == "deflate":
            return _deflate(body, limit, cut)
        if coding == "br":
            return _drain(BrotliReader(io.BytesIO(body)), coding, limit, cut)
        return _drain(ZstdReader(io.BytesIO(body)), coding, limit, cut)
    except CodingError as error:
        if error.reason is Reason.BAD_CONTENT_ENCODING and not looks_binary(body):
            return body
        raise


def _deflate(body: bytes, limit: int, cut: bool) -> bytes:
    """``deflate`` is zlib by the standard and bare deflate in practice."""
    try:
        return _inflate(body, ZLIB, limit, cut)
    except CodingError as error:
        if error.reason is Reason.TOO_LARGE:
            raise
        return _inflate(body, BARE_DEFLATE, limit, cut)


def _inflate(body: bytes, window: int, limit: int, cut: bool) -> bytes:
    """zlib, gzip (all members) or bare deflate, by ``window`` as zlib's ``wbits``."""
    parts: list[bytes] = []
    size = 0
    while body:
        inflater = zlib.decompressobj(window)
        try:
            part = inflater.decompress(body, limit + 1 - size)
        except zlib.error as error:
            if parts:  # whole members, then other bytes
                break
            raise CodingError(Reason.BAD_CONTENT_ENCODING, str(error)) from error
        parts.append(part)
        size += len(part)
        if size > limit:
            raise CodingError(Reason.TOO_LARGE, f"more than {limit} bytes when decompressed")
        if not inflater.eof and cut and size:
            break
        if not inflater.eof:
            raise CodingError(Reason.BAD_CONTENT_ENCODING, f"the compressed body breaks off after {size} bytes")
        body = inflater.unused_data if window == GZIP else b""
    return b"".join(parts)


def _drain(reader: BrotliReader | ZstdReader, coding: str, limit: int, cut: bool) -> bytes:
    parts: list[bytes] = []
    size = 0
    try:
        while part := reader.read(CUT_STEP_BYTES if cut else STEP_BYTES):
            parts.append(part)
            size += len(part)
            if size > limit:
                raise CodingError(Reason.TOO_LARGE, f"more than {limit} bytes when decompressed")
    except (OSError, EOFError, ValueError) as error:
        if cut and parts:
            return b"".join(parts)
        raise CodingError(Reason.BAD_CONTENT_ENCODING, f"{coding}: {error}") from error
    return b"".join(parts)
