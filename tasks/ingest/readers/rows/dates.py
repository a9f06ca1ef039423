"""Dates as crawls and datasets write them.

Headers of archives: ISO 8601 of any precision, and the 4 to 17 digits of ARC. Rows: these too, every other form of ISO
8601, RFC 2822 and the two older forms of HTTP dates, and numbers of seconds, milliseconds, microseconds or nanoseconds
since 1970. Which of them a number is shows in its size: the coarsest unit that does not lead beyond the year 2099. A
number that can be read as a calendar date between 1900 and 2099 (2024, 202405, 20240506, ..., 14 or 17 digits of ARC)
is one. A date without a zone is in UTC.
"""

import contextlib
import re
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime

ISO = re.compile(
    r"\s*(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?)?)?)?\s*"
    r"(Z|UTC|GMT|[+-]\d\d(?::?\d\d)?(?: UTC)?)?\s*",
    re.I,
)
DIGITS = re.compile(r"\s*(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d*)\s*")
#: RFC 2822 and RFC 850, and the form of C's asctime.
MAIL = re.compile(
    r"(?:[A-Za-z]{3,9},?\s+)?\d{1,2}[ -][A-Za-z]{3,9}[ -]\d{2,4}\s.*"
    r"|[A-Za-z]{3}\s+[A-Za-z]{3}\s+\d{1,2}\s+[\d:]+\s+\d{4}"
)
NUMBER = re.compile(r"(\d{9,19})(?:\.(\d*))?")
CALENDAR_DIGITS = frozenset({4, 6, 8, 10, 12, 14, 17})
CALENDAR_YEARS = range(1900, 2100)
ORDINAL = re.compile(r"(\d{4})-?(\d{3})")

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)
#: Units of one second.
UNITS = (1, 1_000, 1_000_000, 1_000_000_000)
SHOWN_CHARACTERS = 100

Parsed = datetime | None


def parse_date(text: str | None) -> datetime | None:
    """The moment in UTC, missing parts taken as the earliest; None when there is none or it names no real moment.

    >>> parse_date("2017-02"), parse_date("20080430204825"), parse_date("blue monday")
    (datetime.datetime(2017, 2, 1, 0, 0, tzinfo=datetime.timezone.utc), \
datetime.datetime(2008, 4, 30, 20, 48, 25, tzinfo=datetime.timezone.utc), None)
    """
    if not text:
        return None
    if len(text) == 20 and text[4] == text[7] == "-" and text[10] == "T" and text[19] == "Z":
        with contextlib.suppress(ValueError):  # the usual form, the quick way
            return datetime.fromisoformat(text)
    found = ISO.fullmatch(text) or DIGITS.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction = found.groups()[:7]
    zone = found.group(8) if found.re is ISO else None
    try:
        moment = datetime(
            int(year),
            int(month or 1),
            int(day or 1),
            int(hour or 0),
            int(minute or 0),
            min(int(second or 0), 59),  # a leap second
            int((fraction or "0")[:6].ljust(6, "0")),
            tzinfo=UTC,
        )
        return moment - _offset(zone)
    except (ValueError, OverflowError):
        return None


def date_of(value: object) -> tuple[datetime | None, str | None]:
    """The moment that the date of a row names, and how the row states it where that was not understood.

    ``value`` is what JSON, CSV or Arrow gives: text, a number, a date or a moment; nothing, "" and NaN are not dates.

    >>> date_of(1612121212)[0].isoformat(), date_of("Mon, 06 May 2024 12:00:00 +0200")[0].isoformat(), date_of("soon")
    ('2021-01-31T19:26:52+00:00', '2024-05-06T10:00:00+00:00', (None, 'soon'))
    """
    if value is None or value != value or (isinstance(value, str | bytes) and not value.strip()):
        return None, None
    moment = _moment(value)
    return moment, None if moment is not None else str(value)[:SHOWN_CHARACTERS]


def _moment(value: object) -> Parsed:
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, str):
        return _of_text(value.strip())
    if isinstance(value, bool) or not hasattr(value, "__float__"):
        return None
    return _of_text(f"{value:f}".rstrip("0").rstrip(".") if not isinstance(value, int) else str(value))


def _of_text(text: str) -> Parsed:
    if len(text) in CALENDAR_DIGITS and text.isdecimal():
        moment = parse_date(text)
        if moment is not None and moment.year in CALENDAR_YEARS:
            return moment
    number = NUMBER.fullmatch(text)
    if number is not None:
        return _since_1970(int(number[1]), number[2] or "")
    if text.isdecimal():
        return None
    for parse in (parse_date, _other_iso, _mail):
        moment = parse(text)
        if moment is not None:
            return moment
    return None


def _since_1970(number: int, fraction: str) -> Parsed:
    """The moment that is this many units after 1970, of the coarsest unit that does not lead beyond 2099."""
    for unit in UNITS:
        whole, rest = divmod(number, unit)
        if whole < (LATEST - EPOCH).total_seconds():
            millionths = rest * 1_000_000 // unit if unit > 1 else int(fraction[:6].ljust(6, "0"))
            return EPOCH + timedelta(seconds=whole, microseconds=millionths)
    return None


def _other_iso(text: str) -> Parsed:
    """Basic forms, weeks and days of the year."""
    ordinal = ORDINAL.fullmatch(text)
    with contextlib.suppress(ValueError, OverflowError):
        if ordinal is not None:
            moment = datetime(int(ordinal[1]), 1, 1, tzinfo=UTC) + timedelta(days=int(ordinal[2]) - 1)
            return moment if int(ordinal[2]) > 0 and moment.year == int(ordinal[1]) else None
        return _moment(datetime.fromisoformat(text))
    return None


def _mail(text: str) -> Parsed:
    if MAIL.fullmatch(text):
        with contextlib.suppress(ValueError, OverflowError, IndexError, TypeError):
            return _moment(parsedate_to_datetime(text))
    return None


def _offset(zone: str | None) -> timedelta:
    if zone is None or zone.upper() in ("Z", "UTC", "GMT"):
        return timedelta()
    digits = zone[1:].removesuffix(" UTC").replace(":", "").ljust(4, "0")
    sign = -1 if zone[0] == "-" else 1
    return sign * timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
