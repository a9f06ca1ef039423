"""The one form of text in the lake: Unicode NFC, line feeds, no control characters. Cost: linear for ordinary text."""

import re
import unicodedata

LINE_ENDS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ufeff\ufffe\uffff]")
MAX_CONTROL_SHARE, CONTROL_SLACK = 0.05, 8


def clean(text: str) -> str | None:
    """The text in its one form, without white space around it; None when it is so full of control characters that it
    cannot be text."""
    length = len(text)
    text = LINE_ENDS.sub("\n", text)
    text, controls = CONTROLS.subn("", text)
    if controls > MAX_CONTROL_SHARE * length + CONTROL_SLACK:
        return None
    return unicodedata.normalize("NFC", text).strip()
