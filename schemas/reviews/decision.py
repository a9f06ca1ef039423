"""A person's decision about a document, and what several decisions come to.

A decision belongs to a text, by its hash, so that it applies to every later run on the same text. It holds places and
kinds but no text: a decision about a secret does not repeat it.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from gristmill.core.config import Config, Printable
from gristmill.schemas.findings import FindingKind

Hash = Annotated[str, StringConstraints(pattern="^[0-9a-f]{32}$")]
Person = Annotated[Printable, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Reason = Annotated[Printable, StringConstraints(max_length=2000)]
Stratum = Literal["held", "kept", "dropped"]
"""What the policy did with a document: held it for review, kept it, or dropped it for a finding."""


class Choice(StrEnum):
    """What a person may decide about a document. ``defer``: not now, or not me; it decides nothing."""

    KEEP = "keep"
    REDACT = "redact"
    DROP = "drop"
    DEFER = "defer"


class SpanChoice(Config):
    """What a person decided about one span of the text, in code points: a finding, or one that was missed."""

    start: int = Field(ge=0)
    end: int = Field(ge=1)
    kind: FindingKind
    decision: Literal["keep", "redact"]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.end <= self.start:
            raise ValueError(f"a span ends after it starts, and {self.start} to {self.end} does not")
        return self


class Decision(Config):
    """One decision of one person. A later one of the same person about the same text replaces it.

    ``arbiter``: it settles a difference between others. ``stratum``: what the policy had done with the document.
    """

    text_hash: Hash
    doc_id: Hash
    source: str
    person: Person
    arbiter: bool = False
    decision: Choice
    reason: Reason = ""
    spans: tuple[SpanChoice, ...] = ()
    stratum: Stratum = "held"
    at: datetime

    @property
    def meaning(self) -> tuple[Choice, frozenset[tuple[int, int, str]]]:
        """What two decisions have to share in order to agree: the choice, and the spans that differ from the rule."""
        spans = frozenset((span.start, span.end, span.decision) for span in self.spans)
        return self.decision, spans if self.decision is not Choice.DROP else frozenset()


class Standing(Config):
    """Where a document stands between its readers. ``settled``: the decision that counts; None while there is none."""

    readers: tuple[str, ...] = ()
    disputed: bool = False
    settled: Decision | None = None


def latest(decisions: Iterable[Decision]) -> dict[str, Decision]:
    """The last decision about one text of every person who is not an arbiter, in the order in which they first
    decided; without those who deferred last."""
    found: dict[str, Decision] = {}
    for decision in decisions:
        if not decision.arbiter:
            found[decision.person] = decision
    return {person: decision for person, decision in found.items() if decision.decision is not Choice.DEFER}


def standing(decisions: Iterable[Decision], readers: int) -> Standing:
    """What the decisions about one text, in the order in which they were made, come to when ``readers`` must agree.

    An arbiter's last decision settles it. Otherwise it is settled when enough people decided and all decided alike.
    """
    made = list(decisions)
    reads = latest(made)
    told = tuple(reads)
    disputed = len({decision.meaning for decision in reads.values()}) > 1
    ruled = [decision for decision in made if decision.arbiter]
    if ruled and ruled[-1].decision is not Choice.DEFER:
        return Standing(readers=told, disputed=disputed, settled=ruled[-1])
    if disputed or len(reads) < readers:
        return Standing(readers=told, disputed=disputed)
    return Standing(readers=told, settled=next(iter(reads.values())))
