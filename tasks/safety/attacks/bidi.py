"""Bidirectional controls that show a text in another order than a machine reads it ("Trojan Source").

An override (LRO, RLO) turns letters around whatever they are; it attacks when the text under it has letters that it
turns. A right-to-left embedding or isolate (RLE, RLI) without a right-to-left letter, in a text that has none around
it, moves marks and numbers of source code. Everything else belongs to Hebrew and Arabic: marks (LRM, RLM, ALM),
embeddings and isolates around words of the other direction, and the isolates that programs put around names.

Source: Boucher and Anderson 2021, CVE-2021-42574; Unicode annex 9. The span is the control with what it governs, to the
control that ends it or the end of the line. Cost: linear in the lines that hold a control.
"""

import re
from collections.abc import Iterator

from gristmill.schemas.findings import FindingKind
from gristmill.tasks.safety.finding import Detector, Finding

RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefe\U00010800-\U00010fff\U0001e800-\U0001efff]")
LEFT_TO_RIGHT = re.compile("[A-Za-z\u00c0-\u024f\u0370-\u052f\u3040-\u9fff\uac00-\ud7af]")
OPENING = re.compile("[\u202a\u202b\u202d\u202e\u2066-\u2068]")
LRO, RLO, RLE, RLI, PDF, PDI = "\u202d", "\u202e", "\u202b", "\u2067", "\u202c", "\u2069"
ENDS = {RLI: re.compile(f"[{PDI}\n]"), RLE: re.compile(f"[{PDF}\n]")}
AROUND = 300
OVERRIDE_SCORE, MOVED_SCORE = 0.95, 0.7


def reordered(text: str, start: int, end: int) -> Iterator[Finding]:
    """Controls that turn around what they govern."""
    free = start
    for match in OPENING.finditer(text, start, end):
        if match.start() < free:
            continue
        control = match.group()
        stop = ENDS[RLI if control == RLI else RLE].search(text, match.end(), end)
        last = end if stop is None else stop.start() + (stop.group() != "\n")
        score = _score(text, control, match.start(), last, start, end)
        if score:
            free = last
            yield Finding(match.start(), last, FindingKind.BIDI_UNICODE, score, BIDI.name)


def _score(text: str, control: str, first: int, last: int, start: int, end: int) -> float:
    """0 for a control that turns nothing around, or that belongs to a right-to-left text."""
    if control == RLO:
        return OVERRIDE_SCORE if LEFT_TO_RIGHT.search(text, first, last) else 0.0
    if control == LRO:
        return OVERRIDE_SCORE if RIGHT_TO_LEFT.search(text, first, last) else 0.0
    if control not in (RLE, RLI) or not LEFT_TO_RIGHT.search(text, first, last):
        return 0.0
    around = RIGHT_TO_LEFT.search(text, max(start, first - AROUND), min(end, last + AROUND))
    return 0.0 if around else MOVED_SCORE


BIDI = Detector(
    "attack:bidi",
    1,
    (FindingKind.BIDI_UNICODE,),
    (r"[\x{202b}\x{202d}\x{202e}\x{2067}]",),
    reordered,
    reach=(AROUND + 40, 2 * AROUND),
)
DETECTORS = (BIDI,)
