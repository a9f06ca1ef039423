"""Dates as crawls write them: ISO 8601 of any precision, and the 4 to 17 digits of ARC. Anything else is None."""

import contextlib
import re
from datetime import UTC, datetime, timedelta

ISO = re.compile(
    r"\s*(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?)?)?)?\s*(Z|[+-]\d\d:?\d\d)?\s*", re.I
)
DIGITS = re.compile(r"\s*(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d*)\s*")


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


def _offset(zone: str | None) -> timedelta:
    if zone is None or zone in "Zz":
        return timedelta()
    sign = -1 if zone[0] == "-" else 1
    return sign * timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
