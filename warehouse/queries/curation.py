"""What became of the records: the funnel, searches, and the gates they passed."""

import json
from typing import Any, Literal

from pydantic import BaseModel, Field

from gristmill.core.urls import plain_host, shown_host
from gristmill.schemas.stages import StageName
from gristmill.warehouse.connection import Warehouse

Fate = Literal["kept", "rejected", "duplicate", "set_aside", "damage", "not_read", "undecided"]


class Stage(BaseModel):
    """A stage of one source: records_in = kept + rejected."""

    source: str
    position: int
    stage: str
    records_in: int
    kept: int
    rejected: int
    damage: int = Field(description="damaged byte ranges; these are not records")
    not_read: int = Field(description="input files of which nothing was read")


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
    rejected_any: int = Field(description="records that fail it, first or not")


class DomainCount(BaseModel):
    """What one safety rule removed of one domain."""

    source: str
    rule: str
    domain: str
    rejected_first: int


class RedactionCount(BaseModel):
    """What was redacted in the kept documents of one domain."""

    source: str
    kind: str
    domain: str
    spans: int
    documents: int


class Funnel(BaseModel):
    """Records by stage, rule and source."""

    sources: list[str] = Field(description="every source there is")
    stages: list[Stage]
    rules: list[RuleCount]
    domains: list[DomainCount] = Field(description="documents that safety rules removed, by domain")
    redactions: list[RedactionCount] = Field(description="spans that were redacted, by kind and domain")


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
    """The values that documents can be filtered by."""

    sources: list[str]
    rules: list[str] = Field(description="rules that some record failed first, and reasons for setting aside")
    failing: list[str] = Field(description="rules that some record failed, first or not, and reasons")


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


def funnel(warehouse: Warehouse, source: str | None = None) -> Funnel:
    """Stages and rules of one source, or of all."""
    chosen = {"source": source}
    where = "WHERE $source IS NULL OR source = $source"
    stages = warehouse.query(f"SELECT * FROM funnel_stages {where} ORDER BY source, position", chosen)  # noqa: S608
    rules = warehouse.query(
        f"SELECT * FROM funnel_rules {where} ORDER BY source, position, rejected_first DESC, rank, rule",  # noqa: S608
        chosen,
    )
    domains = warehouse.query(
        f"SELECT * FROM funnel_domains {where} ORDER BY rejected_first DESC, source, rule, domain",  # noqa: S608
        chosen,
    )
    redactions = warehouse.query(
        f"SELECT * FROM funnel_redactions {where} ORDER BY spans DESC, source, kind, domain",  # noqa: S608
        chosen,
    )
    sources = warehouse.query("SELECT DISTINCT source FROM funnel_stages ORDER BY source")
    return Funnel(
        sources=[row["source"] for row in sources],
        stages=[Stage.model_validate(row) for row in stages],
        rules=[RuleCount.model_validate(row) for row in rules],
        domains=[DomainCount.model_validate(row) for row in domains],
        redactions=[RedactionCount.model_validate(row) for row in redactions],
    )


def documents(
    warehouse: Warehouse,
    *,
    query: str = "",
    source: str | None = None,
    fate: Fate | None = None,
    rule: str | None = None,
    host: str | None = None,
    fails: str | None = None,
    stage: StageName | None = None,
    passed: StageName | None = None,
    limit: int = 50,
    offset: int = 0,
) -> Documents:
    """Records whose URL or record_uri contains ``query`` or whose doc_id starts with it, by source and URL.

    ``rule`` is the first rule that a record failed (or its reason), ``fails`` any rule that it failed; ``stage`` is
    where it was dropped, ``passed`` a stage that it passed, ``host`` a host in any spelling. The counts agree with the
    funnel: damage and unread files belong to no stage.
    """
    chosen: dict[str, Any] = {"query": query.strip(), "source": source, "fate": fate, "rule": rule}
    chosen["hosts"] = None if host is None else [host.lower(), plain_host(host), shown_host(plain_host(host))]
    chosen |= {"fails": fails, "stage": stage, "passed": passed, "stages": [*StageName], "decide": StageName.DECIDE}
    where = """
        WHERE ($source IS NULL OR source = $source) AND ($fate IS NULL OR fate = $fate)
            AND ($rule IS NULL OR rule = $rule) AND ($hosts IS NULL OR list_contains($hosts, host))
            AND ($query = '' OR contains(lower(coalesce(url, '')), lower($query))
                OR starts_with(coalesce(doc_id, ''), lower($query)) OR contains(record_uri, $query))
            AND ($fails IS NULL OR rule = $fails
                OR (doc_id, shard) IN (SELECT (doc_id, shard) FROM verdicts WHERE NOT kept AND rule = $fails))
            AND ($stage IS NULL OR (stage = $stage AND fate NOT IN ('damage', 'not_read')))
            AND ($passed IS NULL OR fate = 'kept'
                OR (fate = 'undecided' AND list_position($stages, $passed) < list_position($stages, $decide))
                OR (fate NOT IN ('damage', 'not_read')
                    AND list_position($stages, stage) > list_position($stages, $passed)))
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
    failing = warehouse.query(
        "SELECT rule FROM verdicts WHERE NOT kept UNION SELECT rule FROM fates WHERE rule IS NOT NULL ORDER BY rule"
    )
    return Facets(
        sources=[row["source"] for row in sources],
        rules=[row["rule"] for row in rules],
        failing=[row["rule"] for row in failing],
    )


def gates(warehouse: Warehouse) -> list[Expectation]:
    """Every expectation of every gate; what failed comes first."""
    rows = warehouse.query('SELECT * FROM gate_results ORDER BY ok, severity, gate, source, expectation, "column"')
    return [Expectation.model_validate({**row, "examples": json.loads(row["examples"] or "[]")}) for row in rows]
