"""The first page: what is in the lake, what ran last, and which checkpoint is best."""

import json
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from gristmill.warehouse.connection import Warehouse
from gristmill.warehouse.queries.models import Best
from gristmill.warehouse.queries.unanswered import Unscored, unscored


class Totals(BaseModel):
    """Counts over all sources."""

    sources: int = 0
    records: int = Field(default=0, description="crawl records (damage is not counted)")
    kept: int = 0
    rejected: int = Field(default=0, description="documents that failed the policy")
    duplicates: int = 0
    set_aside: int = Field(default=0, description="records that gave no text")
    tokens: int = Field(default=0, description="words and punctuation marks of the curated text")
    checkpoints: int = 0
    scores: int = 0


class SourceTotals(BaseModel):
    """Counts of one source."""

    source: str
    records: int = Field(description="crawl records (damage is not counted)")
    kept: int
    not_read: int = Field(description="input files that could not be read")


class Run(BaseModel):
    """One run of a flow."""

    run_id: str
    flow: str
    name: str
    status: str = Field(description="running, succeeded, failed or stopped_by_gate")
    started_at: datetime
    finished_at: datetime | None
    seconds: float | None
    error: str | None
    counts: dict[str, Any]


class GateState(BaseModel):
    """A gate of one source (or checkpoint)."""

    gate: str
    source: str
    status: str = Field(description="passed, warned or stopped")
    expectations: int
    failed: int
    checked_rows: int


class Ranked(BaseModel):
    """A checkpoint among the others."""

    checkpoint: str
    label: str
    mixture: str
    step: int
    tokens: int
    scores: int = Field(description="its headlines on which checkpoints differ")
    mean_rank: float | None = Field(description="mean rank over them, ties sharing their ranks; 1 is best")


LEAST_SCORES = 3
"""Headlines that must separate checkpoints before one of them is called the best."""


class Overview(BaseModel):
    """The first page."""

    version: str | None
    built_at: datetime | None
    totals: Totals
    sources: list[SourceTotals]
    runs: list[Run] = Field(description="newest first")
    gates: list[GateState]
    best: list[Best] = Field(description="the best checkpoint of every suite, metric and subset")
    ranking: list[Ranked]
    unscored: list[Unscored] = Field(description="checkpoints whose last run of a suite gave no score (infra)")

    @property
    def leaders(self) -> list[Ranked]:
        """The checkpoints with the best mean rank among those with the most scores; empty if too few scores differ."""
        first = self.ranking[0] if self.ranking else None
        if first is None or first.scores < LEAST_SCORES:
            return []
        return [one for one in self.ranking if (one.scores, one.mean_rank) == (first.scores, first.mean_rank)]


def overview(warehouse: Warehouse, runs: int = 12) -> Overview:
    """Totals, the newest ``runs`` runs, gates, and the best checkpoints."""
    build = warehouse.query("SELECT version, built_at FROM build")
    totals = warehouse.query(
        """
        SELECT count(DISTINCT source) AS sources, count(*) FILTER (fate NOT IN ('damage', 'not_read')) AS records,
            count(*) FILTER (fate = 'kept') AS kept, count(*) FILTER (fate = 'rejected') AS rejected,
            count(*) FILTER (fate = 'duplicate') AS duplicates, count(*) FILTER (fate = 'set_aside') AS set_aside,
            (SELECT coalesce(sum(tokens), 0)::BIGINT FROM curated) AS tokens,
            (SELECT count(DISTINCT checkpoint) FROM checkpoints) AS checkpoints,
            (SELECT count(*) FROM scores) AS scores
        FROM fates
        """
    )
    sources = warehouse.query(
        "SELECT source, count(*) FILTER (fate NOT IN ('damage', 'not_read')) AS records, "
        "count(*) FILTER (fate = 'kept') AS kept, count(*) FILTER (fate = 'not_read') AS not_read "
        "FROM fates GROUP BY source ORDER BY source"
    )
    last = warehouse.query(
        "SELECT *, date_diff('millisecond', started_at, finished_at) / 1000.0 AS seconds FROM flow_runs "
        "ORDER BY started_at DESC, run_id LIMIT ?",
        [runs],
    )
    return Overview(
        version=build[0]["version"] if build else None,
        built_at=build[0]["built_at"] if build else None,
        totals=Totals.model_validate(totals[0]) if totals else Totals(),
        sources=[SourceTotals.model_validate(row) for row in sources],
        runs=[Run.model_validate({**row, "counts": json.loads(row["counts"])}) for row in last],
        gates=[GateState.model_validate(row) for row in warehouse.query("SELECT * FROM gate_status")],
        best=[Best.model_validate(row) for row in warehouse.query("SELECT * FROM best_checkpoint")],
        ranking=[Ranked.model_validate(row) for row in warehouse.query("SELECT * FROM checkpoint_ranking LIMIT 20")],
        unscored=unscored(warehouse),
    )
