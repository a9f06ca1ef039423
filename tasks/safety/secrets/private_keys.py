"""Private keys, whole: PEM and OpenSSH blocks from ``-----BEGIN`` to ``-----END``, PGP blocks, PuTTY files, age keys.

A block counts when what stands between its marks is base64, with line breaks as they are, as ``\\n`` in JSON or
source code, or quoted line by line; documentation that shows the marks with dots between them does not. A block without
its end goes as far as its base64 does. Cost: linear in the block, which is bounded by 16,000 characters.
"""

import re
from collections.abc import Iterator

from gristmill.schemas.findings import FindingKind
from gristmill.tasks.safety.finding import Detector, Finding
from gristmill.tasks.safety.secrets.placeholders import is_sequence

BEGIN = re.compile(r"-----BEGIN (?P<what>(?:[A-Z0-9]{2,12} ){0,4}PRIVATE KEY(?: BLOCK)?)-----")
FILLING = re.compile(  # base64, line breaks of any form, headers such as Proc-Type, quotes and marks of quotation
    r"(?:(?<=\n)[A-Z][A-Za-z-]{2,20}: [^\n]{0,120}|(?<=\\n)[A-Z][A-Za-z-]{2,20}: [^\\\n]{0,120}|"
    r"[A-Za-z0-9+/=\s\"'>|,.#*+;()]|\\[nrt\\])*+"
)
BASE64 = re.compile(r"[A-Za-z0-9+/]{16,}={0,2}")
MAX_BLOCK = 16_000
MIN_BASE64 = 40
PUTTY = re.compile(r"PuTTY-User-Key-File-[23]: [^\n]{1,80}\n(?:[^\n]{1,200}\n){2,120}?Private-MAC: [0-9a-f]{40,64}")
AGE = re.compile(r"AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}")
WHOLE, CUT = 0.99, 0.8


def private_keys(text: str, start: int, end: int) -> Iterator[Finding]:
    """Blocks of private keys with their marks."""
    free = start
    for match in BEGIN.finditer(text, start, end):
        if match.start() < free:
            continue
        limit = min(end, match.end() + MAX_BLOCK)
        mark = f"-----END {match['what']}-----"
        close = text.find(mark, match.end(), limit)
        filling = FILLING.match(text, match.end(), close if close >= 0 else limit)
        if filling is None or (close >= 0 and filling.end() < close):
            continue
        pieces = BASE64.findall(filling.group())
        if sum(map(len, pieces)) < MIN_BASE64 or is_sequence("".join(pieces)[:400]):
            continue
        last = close + len(mark) if close >= 0 else match.end() + len(filling.group().rstrip())
        free = last
        yield Finding(match.start(), last, FindingKind.PRIVATE_KEY, WHOLE if close >= 0 else CUT, PEM.name)


def other_keys(text: str, start: int, end: int) -> Iterator[Finding]:
    """PuTTY's files and age's keys."""
    for expression in (PUTTY, AGE):
        for match in expression.finditer(text, start, end):
            yield Finding(match.start(), match.end(), FindingKind.PRIVATE_KEY, WHOLE, OTHER.name)


PEM = Detector(
    "secret:private_key", 1, (FindingKind.PRIVATE_KEY,), (r"-----BEGIN [A-Z0-9 ]{0,52}PRIVATE KEY",), private_keys,
    reach=(80, MAX_BLOCK + 200),
)  # fmt: skip
OTHER = Detector(
    "secret:key_file", 1, (FindingKind.PRIVATE_KEY,), (r"PuTTY-User-Key-File-", r"AGE-SECRET-KEY-1"), other_keys,
    reach=(80, 12_000),
)  # fmt: skip
DETECTORS = (PEM, OTHER)
