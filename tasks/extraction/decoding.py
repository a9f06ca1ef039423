"""Bytes to text: which encoding a page is in, when header, byte order mark, meta tag and bytes disagree.

Order: byte order mark; UTF-16 and UTF-32 by their zeros; ISO-2022-JP by its escape sequences; UTF-8 if the bytes are
valid UTF-8 (bytes of another encoding almost never are), or almost all of them are. A page with one character that is
not ASCII is in the encoding that a label names, and otherwise in windows-1252. A page that is labelled UTF-8 and is
that except for the same stray bytes again and again keeps its label. Any other page is decoded with every
candidate: the charset of the header, of the page's meta tag, the one that resiliparse (uchardet) detects in the text
between the tags, and what these are commonly confused with. The one whose text reads best as language wins
(``gristmill.tasks.extraction.plausibility``); labels and detection carry little weight, so they decide only where texts
read equally well. Labels mean what the WHATWG Encoding Standard says. The HTML standard trusts the header, then the
tag, whatever the bytes say; crawled pages are often labelled wrongly, mostly by servers' default settings.

Only resiliparse and the standard library are imported, so that the worker starts in a few hundredths of a second.
Cost: one decoding of valid UTF-8; about 1 ms for a page that is not.
"""

import re

from resiliparse.parse.encoding import detect_encoding, map_encoding_to_html5

from gristmill.tasks.extraction.plausibility import languages_of, read

META_BYTES = 4096
HZ_LABEL = b"hz-gb-2312"
JAPANESE_ESCAPE = re.compile(rb"\x1b\$[@B(]")
META = re.compile(rb"<meta\b[^>]{0,512}?\bcharset\s*=\s*[\"']?\s*([\w:.-]{1,40})", re.I)
XML_DECLARATION = re.compile(rb"\s*<\?xml\b[^>]{0,200}?\bencoding\s*=\s*[\"']([\w:.-]{1,40})", re.I)
COMMENT = re.compile(rb"<!--.*?(?:-->|\Z)", re.S)
MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
# Supersets that browsers use in place of the narrower codec that a label names.
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
    "mac-cyrillic": "mac_cyrillic",
    "cp949": "cp949",
    "hz-gb-2312": "hz",
}
# Encodings the detector names but no page uses, and what such pages really use.
DETECTED_FOR = {
    "iso8859-3": ("cp1254",),
    "iso8859-4": ("cp1257",),
    "iso8859-10": ("cp1257",),
    "iso8859-13": ("cp1257",),
    "iso8859-16": ("cp1250", "iso8859-2"),
    "cp1258": ("cp1252",),
    "koi8-r": ("koi8-r", "koi8-u"),
    "cp1253": ("cp1253", "iso8859-7"),
    "iso8859-7": ("iso8859-7", "cp1253"),
}
LATIN = ("cp1252", "cp1250", "iso8859-2", "cp1254", "cp1257", "iso8859-15")
OTHERS = (
    *("cp1251", "koi8-r", "koi8-u", "iso8859-5", "cp1253", "iso8859-7", "cp1255", "cp1256"),
    *("iso8859-6", "cp874", "gb18030", "big5hkscs", "cp932", "euc_jp", "cp949"),
)
FAMILIES = (LATIN, ("cp1253", "iso8859-7"), ("koi8-r", "koi8-u"))  # alike except for a few characters
# Labels that servers and editors write without looking.
DEFAULTS = frozenset({"utf-8", "cp1252"})
# Evidence for a candidate besides its text, in units of implausibility.
LABEL, DEFAULT_LABEL, DETECTION, UNSURE_DETECTION, COMMON = 0.05, 0.03, 0.07, 0.01, 0.005
SURE_BYTES = 64  # beyond ASCII, for the detector to be sure
FEW_STRAYS = 3  # in a page of nothing but ASCII beside, to believe its label rather than how they would read
MIXED_UP = 0.2  # implausibility of the best candidate from which every encoding is tried
NEAR = 0.1  # between implausibilities, for misfits to decide
UNREADABLE = 1.0  # implausibility of the best candidate from which the bytes are not text
MAX_BROKEN_SHARE = 0.1  # of the non-ASCII characters, to believe escape sequences
MAX_UNREADABLE_SHARE = 0.05  # of all characters
SAMPLE_BYTES, LOOK_FOR_SAMPLE = 1 << 14, 1 << 18
# Each alternative runs to the end where nothing closes it, or a page of openings would be searched once for each.
NO_TEXT = re.compile(rb"<(script|style)\b.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)|<[^>]*(?:>|\Z)", re.S | re.I)
# What RFC 3629 allows.
SOUND_UTF8 = re.compile(
    rb"[\x00-\x7f]++|[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}"
    rb"|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}"
)
LOOK_BYTES = 1024
ASCII = bytes(range(128))
MARKUP_ZEROS = 8  # of UTF-16 in another script, whose only zeros are in the tags


def decode(data: bytes, stated: str | None, *, is_html: bool) -> tuple[str, str] | None:
    """The text and the name of the codec; None when no encoding turns the bytes into text."""
    for mark, codec in MARKS:
        if data.startswith(mark):
            return _accept(data[len(mark) :].decode(codec, "replace"), codec)
    header = codec_of(stated)
    wide = _wide_codec(data, header)
    if wide is not None:
        return _accept(data.decode(wide, "replace"), wide)
    found = _seven_bit(data, header, is_html)
    if found is not None:
        return found
    text = _strict_utf8(data)
    if text is not None:
        return text, "utf-8"
    text = data.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    sound = _non_ascii(text) - broken
    if sound >= 2 * broken or sound >= broken == 1:
        return text, "utf-8"
    labels = [label for label in (header, _inner_label(data) if is_html else None) if label is not None]
    if broken == 1:
        return _one_character(data, labels) or (text, "utf-8")
    if "utf-8" in labels[:1] and (sound or broken <= FEW_STRAYS) and _are_equal(data, broken):
        return text, "utf-8"
    return _most_plausible(data, labels, is_html)


def codec_of(label: str | None) -> str | None:
    """The Python codec of a charset label; None for an unknown one. Never a codec that labels cannot name."""
    if not label:
        return None
    label = label.strip().lower()
    codec = map_encoding_to_html5(label, fallback_utf8=False) or MORE_LABELS.get(label)
    return WIDER.get(codec, codec) if codec else None


def _one_character(data: bytes, labels: list[str]) -> tuple[str, str] | None:
    """The text of a page with one character beyond ASCII, which says nothing about its language: by the first codec
    that a label names and that has a character there, windows-1252 where no label names one. None when it is UTF-8."""
    ascii_alone = data.translate(None, bytes(range(128, 256)))
    for codec in labels or LATIN[:1]:
        text = data.decode(codec, "replace")
        if codec != "utf-8" and "\ufffd" not in text and text.encode("ascii", "ignore") == ascii_alone:
            return text, codec
    return None


def _are_equal(data: bytes, broken: int) -> bool:
    """Whether the bytes that are not UTF-8 are the same ones each time, of ``broken`` times: then they say as little
    about the page's language as one."""
    strays = SOUND_UTF8.sub(b"", data)
    return strays == strays[: len(strays) // broken] * broken


def _most_plausible(data: bytes, labels: list[str], is_html: bool) -> tuple[str, str] | None:
    """The text that reads best as language, and its codec.

    Those of its family that read nearly as well differ from it in a few characters, so the number of misfits decides.
    """
    sample = _sample(data, is_html)
    languages = languages_of(sample)
    support = _support(sample, labels)
    readings = {codec: read(sample.decode(codec, "replace"), languages) for codec in support}
    if min(reading.implausibility for reading in readings.values()) > MIXED_UP:
        # every other script has more letters than one
        others = OTHERS if len(set(sample.translate(None, ASCII))) > 1 else ()
        for codec in (*LATIN, *others):
            if codec not in readings:
                readings[codec] = read(sample.decode(codec, "replace"), languages)
    scores = {codec: reading.implausibility - support.get(codec, 0.0) for codec, reading in readings.items()}
    least = min(scores.values())
    first = min(scores, key=scores.__getitem__)
    family = next((codecs for codecs in FAMILIES if first in codecs), (first,))
    near = [codec for codec in scores if codec in family and scores[codec] <= least + NEAR]
    best = min(near, key=lambda codec: (readings[codec].misfits, scores[codec]))
    best = best if least <= UNREADABLE else "utf-8"  # of a page that is nearly all ASCII the rest can still be read
    return _accept(data.decode(best, "replace"), best)


def _support(sample: bytes, labels: list[str]) -> dict[str, float]:
    """The candidates in order, with what speaks for each."""
    support: dict[str, float] = {}
    for label in labels:
        support[label] = support.get(label, 0.0) + (DEFAULT_LABEL if label in DEFAULTS else LABEL)
    name = detect_encoding(sample, html5_compatible=False)
    codec = codec_of(name)
    detected = DETECTED_FOR.get(codec, (codec,)) if codec else LATIN[:1]
    latin = detected[0] in LATIN
    sure = not latin and len(sample.translate(None, ASCII)) >= SURE_BYTES
    support[detected[0]] = support.get(detected[0], 0.0) + (DETECTION if sure else UNSURE_DETECTION)
    support["cp1252"] = support.get("cp1252", 0.0) + COMMON
    for candidate in (*detected, "utf-8", *(LATIN if latin else ())):
        support.setdefault(candidate, 0.0)
    return support


def _sample(data: bytes, is_html: bool) -> bytes:
    """Runs of text with bytes beyond ASCII, without tags, comments, scripts and styles; else the page's start."""
    start = data[:LOOK_FOR_SAMPLE]
    runs, size = [], 0
    for run in (NO_TEXT.sub(b"\n", start) if is_html else start).splitlines():
        if not run.isascii():
            runs.append(run)
            size += len(run)
            if size >= SAMPLE_BYTES:
                break
    return b"\n".join(runs)[: 2 * SAMPLE_BYTES] or data[:SAMPLE_BYTES]


def _inner_label(data: bytes) -> str | None:
    """The codec that the page's own tag or XML declaration names."""
    start = COMMENT.sub(b"", data[:META_BYTES])  # browsers look at no tag inside a comment
    found = META.search(start) or XML_DECLARATION.match(start)
    codec = codec_of(found[1].decode("ascii", "replace")) if found else None
    # a tag that can be read as ASCII is not in UTF-16, whatever it says
    return "utf-8" if codec and codec.startswith(("utf-16", "utf-32")) else codec


def _seven_bit(data: bytes, header: str | None, is_html: bool) -> tuple[str, str] | None:
    """ISO-2022-JP where its escape sequences are; HZ where a label names it too, for ``~{`` may stand in any text."""
    if b"\x1b" in data and JAPANESE_ESCAPE.search(data):  # the first of these is nearly free, the second is not
        codec = "iso2022_jp"
    elif header == "hz" or (is_html and HZ_LABEL in data[:META_BYTES].lower() and _inner_label(data) == "hz"):
        codec = "hz"
    else:
        return None
    text = data.decode(codec, "replace")
    beyond = _non_ascii(text)
    return (text, codec) if beyond and text.count("\ufffd") <= MAX_BROKEN_SHARE * beyond else None


def _wide_codec(data: bytes, header: str | None) -> str | None:
    """UTF-16 or UTF-32 without a mark: the header says so and zeros agree, or every second byte is zero."""
    start = data[:LOOK_BYTES]
    if b"\x00" not in start:  # an East Asian page may hold no zero; believe the header unless UTF-8 explains the bytes
        return header if header and header.startswith("utf-16") and _strict_utf8(data) is None else None
    if header and header.startswith("utf-32"):
        return header
    even, odd = start[0::2].count(0), start[1::2].count(0)
    few, many = sorted((even, odd))
    if many <= 4 * few or many < (len(start) // 8 if few else MARKUP_ZEROS):
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
