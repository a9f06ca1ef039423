"""One file, one page: plain text, Markdown or HTML, also compressed with gzip."""

import gzip
import zlib
from pathlib import Path

from tasks.readers.items import Aside, Items, Limits, Page
from tasks.readers.media import looks_binary
from tasks.readers.reasons import Reason

GZIP_MAGIC = b"\x1f\x8b\x08"


def read_text(path: Path, name: str, limits: Limits, content_type: str) -> Items:
    """The file as one page of ``content_type``, or set aside."""
    size = path.stat().st_size
    uri = f"{name}@0+{size}"
    if size == 0:
        yield Aside(uri, Reason.EMPTY_BODY, "0 bytes")
        return
    with path.open("rb") as file:
        payload = file.read(limits.max_payload_bytes + 1)
    if payload.startswith(GZIP_MAGIC):
        try:
            with gzip.open(path) as file:
                payload = file.read(limits.max_payload_bytes + 1)
        except (EOFError, OSError, zlib.error) as error:
            yield Aside(uri, Reason.TRUNCATED, f"gzip: {error}")
            return
    if len(payload) > limits.max_payload_bytes:
        yield Aside(uri, Reason.TOO_LARGE, f"more than {limits.max_payload_bytes} bytes")
    elif not payload.strip():
        yield Aside(uri, Reason.EMPTY_BODY, f"{len(payload)} bytes of white space")
    elif looks_binary(payload):
        yield Aside(uri, Reason.NOT_TEXT, f"the file begins {payload[:24]!r}")
    else:
        yield Page(uri, None, "resource", payload, content_type=content_type)
