"""International bank account numbers: the country's length and structure, and ISO 7064 mod 97 (python-stdnum).

One invented number in 97 passes, and its length must be that of its country, so a bare IBAN scores .9.
"""

import re
from collections.abc import Iterator

from stdnum import iban

from gristmill.schemas.findings import FindingKind
from gristmill.tasks.safety.finding import Detector, Finding
from gristmill.tasks.safety.personal.rules import any_of, near

HIT = "checksum:iban"
BEGINS = re.compile(r"(?<![0-9A-Za-z_])[A-Za-z]{2}[ ]?[0-9]{2}(?=[ \-.\n]{0,2}[0-9A-Za-z])")
REST = re.compile(r"[ \-.\n]{0,2}[0-9A-Za-z]")
LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27, "BR": 29,
    "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28, "EE": 20, "EG": 29,
    "ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28,
    "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28,
    "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MN": 20,
    "MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29, "PT": 25,
    "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24, "SM": 27,
    "SO": 23, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
}  # fmt: skip
"""Length by country (SWIFT's IBAN registry, release 97)."""
_WORDS = any_of(("iban", "account", "konto", "compte", "transfer", "bic", "swift", "账号", "账户", "汇款"))


def ibans(text: str, start: int, end: int) -> Iterator[Finding]:
    """IBANs in folded text, written as one or in groups."""
    for match in BEGINS.finditer(text, start, end):
        length = LENGTHS.get(text[match.start() : match.start() + 2].upper())
        stop = _end(text, match, length or 0, end)
        if stop is None or (text[stop : stop + 1].isalnum() and text[stop : stop + 1].isascii()):
            continue
        number = re.sub(r"[^0-9A-Za-z]", "", text[match.start() : stop])
        if iban.is_valid(number, check_country=False):
            score = 0.98 if near(text, match.start(), stop, _WORDS, (start, end)) else 0.9
            yield Finding(match.start(), stop, FindingKind.IBAN, score, HIT)


def _end(text: str, match: re.Match[str], length: int, end: int) -> int | None:
    """Where the number ends: after ``length`` letters and digits. None when there are not as many."""
    place = match.end()
    for _ in range(length - 4):
        more = REST.match(text, place, end)
        if more is None:
            return None
        place = more.end()
    return place if length else None


IBAN = Detector(
    HIT,
    1,
    (FindingKind.IBAN,),
    (
        r"\b[A-Z]{2} ?[0-9]{2}[ \-.\n]{0,2}[A-Z0-9]{3,4}(?:[ \-.\n]{0,2}[0-9]){4}",
        r"\b[a-z]{2}[0-9]{2} ?[a-z]{0,4}[0-9]{10}",
    ),
    ibans,
    reach=(64, 80),
    folded=True,
)
DETECTORS = (IBAN,)
