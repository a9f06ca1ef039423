"""Bytes to text: which encoding a page is in, when header, byte order mark, meta tag and bytes disagree.

Order: byte order mark; UTF-8 if the bytes are valid UTF-8 (bytes of another encoding almost never are); then the
charset of the header, of the page's meta tag, and the one detected by resiliparse, each mapped to a codec as the WHATWG
Encoding Standard maps labels. The first that explains at least nine in ten of the non-ASCII characters wins.
The HTML standard has the same order but for two things: valid UTF-8 comes before what header and tag say, and what is
said is only believed when the bytes agree, because crawled pages are often labelled wrongly.
Only resiliparse and the standard library are imported, for the worker starts in a few hundredths of a second.
Cost: one decoding of valid UTF-8; up to four otherwise.
"""

import re

from resiliparse.parse.encoding import detect_encoding, map_encoding_to_html5

META_BYTES = 4096
META = re.compile(rb"<meta\b[^>]{0,512}?\bcharset\s*=\s*[\"']?\s*([\w:.-]{1,40})", re.I)
XML_DECLARATION = re.compile(rb"\s*<\?xml\b[^>]{0,200}?\bencoding\s*=\s*[\"']([\w:.-]{1,40})", re.I)
COMMENT = re.compile(rb"<!--.*?(?:-->|\Z)", re.S)
MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
# Codecs that hold everything of the narrower one that labels name, as browsers do.
WIDER = {
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "big5": "big5hkscs",
    "iso8859-11": "cp874",
    "iso8859-9": "cp1254",
}
# Labels that resiliparse does not map and Python has a codec for.
MORE_LABELS = {
    "x-mac-cyrillic": "mac_cyrillic",
    "x-mac-ukrainian": "mac_cyrillic",
    "macintosh": "mac_roman",
    "x-mac-roman": "mac_roman",
    "utf-32": "utf-32",
    "cp850": "cp850",
    "ibm850": "cp850",
    "cp437": "cp437",
    "ibm437": "cp437",
}
SEVEN_BIT = frozenset({"iso2022_jp"})
MAX_BROKEN_SHARE = 0.1  # of the non-ASCII characters, to believe an encoding
MAX_UNREADABLE_SHARE = 0.05  # of all characters, to accept the best of several wrong encodings
LOOK_BYTES = 1024


def decode(data: bytes, stated: str | None, *, is_html: bool) -> tuple[str, str] | None:
    """The text and the name of the codec; None when no encoding makes text of the bytes."""
    for mark, codec in MARKS:
        if data.startswith(mark):
            return _accept(data[len(mark) :].decode(codec, "replace"), codec)
    header = codec_of(stated)
    wide = _wide_codec(data, header)
    if wide is not None:
        return _accept(data.decode(wide, "replace"), wide)
    if header not in SEVEN_BIT:
        text = _strict_utf8(data)
        if text is not None:
            return text, "utf-8"
    best: tuple[int, str, str] | None = None
    for codec in _candidates(data, header, is_html):
        text = data.decode(codec, "replace")
        broken = text.count("\ufffd")
        if broken <= MAX_BROKEN_SHARE * _non_ascii(text):
            return text, codec
        if best is None or broken < best[0]:
            best = (broken, text, codec)
    return _accept(best[1], best[2]) if best else None


def codec_of(label: str | None) -> str | None:
    """The Python codec of a charset label; None for an unknown one. Never a codec that labels cannot name."""
    if not label:
        return None
    label = label.strip().lower()
    codec = map_encoding_to_html5(label, fallback_utf8=False) or MORE_LABELS.get(label)
    return WIDER.get(codec, codec) if codec else None


def _candidates(data: bytes, header: str | None, is_html: bool) -> list[str]:
    named = [header]
    if is_html:
        start = COMMENT.sub(b"", data[:META_BYTES])  # browsers look at no tag inside a comment
        found = META.search(start) or XML_DECLARATION.match(start)
        inside = codec_of(found[1].decode("ascii", "replace")) if found else None
        # a tag that can be read as ASCII is not in UTF-16, whatever it says
        named.append("utf-8" if inside and inside.startswith(("utf-16", "utf-32")) else inside)
    named += [codec_of(detect_encoding(data)), "cp1252"]
    return list(dict.fromkeys(codec for codec in named if codec is not None))


def _wide_codec(data: bytes, header: str | None) -> str | None:
    """UTF-16 or UTF-32 without a mark: the header says so and zeros agree, or every second byte is zero."""
    start = data[:LOOK_BYTES]
    if b"\x00" not in start:  # an East Asian page may hold no zero; believe the header unless UTF-8 explains the bytes
        return header if header and header.startswith("utf-16") and _strict_utf8(data) is None else None
    if header and header.startswith("utf-32"):
        return header
    even, odd = start[0::2].count(0), start[1::2].count(0)
    few, many = sorted((even, odd))
    if many <= 4 * few or many < len(start) // 8:
        return header if header and header.startswith("utf-16") else None
    return "utf-16-le" if odd > even else "utf-16-be"


def _strict_utf8(data: bytes) -> str | None:
    """Valid UTF-8, but for a last character that is cut off."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data" and len(data) - error.start < 4:
            return data[: error.start].decode("utf-8")
        return None


def _accept(text: str, codec: str) -> tuple[str, str] | None:
    return (text, codec) if text.count("\ufffd") <= MAX_UNREADABLE_SHARE * len(text) else None


def _non_ascii(text: str) -> int:
    return len(text) - len(text.encode("ascii", "ignore"))
