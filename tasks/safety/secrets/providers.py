"""Keys whose form names their provider and that :mod:`gristmill.tasks.safety.secrets.kingfisher` does not know.

A row is a form, how rare the drawn part has to be, and the score. Cost: the prefilter finds the fixed parts; then a
match of bounded length for each.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass

from gristmill.schemas.findings import FindingKind
from gristmill.tasks.safety.finding import Detector, Finding
from gristmill.tasks.safety.secrets.placeholders import is_placeholder
from gristmill.tasks.safety.secrets.rarity import rarity

REACH = (160, 320)


@dataclass(frozen=True)
class Provider:
    """A form of key: the group ``secret`` of ``form`` is the span; ``may_hold`` ends soon after what is fixed in it."""

    name: str
    kind: FindingKind
    may_hold: str
    form: re.Pattern[str]
    score: float
    min_rarity: float = 0.8

    def find(self, text: str, start: int, end: int) -> Iterator[Finding]:
        """Keys of this form."""
        for match in self.form.finditer(text, start, end):
            secret = match["secret"]
            if rarity(secret) >= self.min_rarity and not is_placeholder(secret):
                yield Finding(match.start("secret"), match.end("secret"), self.kind, self.score, self.name)

    def detector(self) -> Detector:
        """This form as a detector."""
        return Detector(self.name, 1, (self.kind,), (self.may_hold,), self.find, REACH)


PROVIDERS = (
    Provider(
        "secret:aws_key_id",
        FindingKind.API_KEY,
        r"A(?:KIA|SIA)[A-Z2-7]{16}",
        re.compile(r"(?<![A-Za-z0-9])(?P<secret>A(?:KIA|SIA)[A-Z2-7]{16})(?![A-Za-z0-9])"),
        0.9,
    ),
    Provider(
        "secret:tencent_key",
        FindingKind.API_KEY,
        r"AKID[A-Za-z0-9]{32}",
        re.compile(r"(?<![A-Za-z0-9])(?P<secret>AKID[A-Za-z0-9]{32})(?![A-Za-z0-9])"),
        0.95,
    ),
    Provider(
        "secret:aliyun_key_id",
        FindingKind.API_KEY,
        r"LTAI[A-Za-z0-9]{12}",
        re.compile(r"(?<![A-Za-z0-9])(?P<secret>LTAI[A-Za-z0-9]{12,20})(?![A-Za-z0-9])"),
        0.9,
    ),
    Provider(
        "secret:telegram_bot",
        FindingKind.ACCESS_TOKEN,
        r"[0-9]{8,10}:AA[A-Za-z0-9_-]{33}",
        re.compile(r"(?<![A-Za-z0-9:])(?P<secret>[0-9]{8,10}:AA[A-Za-z0-9_-]{33})(?![A-Za-z0-9_-])"),
        0.95,
    ),
    Provider(
        "secret:azure_account_key",
        FindingKind.API_KEY,
        r"AccountKey=[A-Za-z0-9+/]{86}==",
        re.compile(r"AccountKey=(?P<secret>[A-Za-z0-9+/]{86}==)"),
        0.98,
    ),
    Provider(
        "secret:sk_key",
        FindingKind.API_KEY,
        r"\bsk-(?:[a-z]{2,8}-)?[A-Za-z0-9]{24}",
        re.compile(r"(?<![A-Za-z0-9_-])(?P<secret>sk-(?:[a-z]{2,8}-)?[A-Za-z0-9]{24,64})(?![A-Za-z0-9_-])"),
        0.9,
    ),
    Provider(
        "secret:bearer",
        FindingKind.ACCESS_TOKEN,
        r"(?i)\bbearer [A-Za-z0-9._~+/-]{16}",
        re.compile(r"(?i:\bbearer) (?P<secret>[A-Za-z0-9._~+/-]{16,512}=*)"),
        0.85,
        0.95,
    ),
)


def basic_passwords(text: str, start: int, end: int) -> Iterator[Finding]:
    """``Authorization: Basic`` with a user and a password in base64."""
    for match in BASIC.finditer(text, start, end):
        secret = match["secret"]
        try:
            plain = base64.b64decode(secret + "=" * (-len(secret) % 4), validate=True).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError):  # such as a word after "basic": not a credential
            continue
        _, colon, password = plain.partition(":")
        if colon and plain.isprintable() and len(password) >= 4 and not is_placeholder(password):
            yield Finding(match.start("secret"), match.end("secret"), FindingKind.PASSWORD, 0.85, BASIC_PASSWORD.name)


BASIC = re.compile(r"(?i:authorization)[\"']?\s?[:=,]\s?[\"']?(?i:basic) (?P<secret>[A-Za-z0-9+/]{8,256}={0,2})")
BASIC_PASSWORD = Detector(
    "secret:basic_password",
    1,
    (FindingKind.PASSWORD,),
    (r"(?i)basic [A-Za-z0-9+/]{8}",),
    basic_passwords,
    REACH,
)
DETECTORS = (*(provider.detector() for provider in PROVIDERS), BASIC_PASSWORD)
