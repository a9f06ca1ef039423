"""Dates of birth: a full date after a word that says so. Score .85; .8 for a date that the word follows
(1980年1月2日出生).

A year alone is no date of birth, and neither is a date without a word.
"""

import re
from collections.abc import Iterator

from gristmill.schemas.findings import FindingKind
from gristmill.tasks.safety.finding import Detector, Finding
from gristmill.tasks.safety.personal.rules import any_of, in_bytes, labelled

WORDS = (
    "born", "date of birth", "birth date", "birthdate", "dob", "d.o.b", "birthday", "née le", "né le", "naissance",
    "geboren am", "geburtsdatum", "nacido el", "nacida el", "nacimiento", "nato il", "nata il",
    "出生日期", "出生年月", "出生于", "出生", "生日", "生于", "誕生日", "생년월일", "дата рождения",
)  # fmt: skip
MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?"
    r"|Nov(?:ember)?|Dec(?:ember)?)\.?"
)
YEAR = r"(?:18[89][0-9]|19[0-9]{2}|20[0-3][0-9])"
DATE = (
    rf"{YEAR}[ ]?年[ ]?[01]?[0-9][ ]?月[ ]?[0-3]?[0-9][ ]?日?"
    rf"|{YEAR}[ ]?[\-/.][ ]?[01]?[0-9][ ]?[\-/.][ ]?[0-3]?[0-9](?![0-9])"
    rf"|(?<![0-9])[0-3]?[0-9][\-/.][0-3]?[0-9][\-/.](?:{YEAR}|[0-9]{{2}})(?![0-9])"
    rf"|{MONTH} [0-3]?[0-9](?:st|nd|rd|th)?,? {YEAR}"
    rf"|[0-3]?[0-9](?:st|nd|rd|th)? (?:of )?{MONTH},? {YEAR}"
    rf"|{YEAR}[01][0-9][0-3][0-9](?![0-9])"
)
AFTER_WORD = re.compile(rf"[^0-9\n]{{0,24}}?(?P<date>{DATE})")
BEFORE_WORD = re.compile(rf"(?P<date>{DATE})(?=[ ]?(?:出生|生于|生，|生人))")
HIT = "rule:birth_date"
_WORDS = any_of(WORDS)


def birth_dates(text: str, start: int, end: int) -> Iterator[Finding]:
    """Dates of birth in folded text."""
    for word in _WORDS.finditer(text, start, end):
        if word.group() == "生于" and text[word.start() - 1 : word.start()] in ("发", "產", "产"):
            continue
        match = AFTER_WORD.match(text, word.end(), min(word.end() + 56, end))
        if match is not None and not (word.group().lower() == "born" and "." in text[word.end() : match.start("date")]):
            yield Finding(match.start("date"), match.end("date"), FindingKind.BIRTH_DATE, 0.85, HIT)
    for match in BEFORE_WORD.finditer(text, start, end):
        yield Finding(match.start("date"), match.end("date"), FindingKind.BIRTH_DATE, 0.8, HIT)


BIRTH_DATE = Detector(
    HIT,
    1,
    (FindingKind.BIRTH_DATE,),
    (*labelled(WORDS, "[0-9]", 24), in_bytes(r"[0-9](?:日|号)? ?(?:出生|生于|生，|生人)")),
    birth_dates,
    reach=(64, 40),
    folded=True,
)
DETECTORS = (BIRTH_DATE,)
