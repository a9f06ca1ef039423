"""Numeric answers: the last number of the output, compared exactly with the gold answer.

The last number, because a model that explains itself ends with the answer (``flexible-extract`` of lm-eval's GSM8K).
Read are whole numbers, thousands commas, decimals, exponents, fractions ``a/b``, mixed numbers ``1 1/2``, percent signs
and the minus sign (also U+2212); a minus directly after a digit, letter or bracket is a dash or a subtraction, no sign.
Values are ``Fraction``; nothing is evaluated as code. A percent sign is read either way: ``50%`` equals 50 and 1/2.
"""

import re
from fractions import Fraction

from evals.graders import Grade, judged
from evals.items import AnswerItem

DIGITS = r"(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)"
Number = tuple[Fraction, bool]
NUMBER = re.compile(
    rf"(?P<sign>(?<![0-9A-Za-z)\]])-)?[$€£]?"
    rf"(?:(?:(?P<whole>[0-9]+) )?(?P<over>{DIGITS})/(?P<under>{DIGITS})(?![0-9]|\.[0-9])"
    rf"|(?P<decimal>{DIGITS}(?:\.[0-9]+)?|\.[0-9]+)(?:[eE](?P<power>[+-]?[0-9]{{1,2}})(?![0-9]))?)"
    r"(?P<percent> ?%)?"
)
LONGEST = 60
"""Characters of the longest number that is read: no answer is longer, and exact arithmetic on a longer one costs."""


def last_number(text: str) -> Number | None:
    """The last number of ``text``, with whether a percent sign follows it. Cost: linear in the text.

    None when there is no number, or the last one divides by zero or is longer than :data:`LONGEST`.
    """
    matches = list(NUMBER.finditer(text.replace("\u2212", "-")))
    value = _value(matches[-1]) if matches else None
    return None if value is None else (value, matches[-1]["percent"] is not None)


def equal(found: Number, gold: Number, tolerance: Fraction) -> bool:
    """Whether two numbers are the same within ``tolerance`` (absolute), a percent sign read either way."""
    return any(abs(left - right) <= tolerance for left in _readings(found) for right in _readings(gold))


def by_last_number(item: AnswerItem, output: str) -> Grade:
    """Grade the last number of the output; no number is a wrong answer."""
    ((answer,),) = item.answers
    found = last_number(output)
    if found is None:
        return judged(False, f"no number in the output; expected {answer}")
    gold, tolerance = last_number(answer), last_number(item.tolerance)
    if gold is None or tolerance is None:
        raise ValueError(f"{item.id}: answer or tolerance is no number")
    detail = f"read {found[0]}{'%' if found[1] else ''}, expected {answer}"
    detail += f" within {item.tolerance}" if tolerance[0] else ""
    return judged(equal(found, gold, tolerance[0]), detail)


def _readings(number: Number) -> tuple[Fraction, ...]:
    value, percent = number
    return (value, value / 100) if percent else (value,)


def _value(match: re.Match[str]) -> Fraction | None:
    """The value of a match; None for a division by zero or more digits than :data:`LONGEST`."""
    if len(match[0]) > LONGEST:
        return None
    sign = -1 if match["sign"] else 1
    if match["decimal"] is not None:
        power = Fraction(10) ** int(match["power"] or 0)
        return sign * Fraction(_plain(match["decimal"])) * power
    under = int(_plain(match["under"]))
    if under == 0:
        return None
    return sign * (int(match["whole"] or 0) + Fraction(int(_plain(match["over"])), under))


def _plain(digits: str) -> str:
    return digits.replace(",", "")
