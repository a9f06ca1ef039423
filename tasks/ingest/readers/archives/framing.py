"""Where records begin and end in a range of bytes: WARC 1.x and 0.x, and ARC 1 and 2, sound or damaged.

Source: ISO 28500 (WARC), the Internet Archive's ARC file format. A record is believed when its declared length ends at
the next record or at the end. When it does not:

- another record header begins inside the declared length: the length was too long, the record ends there;
- no header inside: the length was too short or garbage follows; everything up to the next header is a gap;
- the byte range ends first: the record is cut off.

So a wrong length costs at most its own record. Cost: two regular expression matches a sound record; the scan for the
next header touches only damaged places.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gristmill.tasks.ingest.readers.archives.http import Headers
from gristmill.tasks.ingest.readers.spool import Buffer, windows

FindNext = Callable[[Buffer, int, int], int]

# Zeros at the end pad it to the block of a tape or a device; elsewhere a record may have stood in their place.
BLANKS = re.compile(rb"[\r\n]*+(?:\x00++\Z)?")
MAX_HEADER_BYTES = 1 << 20

WARC_VERSION = re.compile(rb"WARC/\d+(?:\.\d+)+[ \t]*\r*(?:\n|$)", re.I)
# A blank line, the end of the data, or (not part of the header) another version line.
WARC_HEADER_END = re.compile(rb"\n(?:(\r*\n|$)|(?=WARC/\d+(?:\.\d+)+[ \t]*\r*\n))")
# The fast path to the end of a header looks no further than this, and skips headers that begin with one of those.
USUAL_BYTES = 1 << 12
UNUSUAL = (b"\r", b"\n", b"WARC/")
# A version line followed by a named field.
WARC_START = re.compile(rb"WARC/\d+(?:\.\d+)+[ \t]*\r*\n[A-Za-z][A-Za-z-]*[ \t]*:")

ARC_SCHEMES = rb"(?:https?|ftp|dns|filedesc|warcinfo|metadata|urn|gopher|mailto|rtsp|mms|whois)"
# Bounded, so that a crafted line costs no more than its length times a constant.
# Any scheme at the start of a line; a known one also right after a record that no line feed ends.
ARC_LINE = re.compile(
    rb"((?:" + ARC_SCHEMES + rb"|(?:^|(?<=\n))[a-z][a-z0-9+.-]{0,20}):[^\r\n]{0,8192}?) ([^ \r\n]{1,64}) "
    rb"(\d{8,17}) ([^ \r\n]{1,256}) ([^\r\n]{1,400}?)[ \t]*\r?\n",
    re.I,
)
MAX_ARC_LINE_BYTES = 1 << 14
ARC_FILE_LINE = re.compile(rb"filedesc:[^\r\n]*\r?\n", re.I)
ARC_START = re.compile(
    rb"^" + ARC_SCHEMES + rb":[^\r\n]{1,8192} [0-9a-fA-F.:]{1,64} \d{12,17} [^ \r\n]{1,256} [^\r\n]{0,400}?\d\r?\n",
    re.I | re.M,
)


@dataclass(slots=True)
class Frame:
    """A record at [start, end), its block at [body, end). ``headers`` by lower-case name, of an ARC line too.

    ``fault`` is what is wrong with it: ``truncated`` (fewer bytes than declared), ``length`` (none declared), or None.
    Without a fault, ``detail`` says that a hole follows: either the length is too short, or what follows is garbage.
    """

    start: int
    body: int
    end: int
    headers: Headers | dict[str, str]
    fault: str | None = None
    detail: str = ""


@dataclass(slots=True)
class Hole:
    """Bytes [start, end) outside every record."""

    start: int
    end: int
    detail: str


def warc_frames(data: Buffer) -> Iterator[Frame | Hole]:
    """The records and holes of a byte range of WARC."""
    position, size = 0, len(data)
    while (position := _skip_blanks(data, position)) < size:
        frame = _warc_frame(data, position, size)
        if frame is None:
            end = next_warc(data, position + 1, size)
            yield Hole(position, end, _describe(data, position, end))
            position = end
        else:
            yield frame
            position = frame.end


def arc_frames(data: Buffer) -> Iterator[Frame | Hole]:
    """The records and holes of a byte range of ARC; the file's own description (``filedesc:``) is a ``warcinfo``."""
    position, size = 0, len(data)
    while (position := _skip_blanks(data, position)) < size:
        frame = _arc_frame(data, position, size)
        if frame is None:
            end = next_arc(data, position + 1, size)
            yield Hole(position, end, _describe(data, position, end))
            position = end
        else:
            yield frame
            position = frame.end


def _warc_frame(data: Buffer, start: int, size: int) -> Frame | None:
    version = WARC_VERSION.match(data, start)
    if version is None:
        return None
    limit = min(size, start + MAX_HEADER_BYTES)
    body, whole = _header_end(data, version.end(), limit)
    headers = Headers(data[version.end() : body])
    declared = headers.get("content-length", "")
    if not whole:
        return Frame(start, body, body, headers, "length", "the header breaks off")
    if not (declared.isascii() and declared.isdigit() and len(declared) < 16):
        end = next_warc(data, body, size)
        what = f"Content-Length is {declared[:40]!r}" if declared else "there is no Content-Length"
        return Frame(start, body, end, headers, "length", what)
    return _bounded(next_warc, WARC_VERSION, data, size, Frame(start, body, body + int(declared), headers))


def _header_end(data: Buffer, start: int, limit: int) -> tuple[int, bool]:
    """Where the block begins, and whether the header before it is whole. ``start`` is after the version line."""
    blank = data.find(b"\r\n\r\n", start - 2, min(limit, start + USUAL_BYTES))
    if blank >= start:
        head = data[start:blank]
        if b"\n\n" not in head and b"\n\r" not in head and b"\nWARC/" not in head and not head.startswith(UNUSUAL):
            return blank + 4, True
    found = WARC_HEADER_END.search(data, start - 1, limit)
    return (found.end(), found[1] is not None) if found else (limit, False)


def _arc_frame(data: Buffer, start: int, size: int) -> Frame | None:
    line = ARC_LINE.match(data, start, min(size, start + MAX_HEADER_BYTES))
    if line is None:
        described = ARC_FILE_LINE.match(data, start)  # a description whose fields are wrong ends at the next record
        if described is None:
            return None
        end = next_arc(data, described.end(), size)
        return Frame(start, described.end(), end, {"warc-type": "warcinfo"})
    url, address, date, kind, rest = (part.decode("utf-8", "replace") for part in line.groups())
    length = rest.split(" ")[-1]
    if not (length.isascii() and length.isdigit() and len(length) < 16):
        return None
    headers = {
        "warc-type": "warcinfo" if url.lower().startswith("filedesc:") else "response",
        "warc-target-uri": url,
        "warc-ip-address": address,
        "warc-date": date,
        "content-type": kind,
        "content-length": length,
    }
    frame = Frame(start, line.end(), line.end() + int(length), headers)
    return _bounded(next_arc, ARC_LINE, data, size, frame)


def _bounded(find_next: FindNext, header: re.Pattern[bytes], data: Buffer, size: int, frame: Frame) -> Frame:
    """The frame with its end corrected where the declared length contradicts what follows."""
    declared, end = frame.end - frame.body, frame.end
    if end <= size:
        after = _skip_blanks(data, end)
        if after >= size or header.match(data, after):
            return frame
    # the header that follows may begin inside the declared length and reach beyond it
    inner = find_next(data, frame.body, min(size, end + MAX_HEADER_BYTES))
    if inner < min(end, size):
        stop = inner
        while stop > frame.body and data[stop - 1] in b"\r\n":
            stop -= 1
        detail = f"declares {declared} bytes, the next record begins after {inner - frame.body}"
        return Frame(frame.start, frame.body, max(stop, frame.body), frame.headers, "truncated", detail)
    if end > size:
        detail = f"declares {declared} bytes, {size - frame.body} are there"
        return Frame(frame.start, frame.body, size, frame.headers, "truncated", detail)
    frame.detail = f"after the {declared} bytes that it declares no record begins"
    return frame


def _skip_blanks(data: Buffer, position: int) -> int:
    found = BLANKS.match(data, position)
    return found.end() if found else position


def next_warc(data: Buffer, position: int, end: int) -> int:
    """Where the next WARC header begins in [position, end), on a new line or after zeros; ``end`` if there is none."""
    for begin, stop in windows(data, position, end, len(b"WARC/")):
        place = begin - 1
        while (place := data.find(b"WARC/", place + 1, stop)) != -1:
            if (place == 0 or data[place - 1 : place] in (b"\n", b"\x00")) and WARC_START.match(data, place):
                return place
    return end


def next_arc(data: Buffer, position: int, end: int) -> int:
    """Where the next ARC line begins in [position, end); ``end`` if there is none."""
    for begin, stop in windows(data, position, end, MAX_ARC_LINE_BYTES):
        if found := ARC_START.search(data, begin, stop):
            return found.start()
    return end


def _describe(data: Buffer, start: int, end: int) -> str:
    return f"{end - start} bytes that are no record, beginning {data[start : min(end, start + 60)]!r}"
