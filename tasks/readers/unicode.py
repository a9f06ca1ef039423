"""UTF-8, UTF-16 and UTF-32 as UTF-8 without a byte order mark, for formats that are text: JSON Lines, CSV and TSV.

The mark says which it is. Without one UTF-16 shows in its zero bytes, since such a file begins with ASCII: a brace, or
the names of columns (RFC 4627, section 3). What is left is taken to be UTF-8. Cost: one pass.
"""

import codecs
from collections.abc import Iterator

START_BYTES = 4

Encoding = str | None


def encoding_of(start: bytes) -> tuple[Encoding, int]:
    """The codec of a text that begins with these bytes, None for UTF-8, and the length of its mark."""
    for mark, codec in (
        (codecs.BOM_UTF32_LE, "utf-32-le"),  # begins with the mark of UTF-16, so it comes first
        (codecs.BOM_UTF32_BE, "utf-32-be"),
        (codecs.BOM_UTF8, None),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if start.startswith(mark):
            return codec, len(mark)
    zeros = [byte == 0 for byte in start[:START_BYTES]]
    if zeros == [False, True, False, True]:
        return "utf-16-le", 0
    if zeros == [True, False, True, False]:
        return "utf-16-be", 0
    return None, 0


def as_utf8(start: bytes) -> bytes:
    """The start of a text as UTF-8; what is cut off inside a character is left out."""
    codec, mark = encoding_of(start)
    if codec is None:
        return start[mark:]
    return codecs.getincrementaldecoder(codec)("replace").decode(start[mark:]).encode()


def utf8_pieces(stream: Iterator[bytes]) -> Iterator[bytes]:
    """The stream as UTF-8; broken UTF-16 has replacement characters, as it says nowhere where the next one begins."""
    start = b""
    for piece in stream:
        start += piece
        if len(start) >= START_BYTES:
            break
    codec, mark = encoding_of(start)
    if codec is None:
        yield start[mark:]
        yield from stream
        return
    decoder = codecs.getincrementaldecoder(codec)("replace")
    yield decoder.decode(start[mark:]).encode()
    for piece in stream:
        yield decoder.decode(piece).encode()
    yield decoder.decode(b"", final=True).encode()
