"""One file, one page: plain text, Markdown or HTML, also compressed."""

from pathlib import Path

from gristmill.tasks.ingest.readers.decompress import BrokenStreamError, pieces
from gristmill.tasks.ingest.readers.items import Aside, Items, RawRecord, ReadOptions
from gristmill.tasks.ingest.readers.media import looks_binary
from gristmill.tasks.ingest.readers.reasons import Reason


def read_text(path: Path, name: str, options: ReadOptions, content_type: str) -> Items:
    """The file as one page of ``content_type``, or set aside."""
    size = path.stat().st_size
    uri = f"{name}@0+{size}"
    if size == 0:
        yield Aside(uri, Reason.EMPTY_BODY, "0 bytes")
        return
    parts: list[bytes] = []
    found = 0
    with path.open("rb") as file:
        try:
            for piece in pieces(file):
                parts.append(piece)
                found += len(piece)
                if found > options.max_payload_bytes:
                    yield Aside(uri, Reason.TOO_LARGE, f"more than {options.max_payload_bytes} bytes")
                    return
        except BrokenStreamError as error:
            yield Aside(uri, Reason.EXPANDS if error.expands else Reason.TRUNCATED, str(error))
            return
    payload = b"".join(parts)
    if not payload.strip():
        yield Aside(uri, Reason.EMPTY_BODY, f"{len(payload)} bytes of white space")
    elif looks_binary(payload):
        yield Aside(uri, Reason.NOT_TEXT, f"the file begins {payload[:24]!r}")
    else:
        yield RawRecord(uri, None, "resource", payload, content_type=content_type)
