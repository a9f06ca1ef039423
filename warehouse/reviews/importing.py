"""Storing decisions that another tool exported."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from gristmill.core.errors import UsageError
from gristmill.schemas.reviews.decision import Decision
from gristmill.warehouse.connection import Warehouse
from gristmill.warehouse.reviews.deciding import ReviewSubject, refuse, subject
from gristmill.warehouse.reviews.exchange import Form, Told, named_text, told_by
from gristmill.warehouse.reviews.store import Reviews, now


class Imported(BaseModel):
    """What became of the decisions in a file."""

    stored: int
    known: int
    refused: list[str]


def import_decisions(
    warehouse: Warehouse, reviews: Reviews, form: Form, rows: Sequence[Any], names: Mapping[str, str]
) -> Imported:
    """Store every decision of ``rows`` that is new; one that equals the person's last about that text is known."""
    by_text = reviews.by_text()
    new: list[Decision] = []
    known, refused = 0, []
    for number, row in enumerate(rows, start=1):
        try:
            about = subject(warehouse, named_text(form, row))
            for told in told_by(form, row, names, about.text):
                decision = _decision(about, told)
                made = by_text.setdefault(about.text_hash, [])
                last = next((each for each in reversed(made) if each.person == decision.person), None)
                if last is not None and (last.meaning, last.reason) == (decision.meaning, decision.reason):
                    known += 1
                    continue
                refuse(decision, made, len(about.text))
                made.append(decision)
                new.append(decision)
        except UsageError as error:
            refused.append(f"{number}: {error}")
    if new:
        reviews.decide(new)
    return Imported(stored=len(new), known=known, refused=refused)


def _decision(about: ReviewSubject, told: Told) -> Decision:
    """Raises :class:`UsageError` for a name or a reason that cannot be stored."""
    values = {
        "text_hash": about.text_hash,
        "doc_id": about.doc_id,
        "source": about.source,
        "person": told.person,
        "decision": told.choice,
        "reason": told.reason,
        "spans": [span.model_dump() for span in told.spans],
        "stratum": about.stratum,
        "at": now(),
    }
    return Decision.parse(values, "decision")
