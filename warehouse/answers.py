"""What the dashboards, the REST API and the command line ask of the warehouse: one function for each question, each
answer a model. With nothing published every answer is empty.
"""

import json
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from warehouse.read import Warehouse

Fate = Literal["kept", "rejected", "duplicate", "set_aside", "damage", "undecided"]
MOST_ROWS = 1000


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


class Score(BaseModel):
    """A score with its error bar and its origin."""

    run: str = Field(description="training run; external for a checkpoint handed in")
    mixture: str
    label: str
    step: int = Field(description="optimiser step")
    tokens: int = Field(description="tokens seen")
    checkpoint: str = Field(description="digest of weights and tokenizer")
    suite: str
    area: str
    metric: str
    convention: str = Field(description="how answers were graded")
    headline: bool = Field(description="the one number that stands for the suite")
    subset: str
    value: float
    low: float = Field(description="lower end of the 95 % interval")
    high: float = Field(description="upper end of the 95 % interval")
    n: int = Field(description="items or texts it rests on")
    chance: float | None = Field(description="score of guessing")
    above_chance: float | None = Field(description="exact one-sided p-value against guessing")
    higher_is_better: bool
    method: str
    failures: int = Field(description="items without a score because the machine failed")
    jail_tier: str = Field(description="tier of the code jail; empty where no code ran")


class Ranked(BaseModel):
    """A checkpoint among the others."""

    checkpoint: str
    label: str
    mixture: str
    step: int
    tokens: int
    scores: int = Field(description="scores it has")
    mean_rank: float = Field(description="mean rank over its scores; 1 is best")


class Overview(BaseModel):
    """The first page."""

    version: str | None
    built_at: datetime | None
    totals: Totals
    runs: list[Run] = Field(description="newest first")
    gates: list[GateState]
    best: list[Score] = Field(description="the best checkpoint of every suite, metric and subset")
    ranking: list[Ranked]


class Stage(BaseModel):
    """A stage of one source: records_in = kept + rejected."""

    source: str
    position: int
    stage: str
    records_in: int
    kept: int
    rejected: int
    damage: int = Field(description="damaged stretches found; they are no records")


class RuleCount(BaseModel):
    """What one rule or reason removed."""

    source: str
    position: int
    stage: str
    rank: int
    rule: str
    signal: str | None
    threshold: str | None
    rejected_first: int = Field(description="records whose first failed rule this is; adds up to the stage's rejected")
    rejected_any: int = Field(description="records that fail it, whatever else they fail")


class Funnel(BaseModel):
    """Records by stage, rule and source."""

    sources: list[str] = Field(description="every source there is")
    stages: list[Stage]
    rules: list[RuleCount]


class Found(BaseModel):
    """One record in a list."""

    doc_id: str | None
    source: str
    url: str | None
    host: str | None
    record_uri: str
    chars: int | None
    fate: Fate
    stage: str | None
    rule: str | None


class Documents(BaseModel):
    """One page of a search."""

    total: int
    limit: int
    offset: int
    documents: list[Found]


class Facets(BaseModel):
    """What documents can be filtered by."""

    sources: list[str]
    rules: list[str]


class Checkpoint(BaseModel):
    """A saved model."""

    run: str
    mixture: str
    step: int
    tokens: int
    first_row: int
    end_row: int
    checkpoint: str
    path: str
    parameters: int


class Loss(BaseModel):
    """One point of a loss curve."""

    run: str
    mixture: str
    step: int
    tokens: int
    loss: float = Field(description="nats a token")


class Share(BaseModel):
    """A domain's share of a mixture."""

    mixture: str
    digest: str = Field(description="digest of weights, plan and token store")
    method: str
    stage: int
    domain: str
    weight_raw: float
    weight: float
    realised: float
    epochs: float


class Expectation(BaseModel):
    """One expectation of one gate."""

    gate: str
    source: str
    expectation: str
    column: str
    severity: str
    ok: bool
    observed: str
    checked_rows: int
    unexpected_rows: int
    shards: list[str]
    examples: list[Any]


def overview(warehouse: Warehouse, runs: int = 12) -> Overview:
    """Totals, the newest ``runs`` runs, gates, and the best checkpoints."""
    build = warehouse.query("SELECT version, built_at FROM build")
    totals = warehouse.query(
        """
        SELECT count(DISTINCT source) AS sources, count(*) FILTER (fate <> 'damage') AS records,
            count(*) FILTER (fate = 'kept') AS kept, count(*) FILTER (fate = 'rejected') AS rejected,
            count(*) FILTER (fate = 'duplicate') AS duplicates, count(*) FILTER (fate = 'set_aside') AS set_aside,
            (SELECT coalesce(sum(tokens), 0)::BIGINT FROM curated) AS tokens,
            (SELECT count(DISTINCT checkpoint) FROM checkpoints) AS checkpoints,
            (SELECT count(*) FROM scores) AS scores
        FROM fates
        """
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
        runs=[Run.model_validate({**row, "counts": json.loads(row["counts"])}) for row in last],
        gates=[GateState.model_validate(row) for row in warehouse.query("SELECT * FROM gate_status")],
        best=[Score.model_validate(row) for row in warehouse.query("SELECT * FROM best_checkpoint")],
        ranking=[Ranked.model_validate(row) for row in warehouse.query("SELECT * FROM checkpoint_ranking LIMIT 20")],
    )


def funnel(warehouse: Warehouse, source: str | None = None) -> Funnel:
    """Stages and rules of one source, or of all."""
    chosen = {"source": source}
    where = "WHERE $source IS NULL OR source = $source"
    stages = warehouse.query(f"SELECT * FROM funnel_stages {where} ORDER BY source, position", chosen)  # noqa: S608
    rules = warehouse.query(
        f"SELECT * FROM funnel_rules {where} ORDER BY source, position, rejected_first DESC, rank, rule",  # noqa: S608
        chosen,
    )
    sources = warehouse.query("SELECT DISTINCT source FROM funnel_stages ORDER BY source")
    return Funnel(
        sources=[row["source"] for row in sources],
        stages=[Stage.model_validate(row) for row in stages],
        rules=[RuleCount.model_validate(row) for row in rules],
    )


def documents(
    warehouse: Warehouse,
    *,
    query: str = "",
    source: str | None = None,
    fate: Fate | None = None,
    rule: str | None = None,
    host: str | None = None,
    limit: int = 50,
    offset: int = 0,
) -> Documents:
    """Records whose URL or record_uri holds ``query`` or whose doc_id starts with it, by source and URL."""
    chosen = {"query": query.strip(), "source": source, "fate": fate, "rule": rule, "host": host}
    where = """
        WHERE ($source IS NULL OR source = $source) AND ($fate IS NULL OR fate = $fate)
            AND ($rule IS NULL OR rule = $rule) AND ($host IS NULL OR host = lower($host))
            AND ($query = '' OR contains(lower(coalesce(url, '')), lower($query))
                OR starts_with(coalesce(doc_id, ''), lower($query)) OR contains(record_uri, $query))
    """
    total = warehouse.query(f"SELECT count(*) AS total FROM fates {where}", chosen)  # noqa: S608
    rows = warehouse.query(
        f"SELECT * FROM fates {where} "  # noqa: S608
        "ORDER BY source, url NULLS LAST, record_uri, rule LIMIT $limit OFFSET $offset",
        {**chosen, "limit": limit, "offset": offset},
    )
    return Documents(
        total=total[0]["total"] if total else 0,
        limit=limit,
        offset=offset,
        documents=[Found.model_validate(row) for row in rows],
    )


def facets(warehouse: Warehouse) -> Facets:
    """The sources and rules that records can be filtered by."""
    sources = warehouse.query("SELECT DISTINCT source FROM fates ORDER BY source")
    rules = warehouse.query("SELECT DISTINCT rule FROM fates WHERE rule IS NOT NULL ORDER BY rule")
    return Facets(sources=[row["source"] for row in sources], rules=[row["rule"] for row in rules])


def checkpoints(warehouse: Warehouse) -> list[Checkpoint]:
    """Every checkpoint of our own runs."""
    return [
        Checkpoint.model_validate(row) for row in warehouse.query("SELECT * FROM checkpoints ORDER BY mixture, step")
    ]


def scores(
    warehouse: Warehouse, checkpoint: str | None = None, suite: str | None = None, limit: int = MOST_ROWS
) -> list[Score]:
    """Scores with their error bars, by suite, metric, convention, subset, mixture and step."""
    rows = warehouse.query(
        """
        SELECT * FROM score_trajectory
        WHERE ($checkpoint IS NULL OR starts_with(checkpoint, $checkpoint)) AND ($suite IS NULL OR suite = $suite)
        ORDER BY suite, metric, convention, subset, mixture, label, step LIMIT $limit
        """,
        {"checkpoint": checkpoint, "suite": suite, "limit": limit},
    )
    return [Score.model_validate(row) for row in rows]


def losses(warehouse: Warehouse, points: int = 400) -> list[Loss]:
    """Loss curves, thinned to about ``points`` points a run."""
    rows = warehouse.query(
        """
        SELECT loss.run, coalesce(run.mixture, '') AS mixture, loss.step, loss.tokens, loss.loss
        FROM (
            SELECT *, row_number() OVER (PARTITION BY run ORDER BY step) AS place, count(*) OVER (PARTITION BY run) AS n
            FROM losses
        ) AS loss
        LEFT JOIN (SELECT run, min(mixture) AS mixture FROM runs GROUP BY run) AS run ON run.run = loss.run
        WHERE loss.place % greatest(1, loss.n // ?) = 0 OR loss.place = loss.n OR loss.place = 1
        ORDER BY mixture, loss.run, loss.step
        """,
        [points],
    )
    return [Loss.model_validate(row) for row in rows]


def mixtures(warehouse: Warehouse) -> list[Share]:
    """The shares of every domain in every mixture."""
    return [
        Share.model_validate(row) for row in warehouse.query("SELECT * FROM mixtures ORDER BY mixture, stage, domain")
    ]


def gates(warehouse: Warehouse) -> list[Expectation]:
    """Every expectation of every gate; what failed comes first."""
    rows = warehouse.query('SELECT * FROM gate_results ORDER BY ok, severity, gate, source, expectation, "column"')
    return [Expectation.model_validate({**row, "examples": json.loads(row["examples"] or "[]")}) for row in rows]
