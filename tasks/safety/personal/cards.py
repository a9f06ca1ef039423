"""Bank cards: Luhn's check digit, the ranges of issuers, and a way of writing that people use.

Ranges (ISO/IEC 7812 prefixes as the networks publish them): Visa 4, Mastercard 51-55 and 2221-2720, American Express 34
and 37, Discover 6011, 644-649 and 65, Diners 300-305, 36 and 38, JCB 3528-3589, 2131 and 1800, UnionPay 62 and 81 with
16 to 19 digits. Maestro's ranges of 12 to 19 digits, and the BINs of 银行卡 that are older than UnionPay's range, need
a word such as 卡号 or "card" near by. Written as one run, in groups of four (4-6-5 for American Express), digit by
digit, or broken by a line: any other split of digits is a table. An invented number passes Luhn one time in ten, so a
bare run that follows "order", 订单号 and the like is left alone.
"""

import re
from collections.abc import Iterator

from stdnum import luhn

from gristmill.schemas.findings import FindingKind
from gristmill.tasks.safety.finding import Detector, Finding
from gristmill.tasks.safety.personal.rules import LEFT, RIGHT, any_of, contradicted, digits_of, labelled, near

WORDS = (
    "card",
    "cards",
    "card no",
    "card number",
    "credit",
    "debit",
    "visa",
    "mastercard",
    "amex",
    "american express",
    "discover",
    "maestro",
    "unionpay",
    "cc",
    "pan",
    "cvv",
    "cvc",
    "carte",
    "kreditkarte",
    "kartennummer",
    "tarjeta",
    "银行卡",
    "信用卡",
    "储蓄卡",
    "借记卡",
    "卡号",
    "账号",
    "帐号",
    "银联",
    "工行",
    "农行",
    "建行",
    "中行",
    "招行",
    "信用卡號",
    "卡號",
    "カード番号",
)
WRITTEN = re.compile(
    LEFT + r"(?:[0-9]{12,19}" + r"|[0-9]{4}([ \-.]|\n ?| \n)[0-9]{4}(?:[ \-.]|\n ?| \n)[0-9]{4}(?:[ \-.]|\n ?| \n)"
    r"[0-9]{4}(?:[ \-.\n]?[0-9]{1,3})?"
    + r"|[0-9]{4}[ \-.\n][0-9]{6}[ \-.\n][0-9]{4,5}"
    + r"|[0-9]{6}[ \-\n][0-9]{10,13}"
    + r"|[0-9]{8}\n[0-9]{8}"
    + r"|[0-9](?:([ \-.])[0-9])(?:\2[0-9]){11,17})"
    + RIGHT
)
NETWORKS = re.compile(
    r"4[0-9]{15}"
    r"|(?:5[1-5][0-9]{2}|222[1-9]|22[3-9][0-9]|2[3-6][0-9]{2}|27[01][0-9]|2720)[0-9]{12}"
    r"|3[47][0-9]{13}"
    r"|(?:6011|64[4-9][0-9]|65[0-9]{2})[0-9]{12}"
    r"|3(?:0[0-5]|[68][0-9])[0-9]{11}"
    r"|35(?:2[89]|[3-8][0-9])[0-9]{12}|(?:2131|1800)[0-9]{11}"
    r"|(?:62|81)[0-9]{14,17}"
)
WITH_WORD = re.compile(
    r"(?:5018|5020|5038|58[0-9]{2}|6304|67[0-9]{2}|955[89]|60[0-9]{2})[0-9]{8,15}|4[0-9]{12}|[2-69][0-9]{15,18}"
)
HIT = "checksum:bank_card"
_WORDS = any_of(WORDS)


def bank_cards(text: str, start: int, end: int) -> Iterator[Finding]:
    """Bank cards in folded text: .95 with a word that says so, .7 without."""
    for match in WRITTEN.finditer(text, start, end):
        number = digits_of(match.group())
        known = NETWORKS.fullmatch(number) is not None
        if not (known or WITH_WORD.fullmatch(number)) or len(set(number)) < 2 or not luhn.is_valid(number):
            continue
        if near(text, match.start(), match.end(), _WORDS, (start, end)):
            yield Finding(match.start(), match.end(), FindingKind.BANK_CARD, 0.95, HIT)
        elif known and not contradicted(text, match.start(), start) and not _is_split(match.group()):
            yield Finding(match.start(), match.end(), FindingKind.BANK_CARD, 0.7, HIT)


def _is_split(written: str) -> bool:
    """Digit by digit or across lines: that is how columns of tables look as well, so it takes a word."""
    return "\n" in written or len(written) >= 25


BANK_CARD = Detector(
    HIT,
    1,
    (FindingKind.BANK_CARD,),
    (
        r"(?:^|[^0-9])[0-9]{12}",
        r"(?:^|[^0-9])[0-9]{4}[ \-.\n]{1,2}[0-9]{4}[ \-.\n]{1,2}[0-9]{4}[ \-.\n]{1,2}[0-9]",
        r"(?:^|[^0-9])[0-9]{4}[ \-.\n][0-9]{6}[ \-.\n][0-9]{4}",
        r"(?:^|[^0-9])(?:[0-9]{6}[ \-\n][0-9]{10}|[0-9]{8}\n[0-9]{8})",
        *labelled(WORDS, r"[0-9][ \-.][0-9][ \-.][0-9][ \-.][0-9][ \-.]"),
    ),
    bank_cards,
    reach=(96, 72),
    folded=True,
)
DETECTORS = (BANK_CARD,)
