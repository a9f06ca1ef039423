"""Personal data planted in real texts: every public address is found where it stands, no decoy is."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from gristmill.schemas.findings import FindingKind
from gristmill.tasks.safety.step import findings, findings_config
from tests.helpers.plain_signals import documents_of


@pytest.fixture(scope="module")
def records(shared: Path) -> list[dict[str, Any]]:
    """Texts with spans of planted data and of decoys, in code points."""
    with gzip.open(shared / "corpora" / "pii" / "planted_pii.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


@pytest.fixture(scope="module")
def found(records: list[dict[str, Any]]) -> list[set[tuple[int, int, str]]]:
    """What is found in each record."""
    documents = documents_of([record["text"] for record in records])
    places = {doc_id: place for place, doc_id in enumerate(documents.column("doc_id").to_pylist())}
    result: list[set[tuple[int, int, str]]] = [set() for _ in records]
    for row in findings.function(documents, findings_config((FindingKind.EMAIL, FindingKind.IP_ADDRESS))).to_pylist():
        result[places[row["doc_id"]]].add((row["start"], row["end"], row["kind"]))
    return result


@pytest.mark.parametrize(("label", "kind"), [("EMAIL", "email"), ("IPV4", "ip_address"), ("IPV6", "ip_address")])
def test_planted_is_found_to_the_character(
    records: list[dict[str, Any]], found: list[set[tuple[int, int, str]]], label: str, kind: str
) -> None:
    missed = []
    planted = 0
    for record, spans in zip(records, found, strict=True):
        for span in record["spans"]:
            if span["type"] == label:
                planted += 1
                value = record["text"][span["start"] : span["end"]]
                if (span["start"], span["end"], kind) not in spans and not value.startswith(("fc", "fd")):
                    missed.append(value)  # fc00::/7 are private networks: not public, so not looked for
    assert planted > 200
    assert missed == []


def test_decoys_are_left_alone(records: list[dict[str, Any]], found: list[set[tuple[int, int, str]]]) -> None:
    decoys = 0
    for record, spans in zip(records, found, strict=True):
        for decoy in record["decoys"]:
            decoys += 1
            hit = [span for span in spans if span[0] < decoy["end"] and decoy["start"] < span[1]]
            assert not hit, (decoy, record["text"][decoy["start"] : decoy["end"]])
    assert decoys > 1000
