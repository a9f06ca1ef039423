"""Why was this dropped, or kept: everything the lake knows about one document, one URL or one record.

A question is a doc_id, a URL or a record_uri; if a URL has several records, each gets an answer. Any spelling of a URL
works that deduplication takes for the same page (``gristmill.core.urls.page_address``), even without its scheme. Cost:
a few scans of sorted columns, tens of milliseconds for a million documents; the text is read from a single Parquet row
group.
"""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from gristmill.schemas.stages import StageName
from gristmill.schemas.tables import SIGNALS
from gristmill.warehouse.connection import Warehouse
from gristmill.warehouse.queries.addresses import hint_for, spellings

MOST_RECORDS = 50
MOST_MEMBERS = 100
TEXT_GONE = "The text is no longer in the lake: its file has been removed."
NO_TEXT = "A record that was set aside has no text."


class Demand(BaseModel):
    """What a rule of the policy demands of a signal; known only if some document of the source failed it."""

    rule: str
    threshold: str


class Signal(BaseModel):
    """One signal of one document."""

    table: str = Field(description="signals table, such as gopher_quality")
    name: str = Field(description="column")
    value: bool | int | float | str | None
    about: str = Field(description="what it measures, with its unit")
    demands: list[Demand] = Field(description="rules that some document of this source failed on this signal")
    failed: bool = Field(description="this document failed a rule on it")


class Verdict(BaseModel):
    """One row of the ledger."""

    stage: str
    kept: bool
    rank: int = Field(description="position of the failed rule in the policy, from 1; 0 when kept")
    rule: str | None
    signal: str | None
    value: float | None
    value_text: str | None
    threshold: str | None


class Member(BaseModel):
    """One record of the cluster of duplicates that this one belongs to."""

    doc_id: str
    url: str | None
    record_uri: str
    representative: bool = Field(description="this record is the one that is kept")
    reason: str = Field(description="kept, same_record, exact or near")
    similarity: float = Field(description="highest verified Jaccard similarity inside the cluster, 0 to 1")
    itself: bool = Field(description="this is the record asked about")


class Candidate(BaseModel):
    """A document that shares a band with this one and was compared with it."""

    doc_id: str
    url: str | None
    jaccard: float = Field(description="exact Jaccard similarity of the shingle sets, 0 to 1")
    verified: bool = Field(description="similar enough to be a duplicate")


class Finding(BaseModel):
    """Personal data found in the text, in code points."""

    kind: str
    start: int
    end: int
    score: float
    detector: str


class Story(BaseModel):
    """One record and what became of it."""

    doc_id: str | None
    source: str
    url: str | None
    host: str | None
    fetched_at: datetime | None
    record_uri: str
    shard: str
    chars: int | None = Field(description="code points of the text")
    extractor: str | None
    encoding: str | None
    fate: str = Field(description="kept, rejected, duplicate, set_aside, damage, not_read or undecided")
    summary: str = Field(description="the fate in one sentence")
    stage: str | None = Field(description="where it was dropped")
    rule: str | None = Field(description="the first rule it failed, or the reason it was set aside")
    detail: str | None
    domain: str | None
    tokens: int | None = Field(description="words and punctuation marks of the curated text")
    redactions: int | None = Field(description="personal data spans replaced in the curated text")
    signals: list[Signal]
    verdicts: list[Verdict]
    cluster: list[Member]
    candidates: list[Candidate]
    findings: list[Finding]
    text: str | None
    text_note: str | None = Field(description="why there is no text")


class Why(BaseModel):
    """The answer: every record that the question names, newest fetch first."""

    question: str
    version: str | None = Field(description="version of the warehouse")
    records: list[Story]
    hint: str | None = Field(description="what to try when there is no record")


def why(warehouse: Warehouse, question: str) -> Why:
    """Everything about a doc_id, URL or record_uri. Without a match the answer has a hint."""
    question = question.strip()
    rows = warehouse.query(
        """
        SELECT fate.*, document.extractor, document.encoding, document.file,
            curated.domain, curated.tokens, curated.redactions
        FROM fates AS fate
        LEFT JOIN documents AS document ON document.doc_id = fate.doc_id AND document.shard = fate.shard
            AND document.record_uri = fate.record_uri
        LEFT JOIN curated ON curated.doc_id = fate.doc_id AND curated.record_uri = fate.record_uri
        WHERE fate.doc_id = $question OR fate.record_uri = $question OR list_contains($urls, fate.url)
        ORDER BY fate.fetched_at DESC NULLS LAST, fate.source, fate.record_uri
        LIMIT $most
        """,
        {"question": question, "urls": [question, *spellings(warehouse, question)], "most": MOST_RECORDS},
    )
    hint = None if rows else hint_for(warehouse, question)
    records = [_story(warehouse, row) for row in rows]
    return Why(question=question, version=warehouse.version, records=records, hint=hint)


def summary(row: dict[str, Any]) -> str:
    """The fate of a row of ``fates`` in one sentence."""
    stage, rule = row["stage"], row["rule"]
    match row["fate"]:
        case "kept":
            return "Kept: it passed every rule and does not duplicate a better document."
        case "rejected" if stage == StageName.REVIEW:
            return reviewed(row)
        case "rejected":
            found = row["value_text"] if row["value"] is None else f"{row['value']:g}"
            measure = f": found {found}, the policy demands {row['threshold']}" if row["threshold"] else ""
            return f"Rejected at {stage} by the rule {rule}{measure}."
        case "duplicate":
            names = {
                "same_record": "the same record, crawled twice",
                "exact": "exact duplicate",
                "near": "near-duplicate",
            }
            return f"Duplicate: {names.get(rule, rule)}. The document that is kept is {row['cluster_id']}."
        case "set_aside":
            return f"Set aside at {stage}: {rule} ({row['detail']})."
        case "damage":
            return f"Damaged bytes found at {stage}: {rule} ({row['detail']}). They are not a record."
        case "not_read":
            return f"An input file that was not read: {rule} ({row['detail']})."
        case _:
            return "Undecided: the ledger has no verdict yet, because the run that should write it did not finish."


def reviewed(row: dict[str, Any]) -> str:
    """The fate of a document that stage ``review`` rejected, in one sentence."""
    action, _, kind = str(row["rule"]).partition(":")
    if action == "person":
        return "Dropped by a person who reviewed it."
    by = f" by {row['value_text']}" if row["value_text"] else ""
    score = "" if row["value"] is None else f", score {row['value']:g}"
    done = "Held for review" if action == "review" else "Dropped by a safety rule"
    return f"{done}: {kind} found{by}{score}."


def _story(warehouse: Warehouse, row: dict[str, Any]) -> Story:
    doc_id, shard = row["doc_id"], row["shard"]
    key = [doc_id, shard]
    verdicts = warehouse.query("SELECT * FROM verdicts WHERE doc_id = ? AND shard = ? ORDER BY stage, rank", key)
    located = row["file"] is not None
    text = warehouse.document_text(str(row["file"]), str(doc_id)) if located else None
    return Story.model_validate(
        {
            **row,
            "summary": summary(row),
            "signals": _signals(warehouse, row, verdicts) if located else [],
            "verdicts": verdicts if located else [],
            "cluster": _cluster(warehouse, row) if located else [],
            "candidates": _candidates(warehouse, str(doc_id)) if located else [],
            "findings": warehouse.query("SELECT * FROM spans WHERE doc_id = ? AND shard = ? ORDER BY start", key)
            if located
            else [],
            "text": text,
            "text_note": None if text is not None else (TEXT_GONE if located else NO_TEXT),
        }
    )


def _signals(warehouse: Warehouse, row: dict[str, Any], verdicts: list[dict[str, Any]]) -> list[Signal]:
    """Every signal of the document in schema order, with what the policy demands of it."""
    failed = {verdict["signal"] for verdict in verdicts if not verdict["kept"]}
    demands: dict[str, list[Demand]] = {}
    for demand in warehouse.query(
        "SELECT signal, rule, threshold FROM thresholds WHERE source = ? AND threshold IS NOT NULL "
        "ORDER BY rank, threshold",
        [row["source"]],
    ):
        demands.setdefault(demand["signal"], []).append(Demand(rule=demand["rule"], threshold=demand["threshold"]))
    signals = []
    for table in SIGNALS:
        values = warehouse.query(
            f"SELECT * FROM {table.sql_name} WHERE doc_id = ? AND shard = ?",  # noqa: S608 - names of gristmill.schemas.tables
            [row["doc_id"], row["shard"]],
        )
        name = table.name.removeprefix("signals/")
        for column, contract in table.columns.items():
            if values and column != "doc_id":
                full = f"{name}.{column}"
                signals.append(
                    Signal(
                        table=name,
                        name=column,
                        value=values[0][column],
                        about=contract.about,
                        demands=demands.get(full, []),
                        failed=full in failed,
                    )
                )
    return signals


def _cluster(warehouse: Warehouse, row: dict[str, Any]) -> list[Member]:
    """The records of its cluster, the kept one first."""
    if row["cluster_id"] is None:
        return []
    rows = warehouse.query(
        """
        SELECT member.doc_id, fate.url, member.record_uri, member.representative, member.reason, member.similarity,
            member.doc_id = $doc_id AND member.record_uri = $record_uri AS itself
        FROM clusters AS member
        LEFT JOIN fates AS fate ON fate.doc_id = member.doc_id AND fate.record_uri = member.record_uri
        WHERE member.cluster_id = $cluster_id
        ORDER BY member.representative DESC, itself DESC, member.similarity DESC, member.doc_id
        LIMIT $most
        """,
        {**{name: row[name] for name in ("doc_id", "record_uri", "cluster_id")}, "most": MOST_MEMBERS},
    )
    return [Member.model_validate(member) for member in rows]


def _candidates(warehouse: Warehouse, doc_id: str) -> list[Candidate]:
    """Documents that share a band with it, the most similar first."""
    rows = warehouse.query(
        """
        SELECT near.doc_id, min(fate.url) AS url, near.jaccard, near.verified
        FROM (
            SELECT other AS doc_id, jaccard, verified FROM pairs WHERE doc_id = $doc_id
            UNION ALL
            SELECT doc_id, jaccard, verified FROM pairs WHERE other = $doc_id
        ) AS near
        LEFT JOIN fates AS fate ON fate.doc_id = near.doc_id
        GROUP BY ALL
        ORDER BY near.jaccard DESC, near.doc_id
        LIMIT $most
        """,
        {"doc_id": doc_id, "most": MOST_MEMBERS},
    )
    return [Candidate.model_validate(row) for row in rows]
