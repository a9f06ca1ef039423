"""Materialise: kept documents with redacted text, the signals that follow them, and a count of words and marks."""

from typing import Any

import pytest

from gristmill.core.digests import digest_text
from gristmill.core.table import conform
from gristmill.schemas.tables import Curated, Redacted
from gristmill.tasks.cleaning.materialise import MaterialiseConfig, materialise
from tests.helpers.ledger_rows import documents_of, signals_of, table_of

QUALITY = "fineweb.punct_line_ratio"


def test_curated_rows() -> None:
    documents = documents_of({"a": "the text as it was", "b": "rejected"})
    redacted = table_of(Redacted, [{"doc_id": digest_text("a"), "text": "Text, as it is.", "redactions": 3}])
    ids = documents.column("doc_id").to_pylist()
    values: dict[str, list[Any]] = {
        QUALITY: [0.25 if doc_id == digest_text("a") else 0.5 for doc_id in ids],
        "domain.domain": ["prose", "prose"],
        "language.language": ["en", "en"],
    }
    result = materialise.function(
        documents, redacted, signals_of(documents, values), MaterialiseConfig(quality=QUALITY)
    )
    rows = conform(Curated, result).to_pylist()
    assert len(rows) == 1
    row = rows[0]
    assert row["text"] == "Text, as it is."
    assert row["text_hash"] == digest_text("the text as it was")
    assert (row["chars"], row["tokens"], row["redactions"]) == (15, 6, 3)
    assert (row["domain"], row["language"], row["quality"]) == ("prose", "en", 0.25)
    assert row["url"] == "https://example.org/a"


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        (" \n\t", 0),
        ("don't", 3),
        ("snake_case x2", 2),
        ("深度学习。", 5),
        ("f(x) = 3.14", 8),
        ("cafe\u0301 नमस्ते", 2),
    ],
)
def test_tokens(text: str, tokens: int) -> None:
    documents = documents_of({"a": "before"})
    redacted = table_of(Redacted, [{"doc_id": digest_text("a"), "text": text}])
    values: dict[str, list[Any]] = {QUALITY: [1], "domain.domain": ["prose"], "language.language": ["en"]}
    result = materialise.function(
        documents, redacted, signals_of(documents, values), MaterialiseConfig(quality=QUALITY)
    )
    assert result.column("tokens").to_pylist() == [tokens]


def test_nothing_kept_gives_no_rows() -> None:
    documents = documents_of({"a": "text"})
    empty = Redacted.schema.empty_table()
    result = materialise.function(documents, empty, signals_of(documents, {}), MaterialiseConfig(quality=QUALITY))
    assert conform(Curated, result).num_rows == 0
