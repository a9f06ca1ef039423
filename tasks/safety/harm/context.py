"""How much a hit of a word list weighs where it stands: the words around it may make it a report, a quotation, a study.

A window of 80 characters before and after a hit (40 for Chinese, where a character says more) is searched for cues. A
kind of cue lowers the score by a factor, once: medical and educational words, news and law, words by which a group
speaks of itself, negation and counter-speech, and quotation marks around the hit. Cues of a region are found once and
looked up by place, so the cost does not depend on the number of hits. The factors are set by hand, fitted to nothing;
a policy decides by a lowest score what they are worth.
"""

import re
from bisect import bisect_left
from collections.abc import Sequence

WINDOW, HAN_WINDOW = 80, 40
QUOTED = 0.6
FACTORS: tuple[tuple[str, float, re.Pattern[str]], ...] = (
    (
        "medical",
        0.4,
        re.compile(
            r"\b(?:medical|clinical|patients?|doctors?|therap(?:y|ist)|disorder|symptoms?|diagnos\w{2,5}|prevention|"
            r"hotline|helpline|counsell?ing|health|sexual education|research(?:ers)?|study|studies)\b"
            r"|医学|医院|医生|患者|治疗|症状|疾病|诊断|预防|热线|心理咨询|健康|研究|性教育",
        ),
    ),
    (
        "news",
        0.6,
        re.compile(
            r"\b(?:police|court|reported|reporters?|arrested|according to|sentenced|charged with|news|investigation|"
            r"law|banned|history|historical)\b|警方|法院|报道|记者|被捕|据|判处|调查|新闻|法律|涉嫌|历史",
        ),
    ),
    (
        "reclaimed",
        0.5,
        re.compile(r"\b(?:reclaim\w{0,4}|proud(?:ly)?|my fellow|us (?:queers|dykes|fags)|we are)\b|我们自称|自嘲|自称"),
    ),
    (
        "negation",
        0.4,
        re.compile(
            r"\b(?:don'?t|do not|never|should ?n[o']?t|must not|stop (?:saying|using|calling)|no one should|isn'?t ok|"
            r"not ok(?:ay)?|unacceptable|offensive|slur|insult(?:ing)?|hate speech|condemn\w{0,3}|called me)\b"
            r"|不要|别说|不应|不能|禁止|反对|谴责|侮辱性|歧视性|骂我|骂人|请勿|仇恨言论|说的是",
        ),
    ),
)
OPENING = re.compile('["“‘「『《]')
CLOSING = re.compile('["”’」』》]')


class Context:
    """The cues of a region ``text[start:end]`` in small letters."""

    def __init__(self, text: str, start: int, end: int) -> None:
        region = text[start:end].lower()
        if len(region) != end - start:  # some capitals become two small letters
            region = text[start:end]
        self._cues = [(factor, [start + found.start() for found in cue.finditer(region)]) for _, factor, cue in FACTORS]
        self._opening = [start + found.start() for found in OPENING.finditer(region)]
        self._closing = [start + found.start() for found in CLOSING.finditer(region)]
        self._none = not self._closing and not any(places for _, places in self._cues)

    def factor(self, start: int, end: int, *, han: bool) -> float:
        """What the score of a hit at ``start`` to ``end`` is multiplied by, in (0, 1]."""
        if self._none:
            return 1.0
        width = HAN_WINDOW if han else WINDOW
        low, high = start - width, end + width
        factor = 1.0
        for weight, places in self._cues:
            if _within(places, low, start) or _within(places, end, high):
                factor *= weight
        quoted = _within(self._opening, low, start) and _within(self._closing, end, high)
        return factor * QUOTED if quoted else factor


def _within(places: Sequence[int], low: int, high: int) -> bool:
    place = bisect_left(places, low)
    return place < len(places) and places[place] < high
