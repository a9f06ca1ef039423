"""Text of JSON Lines, CSV and TSV as UTF-8 without a byte order mark, in lines that end in LF.

The mark says whether it is UTF-8, UTF-16 or UTF-32. Without one UTF-16 shows in its zero bytes, since such a file
begins with ASCII: a brace, or the names of columns (RFC 4627, section 3). What is left is taken to be UTF-8. Where the
first 64 KiB hold CR and no LF, every line ends in CR. Cost: one pass.
"""

import codecs
from collections.abc import Iterator

START_BYTES = 4
LOOK_BYTES = 1 << 16

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
    """The start of a text as UTF-8 in lines; what is cut off inside a character is left out."""
    codec, mark = encoding_of(start)
    text = start[mark:]
    if codec is not None:
        text = codecs.getincrementaldecoder(codec)("replace").decode(text).encode()
    return text.replace(b"\r", b"\n") if _ends_in_cr(text) else text


def utf8_pieces(stream: Iterator[bytes]) -> Iterator[bytes]:
    """The stream as UTF-8 in lines; broken UTF-16 has replacement characters, since it says nowhere where the next
    character begins."""
    pieces = _decoded(stream)
    start = b""
    for piece in pieces:
        start += piece
        if b"\n" in piece or len(start) >= LOOK_BYTES:
            break
    if not _ends_in_cr(start):
        yield start
        yield from pieces
        return
    yield start.replace(b"\r", b"\n")
    for piece in pieces:
        yield piece.replace(b"\r", b"\n")


def _ends_in_cr(text: bytes) -> bool:
    return b"\r" in text[:-1] and b"\n" not in text  # a CR at the end may be half of a CR LF


def _decoded(stream: Iterator[bytes]) -> Iterator[bytes]:
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
