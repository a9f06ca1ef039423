"""Personal data planted in real texts of 14 languages: found where it stands, and no decoy is."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from gristmill.schemas.findings import GROUPS, FindingGroup
from gristmill.tasks.safety.step import find_all, findings_config
from tests.helpers.plain_signals import documents_of

LABELS = {
    "CREDIT_CARD": ("bank_card", 0.99),
    "PERSON": ("person_name", 0.95),
    "ADDRESS": ("postal_address", 0.95),
    "US_SSN": ("national_id", 1.0),
    "CN_ID": ("national_id", 1.0),
    "PHONE_US": ("phone", 1.0),
    "CN_MOBILE": ("phone", 1.0),
    "IBAN": ("iban", 1.0),
}
"""The kind of each label, and the share that must be found."""


@pytest.fixture(scope="module")
def records(shared: Path) -> list[dict[str, Any]]:
    with gzip.open(shared / "corpora" / "pii" / "planted_pii.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


@pytest.fixture(scope="module")
def found(records: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    documents = documents_of([record["text"] for record in records])
    places = {doc_id: place for place, doc_id in enumerate(documents.column("doc_id").to_pylist())}
    result: list[list[dict[str, Any]]] = [[] for _ in records]
    for row in find_all(documents, findings_config(GROUPS[FindingGroup.PERSONAL])).to_pylist():
        result[places[row["doc_id"]]].append(row)
    return result


@pytest.mark.parametrize("label", LABELS)
def test_planted_is_found(records: list[dict[str, Any]], found: list[list[dict[str, Any]]], label: str) -> None:
    kind, share = LABELS[label]
    planted = hits = 0
    for record, rows in zip(records, found, strict=True):
        for span in record["spans"]:
            if span["type"] == label:
                planted += 1
                hits += any(
                    row["kind"] == kind and row["start"] < span["end"] and span["start"] < row["end"] for row in rows
                )
    assert planted > 100
    assert hits >= share * planted


def test_decoys_are_left_alone(records: list[dict[str, Any]], found: list[list[dict[str, Any]]]) -> None:
    for record, rows in zip(records, found, strict=True):
        for decoy in record["decoys"]:
            hit = [row for row in rows if row["start"] < decoy["end"] and decoy["start"] < row["end"]]
            assert not hit, (decoy, record["text"][decoy["start"] : decoy["end"]], hit)
