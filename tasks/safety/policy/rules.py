"""The ``safety:`` section of a policy: what happens to a finding, and so to its document.

Rules are tried in the file's order; the first that matches a finding decides about it, and what no rule names follows
:data:`DEFAULTS`. Of the actions of one document's findings the strongest is the document's: drop, then review, then
redact, then keep. A rule may look at a signal instead (``signals: [harm.hate]``, a probability or a truth value), which
is about the whole document and so cannot be redacted.
"""

from enum import StrEnum
from typing import Any, Literal, Self

import pyarrow as pa
from pydantic import ConfigDict, Field, field_validator, model_validator

from gristmill.core.config import Config, did_you_mean
from gristmill.schemas.findings import GROUPS, FindingGroup, FindingKind
from gristmill.schemas.tables import SIGNALS

How = Literal["placeholder", "fake", "fineweb"]
FINEWEB = (FindingKind.EMAIL, FindingKind.IP_ADDRESS)
FAKED = (
    *FINEWEB,
    *(FindingKind.PHONE, FindingKind.BANK_CARD, FindingKind.IBAN, FindingKind.NATIONAL_ID, FindingKind.PASSPORT),
    *(FindingKind.ORGANIZATION_ID, FindingKind.VEHICLE_PLATE, FindingKind.WECHAT, FindingKind.QQ),
    FindingKind.PERSON_NAME,
)
"""Kinds that have a fake; of a group that is faked, the others get a placeholder."""


class SafetyAction(StrEnum):
    """What a policy does with a finding, from the weakest to the strongest."""

    KEEP = "keep"
    REDACT = "redact"
    REVIEW = "review"
    DROP = "drop"


class SafetyRule(Config):
    """What happens to findings of ``kinds`` and ``groups``, or to documents by ``signals``, from ``min_score`` on.

    ``sources``: only in these corpora; in all when left out. ``how`` (``as`` in a file) is what redaction writes.
    """

    model_config = ConfigDict(populate_by_name=True)

    kinds: tuple[FindingKind, ...] = ()
    groups: tuple[FindingGroup, ...] = ()
    signals: tuple[str, ...] = ()
    min_score: float = Field(default=0.0, ge=0, le=1, allow_inf_nan=False)
    sources: tuple[str, ...] = ()
    action: SafetyAction
    how: How | None = Field(default=None, alias="as", serialization_alias="as")
    about: str = ""

    @field_validator("kinds", "groups", "action", "how", mode="before")
    @classmethod
    def _known(cls, value: Any, info: Any) -> Any:
        known = CHOICES[info.field_name]
        for word in value if isinstance(value, list | tuple) else [value]:
            if isinstance(word, str) and word not in known:
                raise ValueError(f"there is no {NAMES[info.field_name]} {word!r}{did_you_mean(word, list(known))}")
        return value

    @field_validator("signals")
    @classmethod
    def _measured(cls, signals: tuple[str, ...]) -> tuple[str, ...]:
        for signal in signals:
            _check_signal(signal)
        return signals

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if not (self.kinds or self.groups or self.signals):
            raise ValueError("give kinds, groups or signals: this rule matches nothing")
        if self.signals and (self.kinds or self.groups):
            raise ValueError("signals are about whole documents: give them a rule of their own")
        if self.signals and self.action is SafetyAction.REDACT:
            raise ValueError("a signal is about the whole document and has no place to redact: keep, drop or review")
        if self.how is not None and self.action is not SafetyAction.REDACT:
            raise ValueError(f"as says how to redact, and the action is {self.action}: leave it out")
        lacking = [kind for kind in self.kinds if kind not in HAVE.get(self.how or "placeholder", FindingKind)]
        if lacking:
            raise ValueError(f"as: {self.how}: there is none for {', '.join(lacking)}; use placeholder")
        return self

    def matched(self) -> tuple[FindingKind, ...]:
        """The kinds of finding that it matches, those of its groups included."""
        return tuple(dict.fromkeys([*self.kinds, *(kind for group in self.groups for kind in GROUPS[group])]))

    def replacement(self, kind: str) -> How:
        """What redaction writes for ``kind``: a placeholder where the rule names no way, or the kind lacks it."""
        how = self.how or "placeholder"
        return how if kind in HAVE.get(how, FindingKind) else "placeholder"


class SafetyPolicy(Config):
    """Rules in order. ``readers``: how many people must agree before a decision counts. ``sign_off``: whether training
    on the corpus, or publishing it, may be allowed without a signature (by ``--unsigned``), or never."""

    rules: tuple[SafetyRule, ...] = ()
    readers: int = Field(default=1, ge=1, le=9)
    sign_off: Literal["asked", "required"] = "asked"

    @model_validator(mode="after")
    def _each_reached(self) -> Self:
        seen: list[SafetyRule] = []
        for number, rule in enumerate(self.rules, start=1):
            if any(_covers(earlier, rule) for earlier in seen):
                raise ValueError(f"rules.{number}: an earlier rule matches whatever it matches, so it can never fire")
            seen.append(rule)
        return self

    def ordered(self) -> tuple[SafetyRule, ...]:
        """The rules, and those that stand for what no rule names."""
        return (*self.rules, *DEFAULTS)

    def signals(self) -> list[str]:
        """The signals that rules look at, each once."""
        return list(dict.fromkeys(signal for rule in self.rules for signal in rule.signals))


def _covers(earlier: SafetyRule, rule: SafetyRule) -> bool:
    """Whether whatever ``rule`` matches, ``earlier`` matches."""
    return (
        set(rule.matched()) <= set(earlier.matched())
        and set(rule.signals) <= set(earlier.signals)
        and earlier.min_score <= rule.min_score
        and (not earlier.sources or (bool(rule.sources) and set(rule.sources) <= set(earlier.sources)))
    )


def _check_signal(signal: str) -> None:
    """Raise ``ValueError`` unless the signal is a truth value, or a number between 0 and 1 as scores are."""
    table, _, column = signal.partition(".")
    columns = {entry.name.removeprefix("signals/"): entry.columns for entry in SIGNALS}
    known = [f"{name}.{each}" for name, entries in columns.items() for each in entries if each != "doc_id"]
    if signal not in known:
        raise ValueError(f"there is no signal {signal!r}{did_you_mean(signal, known)}")
    kind = columns[table][column]
    if not pa.types.is_boolean(kind.type) and (kind.low, kind.high) != (0, 1):
        raise ValueError(f"{signal} is not a score between 0 and 1: use a rule of the policy itself for it")


CHOICES: dict[str, tuple[str, ...]] = {
    "kinds": tuple(FindingKind),
    "groups": tuple(FindingGroup),
    "action": tuple(SafetyAction),
    "how": ("placeholder", "fake", "fineweb"),
}
NAMES = {"kinds": "kind of finding", "groups": "group of kinds", "action": "action", "how": "way to redact"}
HAVE: dict[str, tuple[FindingKind, ...]] = {"fake": FAKED, "fineweb": FINEWEB}

DEFAULTS = (
    SafetyRule(kinds=FINEWEB, action=SafetyAction.REDACT, how="fineweb"),
    SafetyRule(groups=(FindingGroup.PERSONAL,), min_score=0.55, action=SafetyAction.REDACT),
    SafetyRule(groups=(FindingGroup.SECRET,), action=SafetyAction.REDACT),
    SafetyRule(groups=(FindingGroup.PERSONAL, FindingGroup.ATTACK, FindingGroup.HARM), action=SafetyAction.KEEP),
)
"""What happens to findings that no rule names: personal data and secrets are redacted, the rest is counted.

Names with a title (Mr. Darcy, 王先生) score .5: novels are full of them, so only a rule that says so redacts them.
"""
