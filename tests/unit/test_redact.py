"""Redact: only what stays, every span once, counted."""

from typing import Any

import pyarrow as pa

from schemas.digests import digest_text
from schemas.lake import conform
from schemas.tables import Redacted, Spans
from tasks.redact import RedactConfig, redact
from tests.helpers.ledger_rows import all_kept, documents_of, table_of

TEXTS = {"mail": "write to jane@corp.io or joe@corp.io now", "plain": "nothing here", "gone": "was jane@corp.io"}


def span(name: str, found: str, kind: str = "email") -> dict[str, Any]:
    start = TEXTS[name].index(found)
    return {"doc_id": digest_text(name), "kind": kind, "start": start, "end": start + len(found), "score": 1.0}


def run(spans: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    documents = documents_of(TEXTS)
    stays = documents.filter(pa.array([row != digest_text("gone") for row in documents["doc_id"].to_pylist()]))
    verdicts = pa.concat_tables([all_kept(documents, "decide"), all_kept(stays, "deduplicate")])
    rows = conform(Redacted, redact.function(documents, verdicts, table_of(Spans, spans), RedactConfig())).to_pylist()
    return {row["doc_id"]: row for row in rows}


def test_only_documents_that_passed_deduplication() -> None:
    assert set(run([])) == {digest_text("mail"), digest_text("plain")}


def test_spans_are_replaced_and_counted() -> None:
    rows = run([span("mail", "jane@corp.io"), span("mail", "joe@corp.io"), span("gone", "jane@corp.io")])
    mail = rows[digest_text("mail")]
    assert "corp.io" not in mail["text"]
    assert mail["text"].startswith("write to ")
    assert mail["text"].endswith(" now")
    assert mail["redactions"] == 2
    plain = rows[digest_text("plain")]
    assert (plain["text"], plain["redactions"]) == (TEXTS["plain"], 0)


def test_overlapping_spans_are_one_replacement() -> None:
    rows = run(
        [
            span("mail", "jane@corp.io or joe@corp.io"),
            span("mail", "jane@corp.io"),
            span("mail", "joe@corp.io"),
            span("mail", "corp.io or"),
        ]
    )
    assert rows[digest_text("mail")]["redactions"] == 1
    assert "corp.io" not in rows[digest_text("mail")]["text"]
