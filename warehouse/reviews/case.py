"""One document as a reviewer sees it: text, findings with what the policy suggests, context, and decisions."""

from datetime import datetime

from pydantic import BaseModel, Field

from gristmill.schemas.reviews.decision import Decision, standing
from gristmill.warehouse.connection import Warehouse
from gristmill.warehouse.queries.why import Candidate, Member, why
from gristmill.warehouse.reviews.deciding import subject
from gristmill.warehouse.reviews.queue import Seat, visible
from gristmill.warehouse.reviews.store import Reviews


class CaseFinding(BaseModel):
    """What one detector found, in code points of the text."""

    kind: str
    start: int
    end: int
    score: float
    detector: str
    version: str
    suggestion: str = Field(description="what the policy does with it: keep, redact, or the rule that holds or drops")


class Case(BaseModel):
    """A document under review."""

    doc_id: str
    text_hash: str
    source: str
    url: str | None
    host: str | None
    domain: str | None
    fetched_at: datetime | None
    stratum: str
    summary: str = Field(description="its fate in one sentence")
    text: str
    findings: list[CaseFinding]
    similar: list[Member]
    compared: list[Candidate]
    decisions: list[Decision] = Field(description="those that this person may see")
    hidden: int = Field(description="decisions of others that the person may not see yet")
    disputed: bool = Field(description="visible readers differ")


def case(warehouse: Warehouse, reviews: Reviews, name: str, person: str, seat: Seat = "reader") -> Case:
    """The document with this doc_id, text hash or URL, for ``person``.

    Raises :class:`UsageError` when there is none, or its text is gone.
    """
    about = subject(warehouse, name)
    made = reviews.by_text().get(about.text_hash, [])
    seen = visible(made, person, seat)
    story = next(record for record in why(warehouse, about.doc_id).records if record.text is not None)
    rows = warehouse.query(
        """
        SELECT spans.kind, spans."start", spans."end", spans.score, spans.detector, spans.version,
            coalesce(verdict.rule, CASE WHEN redactions.doc_id IS NOT NULL THEN 'redact' ELSE 'keep' END) AS suggestion
        FROM spans
        LEFT JOIN redactions ON redactions.doc_id = spans.doc_id AND redactions.shard = spans.shard
            AND redactions."start" = spans."start" AND redactions."end" = spans."end" AND redactions.kind = spans.kind
        LEFT JOIN verdicts AS verdict ON verdict.doc_id = spans.doc_id AND verdict.shard = spans.shard
            AND verdict.stage = 'review' AND NOT verdict.kept AND verdict.rule LIKE '%:' || spans.kind
        WHERE spans.doc_id = $doc_id AND spans.shard = $shard
        ORDER BY spans."start", spans."end", spans.kind
        """,
        {"doc_id": about.doc_id, "shard": story.shard},
    )
    return Case(
        doc_id=about.doc_id,
        text_hash=about.text_hash,
        source=about.source,
        url=story.url,
        host=story.host,
        domain=story.domain,
        fetched_at=story.fetched_at,
        stratum=about.stratum,
        summary=story.summary,
        text=about.text,
        findings=[CaseFinding.model_validate(row) for row in rows],
        similar=story.cluster,
        compared=story.candidates,
        decisions=seen,
        hidden=len(made) - len(seen),
        disputed=standing(seen, 1).disputed,
    )
