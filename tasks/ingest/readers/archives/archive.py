"""WARC (also WET), ARC and WACZ files as pages, records set aside, and damage.

Response, resource and conversion records are records; each ends as one item, whatever is wrong with it. Requests,
revisits, metadata, warcinfo and continuations are passed over. Bytes that are not a record become damage items.
``record_uri`` is ``name@offset+length`` of the stored bytes, with ``#n`` when the record begins n bytes into the
decompressed member, and ``name!member@...`` inside a WACZ.
"""

import errno
import lzma
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from gristmill.tasks.ingest.readers.archives.byte_ranges import ByteRange, Gap, byte_ranges
from gristmill.tasks.ingest.readers.archives.framing import Frame, Hole, arc_frames, warc_frames
from gristmill.tasks.ingest.readers.archives.http import CodingError, decode_body, parse_response
from gristmill.tasks.ingest.readers.decompress import PIECE_BYTES, reason_of
from gristmill.tasks.ingest.readers.expansion import bound, over
from gristmill.tasks.ingest.readers.items import Aside, Items, RawRecord, ReadOptions
from gristmill.tasks.ingest.readers.media import UNKNOWN_TYPES, may_be_page, page_kind, split_type
from gristmill.tasks.ingest.readers.reasons import Reason
from gristmill.tasks.ingest.readers.rows.dates import SHOWN_CHARACTERS, parse_date
from gristmill.tasks.ingest.readers.spool import Window

RECORD_TYPES = frozenset({"response", "resource", "conversion"})
HTTP_SCHEMES = ("http:", "https:")
# What zipfile raises for a damaged, encrypted or exotic zip, apart from OSError.
ZIP_ERRORS = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, RuntimeError),
    *(ValueError, OverflowError, LookupError),
)
# Of the others Python unpacks a whole piece at once, gigabytes if need be.
ZIP_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
WACZ_MEMBERS = (".warc", ".warc.gz", ".warc.zst", ".arc", ".arc.gz")
# A block may hold HTTP headers and chunk sizes besides the payload.
BLOCK_SLACK_BYTES = 1 << 20


def read_warc(path: Path, name: str, options: ReadOptions) -> Items:
    """The items of a WARC file."""
    return _read(path, name, options, arc=False)


def read_arc(path: Path, name: str, options: ReadOptions) -> Items:
    """The items of an ARC file."""
    return _read(path, name, options, arc=True)


def read_wacz(path: Path, name: str, options: ReadOptions) -> Items:
    """The items of every WARC inside a WACZ (a zip); a zip or member that cannot be read is one damage item."""
    try:
        archive = zipfile.ZipFile(path)
    except ZIP_ERRORS as error:
        yield Aside(f"{name}@0+{path.stat().st_size}", Reason.UNREADABLE, f"no zip file: {error}", damage=True)
        return
    left = bound(path.stat().st_size)
    with archive:
        members = [info for info in archive.infolist() if info.filename.lower().endswith(WACZ_MEMBERS)]
        if not members:
            yield Aside(name, Reason.UNREADABLE, "a zip file that holds no WARC", unread=True)
        for info in members:
            member = f"{name}!{info.filename}"
            if info.compress_type not in ZIP_METHODS:
                detail = f"compression method {info.compress_type}; the entries of a WACZ are stored or deflated"
                yield Aside(f"{member}@0+{info.file_size}", Reason.UNREADABLE, detail, damage=True)
                continue
            with tempfile.TemporaryDirectory(prefix="gristmill-wacz-") as folder:
                copy = Path(folder) / "member"
                fault = _copy_member(archive, info, copy, left)
                size = copy.stat().st_size
                left -= size
                yield from _read(copy, member, options, arc=".arc" in info.filename.lower()[-7:])
                if fault is not None:
                    reason, words = fault
                    detail = f"{words}; {size} of {info.file_size} bytes came out of it"
                    yield Aside(f"{member}@0+{info.file_size}", reason, detail, damage=True)


def _copy_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, copy: Path, left: int) -> tuple[Reason, str] | None:
    """Write a member to ``copy`` as far as it can be read; what was wrong with it, if anything.

    ``left``: bytes that may still come out of the whole zip, whose entries can share what is stored.
    """
    most = min(left, bound(info.compress_size))
    size = 0
    with copy.open("wb") as out:
        try:
            with archive.open(info) as member:
                while piece := member.read(PIECE_BYTES):
                    size += len(piece)
                    if size > most:
                        return Reason.EXPANDS, over(info.compress_size, size)
                    out.write(piece)
        except OSError as error:
            if error.errno != errno.EINVAL:  # a place outside the file is the zip's fault, any other error is not
                raise
            return Reason.UNREADABLE, str(error)
        except ZIP_ERRORS as error:
            return Reason.UNREADABLE, str(error) or type(error).__name__
    return None


def _read(path: Path, name: str, options: ReadOptions, *, arc: bool) -> Items:
    empty = True
    for byte_range in byte_ranges(path):
        if isinstance(byte_range, Gap):
            empty = False
            reason = reason_of(expands=byte_range.expands, cut_off=byte_range.cut_off)
            yield Aside(f"{name}@{byte_range.offset}+{byte_range.length}", reason, byte_range.detail, damage=True)
            continue
        frames = arc_frames(byte_range.data) if arc else warc_frames(byte_range.data)
        for first in frames:
            empty = False
            yield from _items(chain((first,), frames), byte_range, name, options)
    if empty:
        size = path.stat().st_size
        detail = "nothing but blank lines" if size else "the file has 0 bytes"
        yield Aside(f"{name}@0+{size}", Reason.EMPTY_FILE, detail, damage=True)


def _items(frames: Iterator[Frame | Hole], byte_range: ByteRange, name: str, options: ReadOptions) -> Items:
    window = Window(byte_range.data)
    for frame in frames:
        window.passed(frame.start)
        if byte_range.compressed:
            uri = f"{name}@{byte_range.offset}+{byte_range.length}" + (f"#{frame.start}" if frame.start else "")
        else:
            uri = f"{name}@{frame.start}+{frame.end - frame.start}"
        if isinstance(frame, Hole):
            # a broken end that holds no whole header is part of the gap that follows
            if byte_range.fault is None or frame.end < len(byte_range.data):
                yield Aside(uri, Reason.NO_RECORD, frame.detail, damage=True)
            continue
        kind = frame.headers.get("warc-type", "").lower()
        if kind in RECORD_TYPES:
            yield _record(frame, byte_range, uri, kind, options)
        elif not kind or frame.fault == "length":
            url = _url(frame.headers.get("warc-target-uri", ""))
            yield Aside(uri, Reason.BROKEN_HEADER, frame.detail or "there is no WARC-Type", damage=True, url=url)
        elif frame.fault is not None and byte_range.fault is None:
            yield Aside(uri, Reason.CUT_OFF, f"a {kind} record {frame.detail}", damage=True)


def _record(frame: Frame, byte_range: ByteRange, uri: str, kind: str, options: ReadOptions) -> RawRecord | Aside:
    """One record as a page, or set aside with the first reason that holds."""
    headers = frame.headers
    url = _url(headers.get("warc-target-uri", ""))
    native_id = headers.get("warc-record-id", "").strip("<> \t") or None

    def aside(reason: Reason, detail: str) -> Aside:
        return Aside(uri, reason, detail, native_id=native_id, url=url)

    if frame.fault == "length":
        return aside(Reason.BROKEN_HEADER, frame.detail)
    if frame.fault is not None:
        return aside(Reason.TRUNCATED, f"{frame.detail}; {byte_range.fault}" if byte_range.fault else frame.detail)
    if byte_range.doubtful_from is not None and frame.end > byte_range.doubtful_from:
        return aside(Reason.BAD_CHECKSUM, byte_range.fault or "")
    if headers.get("warc-segment-number", ""):
        return aside(Reason.TRUNCATED, "the record is segmented; its continuations are other records")
    if frame.end - frame.body > options.max_payload_bytes + BLOCK_SLACK_BYTES:
        return aside(Reason.TOO_LARGE, f"{frame.end - frame.body} bytes")
    block = bytes(byte_range.data[frame.body : frame.end])
    status, response = None, None
    stated = headers.get("content-type", "")
    if _holds_http(kind, stated, url, block):
        response = parse_response(block)
        if response is None:
            reason = Reason.BROKEN_HTTP_HEADER if block.strip() else Reason.EMPTY_BODY
            return aside(reason, f"the block begins {block[:60]!r}")
        status, stated = response.status, response.headers.get("content-type")
        if not 200 <= status < 300:
            return aside(Reason.REDIRECT if 300 <= status < 400 else Reason.HTTP_ERROR, f"status {status}")
        if frame.detail and response.is_short:
            return aside(Reason.TRUNCATED, f"{frame.detail}, and the HTTP body is shorter than its Content-Length")
    content_type, charset = split_type(stated)
    if not content_type or content_type in UNKNOWN_TYPES:
        content_type = split_type(headers.get("warc-identified-payload-type", ""))[0] or content_type
    if not may_be_page(content_type):
        return aside(Reason.NOT_TEXT, content_type)
    truncated = headers.get("warc-truncated", "").strip().lower() or None
    try:
        payload = (
            block if response is None else decode_body(response, options.max_payload_bytes, cut=truncated is not None)
        )
    except CodingError as error:
        return aside(error.reason, str(error))
    if len(payload) > options.max_payload_bytes:
        return aside(Reason.TOO_LARGE, f"{len(payload)} bytes")
    if not payload.strip():
        return aside(Reason.EMPTY_BODY, f"{len(payload)} bytes")
    if page_kind(content_type, payload, charset) is None:
        detail = f"{content_type or 'no media type stated'}, the body begins {payload[:24]!r}"
        return aside(Reason.NOT_TEXT, detail)
    date = headers.get("warc-date", "").strip()
    fetched_at = parse_date(date)
    unknown = date[:SHOWN_CHARACTERS] if date and fetched_at is None else None
    use = None if response is None else response.headers.lines_about_use()
    return RawRecord(
        uri, native_id, kind, payload, url, fetched_at, status, content_type, charset, unknown, truncated, use
    )


def _holds_http(kind: str, stated: str, url: str | None, block: bytes) -> bool:
    """Whether a block is an HTTP response. ARC states the payload's type instead, so the block itself decides there."""
    if kind != "response":
        return False
    return stated.lower().startswith("application/http") or (
        block[:5].upper() == b"HTTP/" and (url or "").lower().startswith(HTTP_SCHEMES)
    )


def _url(value: str) -> str | None:
    """As written, without the angle brackets that some writers put around it."""
    return value.removeprefix("<").removesuffix(">").strip() or None
