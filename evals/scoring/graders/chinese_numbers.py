"""Numbers written in Chinese characters: 十二, 二百零五, 三万五千, 一点五, 三分之一, 百分之五十, 二〇二六.

A single character is a number only after something that introduces an answer (是, 为, =, ...), since 一 is part of many
words. Malformed numbers (万一, 百百) are skipped. Cost: linear in the text.
"""

import re
from fractions import Fraction

DIGITS = {mark: value for value, mark in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
UNITS = {"十": 10, "百": 100, "千": 1000}
GROUPS = {"万": 10**4, "亿": 10**8}
MARKS = "".join((*DIGITS, *UNITS, *GROUPS))
RUN = re.compile(
    rf"(?P<led>[是为得有共剩＝=:：]\s*)?(?P<sign>负)?(?P<number>[{MARKS}]+(?:点[{MARKS}]+|分之[{MARKS}]+)?)"
)
LONGEST = 30


def last_chinese_number(text: str) -> Fraction | None:
    """The last number of ``text`` that is written in Chinese characters; None if there is none."""
    found: Fraction | None = None
    for run in RUN.finditer(text):
        number = run["number"]
        if len(number) <= LONGEST and (len(number) > 1 or run["led"]) and (value := _value(number)) is not None:
            found = -value if run["sign"] else value
    return found


def _value(number: str) -> Fraction | None:
    whole, point, decimals = number.partition("点")
    if point:
        before, places = _whole(whole), [DIGITS.get(mark) for mark in decimals]
        if before is None or None in places:
            return None
        return before + Fraction(int("".join(str(place) for place in places)), 10 ** len(places))
    under, of, over = number.partition("分之")
    if of:
        parts = (UNITS | GROUPS).get(under) or _whole(under), _whole(over)
        return Fraction(parts[1], parts[0]) if parts[0] and parts[1] is not None else None
    found = _whole(number)
    return None if found is None else Fraction(found)


def _whole(number: str) -> int | None:
    """A whole number; None for anything else. Without units the digits are read one by one, as in years."""
    if all(mark in DIGITS for mark in number):
        return int("".join(str(DIGITS[mark]) for mark in number)) if number else None
    total = section = 0
    digit: int | None = None
    for mark in number:
        if mark in DIGITS:
            if digit:
                return None
            digit = DIGITS[mark]
        elif mark in UNITS:
            if not digit and not (mark == "十" and not section):
                return None
            section += (digit or 1) * UNITS[mark]
            digit = None
        else:
            section += digit or 0
            total = (total + section) * GROUPS[mark] if mark == "亿" else total + section * GROUPS[mark]
            if not total:
                return None
            section, digit = 0, None
    return total + section + (digit or 0)
