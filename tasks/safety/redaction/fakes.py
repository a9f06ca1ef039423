"""Fakes: values of the form of a finding that belong to nobody.

``fake(kind, value, number)`` is the ``number``-th fake (0 to 999) of a kind, written as ``value`` is: separators,
length and script stay. Numbers come from ranges that are reserved for fiction, documentation or tests, where there are
any: ``example.com`` (RFC 2606), 192.0.2.0/24 (RFC 5737), 2001:db8::/32 (RFC 3849), North American 555-0100 to 555-0199,
British 07700 900000 to 900999 (Ofcom), test cards from 4000 0000 and 6200 0000, US social security numbers of area 666,
which is never assigned. For Chinese numbers nothing is reserved; 100 0000 0xxx and region 990000 are not assigned.

A fake does not depend on the value that it hides. A function of the value, even a hash, could be searched: there are
only so many telephone numbers.
"""

import re
from collections.abc import Callable, Mapping

from gristmill.schemas.findings import FindingKind

MOST = 1000
DIGIT = re.compile(r"[0-9０-９]")
PREFIX = re.compile(r"\s*(?:[+＋]|00)")
LONG_DISTANCE = re.compile(r"\s*1[\s.(-]\D*[2-9](?:\D*\d){9}$")
HAN = re.compile(r"[\u3400-\u9fff]")
FULL_WIDTH = str.maketrans("０１２３４５６７８９", "0123456789")
NAMES = ("Jane Doe", "John Doe", "Richard Roe", "Jane Roe", "Mary Major", "John Stiles")
HAN_NAMES = ("张三", "李四", "王五", "赵六", "孙七", "周八", "吴九", "郑十")
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
RESIDENT = 18
RESIDENT_CHECKS = "10X98765432"


def fake(kind: FindingKind, value: str, number: int) -> str:
    """The ``number``-th fake of ``kind`` in the form of ``value``. Raises ``KeyError`` for a kind that has none."""
    return FAKES[kind](value, number % MOST)


def _email(_: str, number: int) -> str:
    return f"user{number}@example.com"


def _address(value: str, number: int) -> str:
    if ":" in value:
        return f"2001:db8::{number:x}"
    return f"{('192.0.2', '198.51.100', '203.0.113')[number // 250 % 3]}.{number % 250 + 1}"


def _phone(value: str, number: int) -> str:
    digits = _digits(value)
    abroad = PREFIX.match(value.translate(FULL_WIDTH))
    digits = digits.removeprefix("00") if abroad and abroad[0].strip() == "00" else digits
    kept = ""
    if (abroad and digits[0] == "1" and len(digits) == 11) or LONG_DISTANCE.match(value):
        plain = f"120255501{number % 100:02d}"
    elif not abroad and len(digits) == 10 and digits[0] in "23456789":
        plain = f"20255501{number % 100:02d}"
    elif abroad and digits.startswith("86") and len(digits) == 13:
        plain = f"861000000{number:04d}"
    elif not abroad and len(digits) == 11 and digits[0] == "1":
        plain = f"1000000{number:04d}"
    elif abroad and digits.startswith("44") and len(digits) == 12:
        plain = f"447700900{number:03d}"
    elif not abroad and digits.startswith("07") and len(digits) == 11:
        plain = f"07700900{number:03d}"
    else:
        kept = digits[:2] if abroad else ""
        room = len(digits) - len(kept)
        plain = kept + f"555{number:03d}".rjust(room, "0")[-room:]
    return _written(value, ("00" if abroad and abroad[0].strip() == "00" else "") + plain)


def _card(value: str, number: int) -> str:
    digits = _digits(value)
    start = "620000" if digits.startswith("62") else "400000"
    body = start + str(number).rjust(max(0, len(digits) - 7), "0")
    return _written(value, body + _luhn(body))


def _iban(value: str, number: int) -> str:
    plain = re.sub(r"[^A-Za-z0-9]", "", value.translate(FULL_WIDTH)).upper()
    rest = "".join("0" if letter.isdigit() else "X" for letter in plain[4:])
    tail = len(rest) - len(rest.rstrip("0"))
    if tail:
        rest = rest[: len(rest) - tail] + str(number).rjust(tail, "0")[-tail:]
    return _written(value, plain[:2] + _mod97(plain[:2], rest) + rest, letters=True)


def _identity(value: str, number: int) -> str:
    plain = re.sub(r"[^A-Za-z0-9]", "", value.translate(FULL_WIDTH))
    if len(plain) == RESIDENT and plain[:-1].isdigit():
        body = f"99000019000101{number:03d}"
        total = sum(weight * int(digit) for weight, digit in zip(WEIGHTS, body, strict=True))
        return _written(value, body + RESIDENT_CHECKS[total % 11], letters=True)
    if re.fullmatch(r"\d{3}\D?\d{2}\D?\d{4}", value.translate(FULL_WIDTH)):
        return _written(value, f"66601{number:04d}")
    return _blank(value, number)


def _blank(value: str, number: int) -> str:
    """Digits become the number, with zeros before it; letters become X; signs stay."""
    places = len(DIGIT.findall(value))
    shown = re.sub(r"[A-Z]", "X", re.sub(r"[a-z]", "x", value))
    return _written(shown, str(number).rjust(places, "0")[-places:] if places else "")


def _name(value: str, number: int) -> str:
    names = HAN_NAMES if HAN.search(value) else NAMES
    return names[number % len(names)]


FAKES: Mapping[FindingKind, Callable[[str, int], str]] = {
    FindingKind.EMAIL: _email,
    FindingKind.IP_ADDRESS: _address,
    FindingKind.PHONE: _phone,
    FindingKind.BANK_CARD: _card,
    FindingKind.IBAN: _iban,
    FindingKind.NATIONAL_ID: _identity,
    FindingKind.PASSPORT: _blank,
    FindingKind.ORGANIZATION_ID: _blank,
    FindingKind.VEHICLE_PLATE: _blank,
    FindingKind.WECHAT: _blank,
    FindingKind.QQ: _blank,
    FindingKind.PERSON_NAME: _name,
}


def _digits(value: str) -> str:
    return "".join(DIGIT.findall(value)).translate(FULL_WIDTH)


def _written(value: str, plain: str, letters: bool = False) -> str:
    """``plain`` in the places of the digits (and ASCII letters) of ``value``; what finds no place follows."""
    rest = iter(plain)
    shown = []
    for letter in value:
        takes = DIGIT.match(letter) or (letters and letter.isascii() and letter.isalpha())
        shown.append(next(rest, "") if takes else letter)
    return "".join([*shown, *rest])


def _luhn(body: str) -> str:
    """The check digit that makes ``body`` and it pass Luhn's test."""
    total = 0
    for place, digit in enumerate(reversed(body)):
        doubled = int(digit) * (2 - place % 2)
        total += doubled - 9 if doubled > 9 else doubled
    return str(-total % 10)


def _mod97(country: str, rest: str) -> str:
    """The check digits of an IBAN (ISO 13616)."""
    numbers = "".join(str(int(letter, 36)) for letter in f"{rest}{country}00")
    return f"{98 - int(numbers) % 97:02d}"
