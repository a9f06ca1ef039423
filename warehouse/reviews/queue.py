"""The queue: documents that a person is asked about, and what that person may see of them.

Three sources: documents that the policy holds for review, samples of what it kept and dropped, and (for arbiters)
documents about which readers differ. They come in an order that depends on nothing but the text, so that samples stand
among held documents and everybody meets them alike; what a person deferred comes last. A reader is blind: what others
decided about a document is shown once the person has decided it, or to an arbiter.

Cost: a query over the verdicts of stage ``review``, and the decisions, which are read whole.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from pydantic import BaseModel, Field, ValidationError

from gristmill.core.lake import Lake
from gristmill.schemas.reviews.decision import Choice, Decision, Stratum, latest, standing
from gristmill.schemas.reviews.records import ReviewSample
from gristmill.warehouse.connection import Warehouse
from gristmill.warehouse.reviews.store import Reviews

Seat = Literal["reader", "arbiter"]
MOST = 200
HELD = """
    SELECT document.text_hash, document.doc_id, document.source, document.url, 'held' AS stratum, verdict.rule,
        verdict.value AS score, verdict.value_text AS detector
    FROM verdicts AS verdict JOIN documents AS document USING (doc_id, shard)
    WHERE verdict.stage = 'review' AND NOT verdict.kept AND verdict.rule LIKE 'review:%' AND verdict.rank = 1
        AND ($source IS NULL OR document.source = $source) AND NOT list_contains($without, document.text_hash)
"""
NAMED = """
    SELECT document.text_hash, document.doc_id, document.source, document.url, 'held' AS stratum, verdict.rule,
        verdict.value AS score, verdict.value_text AS detector
    FROM documents AS document
    LEFT JOIN verdicts AS verdict ON verdict.doc_id = document.doc_id AND verdict.shard = document.shard
        AND verdict.stage = 'review' AND NOT verdict.kept AND verdict.rank = 1
    WHERE list_contains($named, document.text_hash) AND ($source IS NULL OR document.source = $source)
"""


class Waiting(BaseModel):
    """A document that waits for a decision. ``rule``: what the policy suggests, with the score and the detector."""

    text_hash: str
    doc_id: str
    source: str
    url: str | None
    stratum: Stratum = Field(description="held by the policy, or drawn from what it kept or dropped")
    rule: str | None = Field(description="the safety rule that holds or drops it; none if the policy keeps it")
    score: float | None
    detector: str | None
    deferred: bool = Field(default=False, description="the person put it off before")


class Backlog(BaseModel):
    """What waits for one person, and what was done."""

    waiting: list[Waiting] = Field(description="the first of them")
    left: int = Field(description="how many wait for this person")
    decided: int = Field(description="texts with a decision of this person")
    disputed: int = Field(description="texts about which readers differ, and nobody settled it")


def backlog(
    warehouse: Warehouse,
    reviews: Reviews,
    person: str,
    seat: Seat = "reader",
    source: str | None = None,
    limit: int = MOST,
) -> Backlog:
    """What waits for ``person``, in order. Raises :class:`DamageError` for decisions that cannot be read."""
    by_text = reviews.by_text()
    samples = reviews.samples()
    needed = Needed.of(warehouse, samples)
    disputed = {text for text, made in by_text.items() if _is_open(made) and standing(made, 1).disputed}
    if seat == "arbiter":
        mine = {text for text in disputed if person not in latest(by_text[text])}
        found = _named(warehouse, mine, source)
    else:
        done = {text for text, made in by_text.items() if not needed.asks(person, text, made)}
        drawn = {document.text_hash: document for sample in samples for document in sample.documents}
        sampled = _named(warehouse, drawn.keys() - done, source)
        held = _rows(warehouse, HELD, {"source": source, "without": sorted(done | drawn.keys())})
        found = held + [row.model_copy(update={"stratum": drawn[row.text_hash].stratum}) for row in sampled]
        found = [row for row in found if needed.more(row, by_text.get(row.text_hash, ()))]
    put_off = {text for text, made in by_text.items() if _deferred(made, person)}
    marked = [row.model_copy(update={"deferred": row.text_hash in put_off}) for row in found]
    marked.sort(key=lambda row: (row.deferred, row.text_hash))
    return Backlog(
        waiting=marked[:limit],
        left=len(marked),
        decided=sum(person in latest(made) for made in by_text.values()),
        disputed=len(disputed),
    )


def everything(warehouse: Warehouse, reviews: Reviews, source: str | None = None) -> list[Waiting]:
    """Every document that is held, was drawn, or was decided about and is in the lake, by text hash."""
    drawn = {document.text_hash: document for sample in reviews.samples() for document in sample.documents}
    named = _named(warehouse, {*drawn, *reviews.by_text()}, source)
    held = _rows(warehouse, HELD, {"source": source, "without": [row.text_hash for row in named]})
    return sorted([*held, *named], key=lambda row: row.text_hash)


class Needed(BaseModel):
    """How many people must read a document: what the policy of its source says, or the sample it was drawn for."""

    sources: Mapping[str, int]
    drawn: Mapping[str, int]

    @classmethod
    def of(cls, warehouse: Warehouse, samples: Iterable[ReviewSample]) -> "Needed":
        """From the current curations, and the samples, the newest last."""
        lake = Lake(warehouse.root)
        sources = {dataset.name: _readers(dataset.config) for dataset in lake.datasets("curation")}
        return cls(
            sources=sources,
            drawn={document.text_hash: sample.readers for sample in samples for document in sample.documents},
        )

    def readers(self, source: str, text_hash: str) -> int:
        """How many people must agree about this text."""
        return max(self.sources.get(source, 1), self.drawn.get(text_hash, 1))

    def asks(self, person: str, text_hash: str, made: Sequence[Decision]) -> bool:
        """Whether ``person`` may still be asked about a text."""
        if person in latest(made):
            return False
        ruled = [decision for decision in made if decision.arbiter and decision.decision is not Choice.DEFER]
        return not ruled and len(latest(made)) < max([self.drawn.get(text_hash, 1), *self.sources.values()])

    def more(self, row: Waiting, made: Sequence[Decision]) -> bool:
        """Whether the text needs another reader."""
        return len(latest(made)) < self.readers(row.source, row.text_hash)


def visible(made: Sequence[Decision], person: str, seat: Seat = "reader") -> list[Decision]:
    """The decisions about one text that ``person`` may see: all for a reader who has decided and for an arbiter of a
    dispute, else the person's own."""
    if person in latest(made) or (seat == "arbiter" and standing(made, 1).disputed):
        return list(made)
    return [decision for decision in made if decision.person == person]


def _is_open(made: Sequence[Decision]) -> bool:
    return not any(decision.arbiter and decision.decision is not Choice.DEFER for decision in made)


def _deferred(made: Sequence[Decision], person: str) -> bool:
    own = [decision for decision in made if decision.person == person]
    return bool(own) and own[-1].decision is Choice.DEFER


def _named(warehouse: Warehouse, texts: Iterable[str], source: str | None) -> list[Waiting]:
    named = sorted(texts)
    return _rows(warehouse, NAMED, {"source": source, "named": named}) if named else []


def _rows(warehouse: Warehouse, sql: str, parameters: dict[str, object]) -> list[Waiting]:
    rows = warehouse.query(
        f"SELECT * FROM ({sql}) QUALIFY row_number() OVER (PARTITION BY text_hash ORDER BY doc_id) = 1",  # noqa: S608
        parameters,
    )
    return [Waiting.model_validate(row) for row in rows]


class _Safety(BaseModel):
    readers: int = 1


class _Policy(BaseModel):
    safety: _Safety = _Safety()


def _readers(config: Mapping[str, object]) -> int:
    """How many readers the policy of a curation asks for; one for a curation of an earlier version."""
    try:
        return _Policy.model_validate(config.get("policy", {})).safety.readers
    except ValidationError:
        return 1
