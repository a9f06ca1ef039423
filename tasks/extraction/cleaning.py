"""The one form of text in the lake: Unicode NFC, line feeds, no control characters.

Cost: linear; a few nanoseconds a byte for text with neither carriage returns nor control characters. That is checked
on its bytes, because a regular expression over all characters takes ten times as long.
"""

import re
import unicodedata

LINE_ENDS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ufeff\ufffe\uffff]")
MAX_CONTROL_SHARE, CONTROL_SLACK = 0.05, 8

PLAIN_ASCII = bytes(code for code in range(0x80) if code in b"\t\n" or 0x20 <= code < 0x7F)
ABOVE_ASCII = bytes(range(0x80, 0x100))
# The other characters of both expressions in UTF-8: U+0080 to U+009F; U+2028, U+2029, U+FEFF, U+FFFE and U+FFFF.
C1 = re.compile(b"\xc2[\x80-\x9f]")
SPECIAL = (b"\xe2\x80\xa8", b"\xe2\x80\xa9", b"\xef\xbb\xbf", b"\xef\xbf\xbe", b"\xef\xbf\xbf")


def clean(text: str) -> str | None:
    """The text in its one form, without white space around it; None when it is so full of control characters that it
    cannot be text."""
    if not _is_plain(text):
        length = len(text)
        text = LINE_ENDS.sub("\n", text)
        text, controls = CONTROLS.subn("", text)
        if controls > MAX_CONTROL_SHARE * length + CONTROL_SLACK:
            return None
    return unicodedata.normalize("NFC", text).strip()


def _is_plain(text: str) -> bool:
    """Whether neither expression finds anything in ``text``."""
    data = text.encode("utf-8", "surrogatepass")
    rest = data.translate(None, PLAIN_ASCII)  # what is not plain ASCII
    if not rest:
        return True
    if rest.translate(None, ABOVE_ASCII):
        return False
    return C1.search(rest) is None and not any(special in rest for special in SPECIAL)
