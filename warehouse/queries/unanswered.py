"""Suites without a score because the machine failed (``infra``): how many items lack an answer, which, and why."""

from pydantic import BaseModel, Field

from gristmill.warehouse.connection import Warehouse


class Reason(BaseModel):
    """Why answers are missing."""

    reason: str = Field(description="what came in place of an answer or a grade")
    items: int


class Unscored(BaseModel):
    """A checkpoint whose last run of a suite gave no score. A later complete run removes it from the list."""

    checkpoint: str
    label: str
    suite: str
    area: str
    items: int = Field(description="items of the suite")
    missing: int = Field(description="items without an answer or a grade")
    reasons: list[Reason] = Field(description="the most frequent first")


class Missing(BaseModel):
    """An item without an answer or a grade."""

    item: str
    reason: str
    answers: int = Field(description="answers of the item that are missing for that reason")


def unscored(warehouse: Warehouse, suite: str | None = None) -> list[Unscored]:
    """Every checkpoint and suite, or those of ``suite``, whose last run gave no score; by suite and label."""
    rows = warehouse.query(
        """
        WITH reasons AS (
            SELECT checkpoint, suite, reason, count(*) AS items
            FROM unanswered GROUP BY checkpoint, suite, reason
        )
        SELECT checkpoint, suite, any_value(label) AS label, any_value(area) AS area, any_value(items) AS items,
            count(DISTINCT item) AS missing,
            (SELECT list({'reason': reason, 'items': reasons.items} ORDER BY reasons.items DESC, reason) FROM reasons
                WHERE reasons.checkpoint = unanswered.checkpoint AND reasons.suite = unanswered.suite) AS reasons
        FROM unanswered WHERE $suite IS NULL OR suite = $suite
        GROUP BY checkpoint, suite ORDER BY suite, label, checkpoint
        """,
        {"suite": suite},
    )
    return [Unscored.model_validate(row) for row in rows]


def missing(warehouse: Warehouse, suite: str, checkpoint: str) -> list[Missing]:
    """The items of ``suite`` that the last run of ``checkpoint`` lacks; empty if it has a score."""
    rows = warehouse.query(
        "SELECT item, reason, answers FROM unanswered WHERE suite = $suite AND checkpoint = $checkpoint "
        "ORDER BY item, reason",
        {"suite": suite, "checkpoint": checkpoint},
    )
    return [Missing.model_validate(row) for row in rows]
