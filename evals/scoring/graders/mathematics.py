r"""Numeric answers: the last number of the output, compared exactly with the gold answer.

The last number, because a model that explains itself ends with the answer (``flexible-extract`` of lm-eval's
GSM8K). Recognised are whole numbers, decimals, exponents (``1.2e3``, ``1.2 \times 10^3``, ``2^10``), fractions
``a/b``, ``\frac{a}{b}`` and ``3分之1``, mixed numbers ``1 1/2``, and the minus sign; digits of any script;
thousands separators (``1,000``, ``1，000``, ``1,00,000``, ``1_000``, ``1\,000``, ``1 000 000``). A minus directly
after a digit, letter or bracket is a dash or a subtraction, not a sign, and a number after ``^`` is the exponent
of a unit or a name. Values are ``Fraction``; nothing is evaluated as code. A number with two readings may mean
either: ``50%`` equals 50 and 1/2, ``3万`` equals 30000 and 3, since some questions ask for 万元.
"""

import re
from collections import deque
from fractions import Fraction
from typing import NamedTuple

from gristmill.evals.scoring.graders import Grade, judged
from gristmill.evals.scoring.graders.chinese_numbers import last_chinese_number
from gristmill.evals.suites.items import AnswerItem


class Number(NamedTuple):
    """A number and its other reading: a hundredth of it, or the number before its unit."""

    value: Fraction
    percent: bool = False
    bare: Fraction | None = None


OTHER_DIGIT = re.compile(r"[^\D0-9]")
"""A decimal digit of another script: full-width, Arabic, Devanagari and so on, but not superscripts."""
SIGNS = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2212\ufe63\uff0d"), "-")
"""Hyphens, the en dash, the minus sign, and their small and full-width forms. An em dash only separates words."""
MARKS = str.maketrans(
    {"，": ",", "．": ".", "％": "%", "﹪": "%", "／": "/", "＾": "^", "×": "*", "·": "*", "٬": ",", "٫": "."}
)
WORDS = (("\\times", "*"), ("\\cdot", "*"), ("\\%", "%"), ("\\$", "$"), ("\\ ", "\u00a0"))
THOUSANDS = re.compile(r"(?<=[0-9])(?:\\[,;!]|\{,\}|['’_\u00a0\u2009\u202f])(?=[0-9]{3}(?![0-9]))")
SPACED = re.compile(r"(?<![0-9.,])[0-9]{1,3}(?: [0-9]{3}){2,8}(?![0-9.,]*[0-9]|/)")
"""Plain spaces separate thousands only if there are two of them: not in ``room 3 150``."""
POWER = re.compile(r"\^\{ ?([+-]?[0-9]{1,3}) ?\}")
LATEX_FRACTION = re.compile(r"([0-9])?\\[dt]?frac ?(?:\{ ?(-?[0-9,]+) ?\} ?\{ ?([0-9,]+) ?\}|([0-9])([0-9]))")

DIGITS = r"(?:[0-9]{1,3}(?:,[0-9]{3}){1,8}(?![0-9])|[0-9]{1,2}(?:,[0-9]{2}){1,8},[0-9]{3}(?![0-9])|[0-9]+)"
UNIT = r"(?:万亿|亿|万|千(?![米克瓦卡赫焦帕])|百(?!分))"
UNITS = {"百": 10**2, "千": 10**3, "万": 10**4, "亿": 10**8, "万亿": 10**12}
NUMBER = re.compile(
    rf"(?P<sign>(?<![0-9A-Za-z)\]}}^])-)?(?<!\^)(?<!\^[-+0-9])(?<!\^[0-9]{{2}})[$€£¥￥]?"
    rf"(?:(?P<below>{DIGITS})分之(?P<above>{DIGITS})"
    rf"|(?:(?P<whole>[0-9]+) )?(?P<over>{DIGITS})/(?P<under>{DIGITS})(?![0-9]|\.[0-9])"
    rf"|(?P<units>(?:{DIGITS}(?:\.[0-9]+)?{UNIT}){{1,4}}(?:[0-9]+(?![0-9.]))?)"
    rf"|(?P<decimal>{DIGITS}(?:\.[0-9]+)?|(?<![0-9])\.[0-9]+)"
    r"(?:[eE](?P<power>[+-]?[0-9]{1,2})(?![0-9])| ?[*x] ?10\^(?P<ten>[+-]?[0-9]{1,2})(?![0-9])"
    r"|\^(?P<to>[+-]?[0-9]{1,2})(?![0-9]))?)"
    r"(?P<percent> ?%)?"
)
PART = re.compile(rf"({DIGITS}(?:\.[0-9]+)?)({UNIT})?")
LONGEST = 60
"""Characters of the longest number that is read: no answer is longer, and exact arithmetic on it is slow."""


def last_number(text: str) -> Number | None:
    """The last number of ``text``; without digits, the last in Chinese characters. Cost: linear in the text.

    None when there is no number, or the last one divides by zero or is longer than :data:`LONGEST`.
    """
    last = deque(NUMBER.finditer(plain_text(text)), maxlen=1)
    if last:
        return _value(last[0])
    written = last_chinese_number(text)
    return None if written is None else Number(written)


def plain_text(text: str) -> str:
    """``text`` with one spelling for each part of a number."""
    text = OTHER_DIGIT.sub(lambda found: str(int(found[0])), text)
    text = text.translate(SIGNS).translate(MARKS)
    for word, mark in WORDS:
        text = text.replace(word, mark)
    text = THOUSANDS.sub(",", text)
    text = SPACED.sub(lambda found: found[0].replace(" ", ","), text)
    text = POWER.sub(r"^\1", text)
    return LATEX_FRACTION.sub(_fraction, text)


def equal(found: Number, gold: Number, tolerance: Fraction) -> bool:
    """Whether two numbers are the same within ``tolerance`` (absolute), in one of their readings."""
    return any(abs(left - right) <= tolerance for left in _readings(found) for right in _readings(gold))


def by_last_number(item: AnswerItem, output: str) -> Grade:
    """Grade the last number of the output; an output without a number is wrong."""
    ((answer,),) = item.answers
    found = last_number(output)
    if found is None:
        return judged(False, f"no number in the output; expected {answer}")
    gold, tolerance = last_number(answer), last_number(item.tolerance)
    if gold is None or tolerance is None:
        raise ValueError(f"{item.id}: answer or tolerance is not a number")
    detail = f"read {found.value}{'%' if found.percent else ''}, expected {answer}"
    detail += f" within {item.tolerance}" if tolerance.value else ""
    return judged(equal(found, gold, tolerance.value), detail)


def _readings(number: Number) -> tuple[Fraction, ...]:
    bare = () if number.bare is None else (number.bare,)
    return (number.value, *bare, *((number.value / 100,) if number.percent else ()))


def _fraction(found: re.Match[str]) -> str:
    """``a/b``, preceded by a space after a whole number."""
    before, over, under, first, second = found.groups()
    return f"{before + ' ' if before else ''}{over or first}/{under or second}"


def _value(match: re.Match[str]) -> Number | None:
    """The value of a match; None for a division by zero or more digits than :data:`LONGEST`."""
    if len(match[0]) > LONGEST:
        return None
    sign, percent = -1 if match["sign"] else 1, match["percent"] is not None
    if match["units"] is not None:
        parts = PART.findall(match["units"])
        bare = sign * Fraction(_plain(parts[0][0])) if len(parts) == 1 else None
        value = sum((Fraction(_plain(digits)) * UNITS.get(unit, 1) for digits, unit in parts), Fraction(0))
        return Number(sign * value, percent, bare)
    if match["decimal"] is not None:
        power = Fraction(10) ** int(match["power"] or match["ten"] or 0)
        base, to = Fraction(_plain(match["decimal"])), int(match["to"] or 1)
        return Number(sign * base**to * power, percent) if base or to > 0 else None
    under = int(_plain(match["under"] or match["below"]))
    if under == 0:
        return None
    over = Fraction(int(_plain(match["over"] or match["above"])), under)
    return Number(sign * (int(match["whole"] or 0) + over), percent)


def _plain(digits: str) -> str:
    return digits.replace(",", "")
