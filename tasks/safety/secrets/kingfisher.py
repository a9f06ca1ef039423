"""Keys of about 500 forms by Kingfisher's rules (MongoDB; Apache-2.0), in this process and without a network.

Source: kingfisher-secret-scanner 1.5 (Rust, Vectorscan), with Betterleaks' rules among its own. It can also try
a key at its provider and revoke it, in classes of its own (``Validator``, ``Revoker``) that nothing here uses;
``tests/attack/test_secrets_stay_here.py`` runs a scan in a process that dies when it opens a socket. Rules for
credentials in URLs and for private keys are left to the modules beside this one, which know placeholders and forms.

The rules compile in 3 s once on a machine (they are cached in the user's cache folder, or in ``KF_RULE_CACHE_DIR``) and
load in .25 s once a process, when the first text with a long token comes. Cost: 200 MB/s; 5 MB/s where keys stand side
by side.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from gristmill.schemas.findings import FindingKind
from gristmill.tasks.safety.finding import Detector, Finding

if TYPE_CHECKING:
    from kingfisher_sdk import Scanner

NAME = "kingfisher"
SCORES = {"high": 0.95, "medium": 0.8, "low": 0.4}
ELSEWHERE = re.compile(r"credential-uri|private-key$", re.IGNORECASE)
_ONE = "[A-Za-z0-9_+-]"
KINDS = (
    (re.compile(r"password|passwd", re.IGNORECASE), FindingKind.PASSWORD),
    (re.compile(r"connection-?string|mongodb|postgres|jdbc", re.IGNORECASE), FindingKind.CONNECTION_STRING),
    (re.compile(r"token|pat\b|jwt|webhook|oauth|session|bearer", re.IGNORECASE), FindingKind.ACCESS_TOKEN),
)
WITH_DIGIT = f"(?:{'|'.join(_ONE * place + '[0-9]' + _ONE * (15 - place) for place in range(16))})"
MAY_HOLD = (
    f"{WITH_DIGIT}(?:[^A-Za-z0-9_+-]|$)",
    f"(?:^|[^A-Za-z0-9_+-]){WITH_DIGIT}",
    "[A-Za-z0-9+/]{40}[^A-Za-z0-9+/]",
)
"""A token of 16 characters or more with a digit in its first or last 16, or base64 of 40: every rule's secret has one,
and few of the long names in code do. Rules look for their words some tens of characters away: 256 before are enough."""
RARE = re.compile(r"(?=(?:[A-Za-z_/+-]*[0-9]){2})(?=[0-9_/+-]*[A-Za-z])[A-Za-z0-9_/+-]{16}")


@cache
def scanner() -> "Scanner":
    """The compiled rules of medium and high confidence, also over what one layer of base64 hides.

    Secrets are not kept: only places are read. The place of a secret in base64 is that of the base64.
    """
    from kingfisher_sdk import Rules, Scanner

    return Scanner(Rules(confidence="medium"), base64=True, redact=True)


def provider_keys(text: str, start: int, end: int) -> Iterator[Finding]:
    """What Kingfisher's rules find, with offsets in code points, where a token has two digits and a letter."""
    part = text[start:end]
    if RARE.search(part) is None:
        return
    data = part.encode("utf-8", "replace")
    places = None if len(data) == len(part) else _code_points(data)
    for found in scanner().scan(data):
        if not found.visible or ELSEWHERE.search(found.rule_id):
            continue
        first, last = found.location["start_offset"], found.location["end_offset"]
        if places is not None:
            first, last = int(places[first]), int(places[last])
        if first < last:
            rule = found.rule_id.rpartition(".")[2].rpartition("/")[2]
            score = SCORES.get(found.confidence, SCORES["low"])
            yield Finding(start + first, start + last, _kind(rule), score, f"{NAME}/{rule}")


def _code_points(data: bytes) -> npt.NDArray[np.int64]:
    """The code point that each byte belongs to, and their number at the end."""
    count = np.zeros(len(data) + 1, np.int64)
    np.cumsum(np.frombuffer(data, np.uint8) & 0xC0 != 0x80, out=count[1:])
    return count


def _kind(rule: str) -> FindingKind:
    return next((kind for expression, kind in KINDS if expression.search(rule)), FindingKind.API_KEY)


KINGFISHER = Detector(
    NAME,
    2,
    (
        FindingKind.API_KEY,
        FindingKind.ACCESS_TOKEN,
        FindingKind.PASSWORD,
        FindingKind.CONNECTION_STRING,
    ),
    MAY_HOLD,
    provider_keys,
    reach=(256, 96),
)
DETECTORS = (KINGFISHER,)
