"""Taking a decision: what it is about, whether it may be taken, and storing it."""

from collections.abc import Sequence
from dataclasses import dataclass

from gristmill.core.errors import UsageError
from gristmill.core.files.audit import COMMAND_LINE
from gristmill.schemas.reviews.decision import Choice, Decision, SpanChoice, Stratum, latest, standing
from gristmill.warehouse.connection import Warehouse
from gristmill.warehouse.reviews.store import Reviews, now


@dataclass(frozen=True)
class ReviewSubject:
    """A document that a decision is about. ``text`` is as extracted."""

    doc_id: str
    text_hash: str
    source: str
    text: str
    stratum: Stratum


def subject(warehouse: Warehouse, name: str) -> ReviewSubject:
    """The document with this doc_id, text hash or URL. Raises :class:`UsageError` when it has none, or no text."""
    rows = warehouse.query(
        """
        SELECT document.doc_id, document.text_hash, document.source, document.file,
            coalesce(min(verdict.rule), '') AS rule
        FROM documents AS document
        LEFT JOIN verdicts AS verdict ON verdict.doc_id = document.doc_id AND verdict.shard = document.shard
            AND verdict.stage = 'review' AND NOT verdict.kept AND verdict.rank = 1
        WHERE document.doc_id = $name OR document.text_hash = $name OR document.url = $name
        GROUP BY ALL ORDER BY rule DESC, document.doc_id, document.file LIMIT 1
        """,
        {"name": name},
    )
    if not rows:
        raise UsageError(
            f"there is no document {name}: give a doc_id, a URL, or a text hash, as "
            f"`{warehouse.command('gristmill review list')}` shows them"
        )
    row = rows[0]
    text = warehouse.document_text(row["file"], row["doc_id"])
    if text is None:
        raise UsageError(f"the text of {name} is no longer in the lake, so there is nothing to decide about")
    rule = str(row["rule"])
    stratum: Stratum = "held" if rule.startswith("review:") else "dropped" if rule else "kept"
    return ReviewSubject(row["doc_id"], row["text_hash"], row["source"], text, stratum)


def decide(
    reviews: Reviews,
    about: ReviewSubject,
    person: str,
    choice: Choice,
    *,
    reason: str = "",
    spans: Sequence[SpanChoice] = (),
    arbiter: bool = False,
    where: str = COMMAND_LINE,
) -> Decision:
    """Store a person's decision, which came from ``where``.

    Raises :class:`UsageError` for a span outside the text, and for an arbiter where readers do not differ or who is one
    of them.
    """
    made = reviews.by_text().get(about.text_hash, [])
    decision = Decision.parse(
        {
            "text_hash": about.text_hash,
            "doc_id": about.doc_id,
            "source": about.source,
            "person": person,
            "arbiter": arbiter,
            "decision": choice,
            "reason": reason,
            "spans": [span.model_dump() for span in spans],
            "stratum": about.stratum,
            "at": now(),
        },
        "decision",
    )
    refuse(decision, made, len(about.text))
    reviews.decide([decision], where)
    return decision


def refuse(decision: Decision, made: Sequence[Decision], characters: int) -> None:
    """Raise :class:`UsageError` for a decision that may not be taken about a text of so many characters."""
    for span in decision.spans:
        if span.end > characters:
            raise UsageError(
                f"the span {span.start}-{span.end} ends after the text, which has {characters:,} characters"
            )
    if decision.arbiter:
        if decision.person in latest(made):
            raise UsageError(
                f"{decision.person} has read this document, so somebody else has to settle it: an arbiter is none of "
                "the readers"
            )
        if not standing(made, 1).disputed:
            raise UsageError("the readers of this document do not differ, so there is nothing for an arbiter to settle")
