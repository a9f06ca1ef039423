"""Which bytes may hold a page: media types that are text, and a look at the bytes where the type is missing or wrong.

HTML, XHTML, plain text and Markdown are text, as in Common Crawl's WET files and datatrove's WARC reader. Feeds, JSON,
style sheets and scripts are not. Cost: looks at the first kilobyte.
"""

import re

HTML_TYPES = frozenset({"text/html", "application/xhtml+xml", "application/vnd.wap.xhtml+xml"})
PLAIN_TYPES = frozenset({"text/plain", "text/markdown", "text/x-markdown", "text/x-web-markdown"})
# What a server says when it does not know: believed to be text only if the bytes are plainly HTML.
UNKNOWN_TYPES = frozenset({"application/octet-stream", "binary/octet-stream", "application/x-unknown", "unknown"})

LOOK_BYTES = 1024
HTML_LOOK_BYTES = 4096
# Possessive throughout: comments must not be matched in more than one way, or a page of them takes forever.
HTML_START = re.compile(
    rb"\s*+(?:<\?xml[^>]*+>\s*+)?(?:<!--(?:(?!-->).)*+-->\s*+)*+<(?:!doctype\s+html|html|head|body|title|meta|script|style|h1|div|p|table"
    rb"|a|br|nav|main|article|section|header|link)\b",
    re.I | re.S,
)
BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
# Formats whose start could pass for text; all others are found by their control characters.
BINARY_STARTS = (
    b"%PDF-",
    b"{\\rtf",
    b"\x89PNG",
    b"GIF8",
    b"\xff\xd8\xff",
    b"PK\x03\x04",
    b"\x1f\x8b",
    b"\x7fELF",
    b"wOFF",
    b"wOF2",
)
# Control characters that text does not hold. 0x1b (escape) starts ISO-2022 sequences.
CONTROLS = bytes(sorted((set(range(32)) - set(b"\t\n\x0b\x0c\r\x1b")) | {127}))
MAX_CONTROL_SHARE = 0.05


def split_type(value: str | None) -> tuple[str, str | None]:
    """``Text/HTML; charset="UTF-8"`` -> ``("text/html", "utf-8")``; empty and None where nothing is stated."""
    if not value:
        return "", None
    kind, _, parameters = value.partition(";")
    charset = None
    for parameter in parameters.split(";"):
        name, _, setting = parameter.partition("=")
        if name.strip().lower() == "charset":
            charset = setting.partition(",")[0].strip().strip("\"'").strip().lower() or None
            break
    kind = kind.partition(",")[0].strip().lower()
    return (kind if "/" in kind or kind in UNKNOWN_TYPES else ""), charset


def may_be_page(content_type: str) -> bool:
    """Whether a stated media type leaves it possible that the body is a page; the bytes have not been looked at."""
    return not content_type or content_type in HTML_TYPES | PLAIN_TYPES | UNKNOWN_TYPES


def page_kind(content_type: str, payload: bytes, charset: str | None) -> str | None:
    """``html`` or ``plain`` for a body that may hold a page, None for one that cannot."""
    if content_type in HTML_TYPES:
        kind: str | None = "html"
    elif content_type in PLAIN_TYPES:
        kind = "plain"
    elif content_type in UNKNOWN_TYPES:
        kind = "html" if looks_like_html(payload) else None
    elif not content_type:
        kind = "html" if looks_like_html(payload) else "plain"
    else:
        kind = None
    return None if kind is None or looks_binary(payload, charset) else kind


def looks_like_html(payload: bytes) -> bool:
    """Whether the bytes start the way HTML starts, in an encoding that holds ASCII or in UTF-16."""
    start = payload[:HTML_LOOK_BYTES]
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        start = start.replace(b"\x00", b"")[2:]
    return HTML_START.match(start.removeprefix(b"\xef\xbb\xbf")) is not None


def looks_binary(payload: bytes, charset: str | None = None) -> bool:
    """Whether the first kilobyte is a known binary format or holds more control characters than text does."""
    if payload.startswith(BINARY_STARTS):
        return True
    start = payload[:LOOK_BYTES]
    if start.startswith(BYTE_ORDER_MARKS) or (charset or "").startswith(("utf-16", "utf-32", "ucs-2", "iso-10646")):
        return False
    controls = len(start) - len(start.translate(None, CONTROLS))
    if not controls:
        return False
    if _alternates_with_zero(start):
        return False
    return controls > MAX_CONTROL_SHARE * len(start)


def _alternates_with_zero(start: bytes) -> bool:
    """UTF-16 without a byte order mark: nearly every second byte of Western text is zero, the others are not."""
    even, odd = start[0::2], start[1::2]
    few, many = sorted((even.count(0), odd.count(0)))
    return len(odd) >= 8 and many > 0.9 * len(odd) and few == 0
