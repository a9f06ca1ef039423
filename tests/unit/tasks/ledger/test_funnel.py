"""The funnel: counts by stage, source and rule, and a refusal when a record has no fate or two."""

from pathlib import Path
from typing import Any

import pytest

from gristmill.core.errors import GristmillError
from gristmill.core.table import Table
from gristmill.schemas.tables import Curated, Documents, Records, SetAside, Verdicts
from gristmill.tasks.ledger.funnel import LedgerFiles, StageCount, check_one_fate, funnel, summary
from tests.helpers.ledger_rows import store, table_of

Rows = dict[str, list[dict[str, Any]]]


def ids(*numbers: int, source: str = "web") -> list[dict[str, Any]]:
    return [{"doc_id": f"{source}{number}", "source": source, "record_uri": f"f@{number}"} for number in numbers]


def aside(number: int, stage: str, reason: str, kind: str = "record", source: str = "web") -> dict[str, Any]:
    return {"source": source, "record_uri": f"f@{number}", "stage": stage, "kind": kind, "reason": reason}


def verdict(number: int, stage: str, rank: int = 0, rule: str | None = None, source: str = "web") -> dict[str, Any]:
    row = {"doc_id": f"{source}{number}", "source": source, "stage": stage, "kept": rank == 0, "rank": rank}
    return {**row, "rule": rule}


def good() -> Rows:
    """Of web 2 fail at ingest, 1 at extract, 2 are rejected, 1 duplicate, 1 emptied, 1 held, 2 kept; of books one."""
    decided = [verdict(number, "decide") for number in (5, 6, 7, 8, 9)]
    decided += [verdict(3, "decide", 4, "late"), verdict(3, "decide", 2, "early"), verdict(4, "decide", 4, "late")]
    deduplicated = [verdict(number, "deduplicate") for number in (5, 6, 7, 8)]
    deduplicated += [verdict(9, "deduplicate", 3, "near")]
    cleaned = [verdict(5, "clean"), verdict(6, "clean"), verdict(7, "clean"), verdict(8, "clean", 1, "nothing_left")]
    reviewed = [verdict(5, "review"), verdict(6, "review"), verdict(7, "review", 1, "review:api_key")]
    books = [verdict(1, stage, source="books") for stage in ("decide", "deduplicate", "clean", "review")]
    return {
        "records": ids(2, 3, 4, 5, 6, 7, 8, 9) + ids(1, source="books"),
        "documents": ids(3, 4, 5, 6, 7, 8, 9) + ids(1, source="books"),
        "set_aside": [
            aside(0, "ingest", "empty_body"),
            aside(1, "ingest", "http_error"),
            aside(2, "extract", "no_text"),
            aside(11, "ingest", "truncated", "damage"),
            aside(12, "ingest", "json_document", "file"),
            aside(13, "ingest", "unreadable", "file"),
        ],
        "verdicts": decided + deduplicated + cleaned + reviewed + books,
        "curated": ids(5, 6) + ids(1, source="books"),
    }


def files(rows: Rows, folder: Path) -> LedgerFiles:
    def write(table: Table, name: str) -> list[Path]:
        return [store(folder / "glob[*]", table, table_of(table, rows[name]))]

    return LedgerFiles(
        records=write(Records, "records"),
        documents=write(Documents, "documents"),
        set_aside=write(SetAside, "set_aside"),
        verdicts=write(Verdicts, "verdicts"),
        curated=write(Curated, "curated"),
    )


def test_counts(tmp_path: Path) -> None:
    found = summary(funnel(files(good(), tmp_path)))
    assert {name: found[name] for name in ("records", "kept", "rejected", "set_aside", "damaged", "not_read")} == {
        "records": 11,
        "kept": 3,
        "rejected": 5,
        "set_aside": 3,
        "damaged": 1,
        "not_read": 2,
    }
    assert found["stages"] == [
        {"stage": "ingest", "in": 11, "out": 9, "rejected": {"empty_body": 1, "http_error": 1}},
        {"stage": "extract", "in": 9, "out": 8, "rejected": {"no_text": 1}},
        {"stage": "decide", "in": 8, "out": 6, "rejected": {"early": 1, "late": 1}},
        {"stage": "deduplicate", "in": 6, "out": 5, "rejected": {"near": 1}},
        {"stage": "clean", "in": 5, "out": 4, "rejected": {"nothing_left": 1}},
        {"stage": "review", "in": 4, "out": 3, "rejected": {"review:api_key": 1}},
        {"stage": "curate", "in": 3, "out": 3, "rejected": {}},
    ]
    assert found["sources"]["books"]["records"] == found["sources"]["books"]["kept"] == 1
    assert found["sources"]["web"]["stages"][2]["rejected"] == {"early": 1, "late": 1}


def test_nothing_at_all(tmp_path: Path) -> None:
    empty: Rows = {name: [] for name in ("records", "documents", "set_aside", "verdicts", "curated")}
    found = summary(funnel(files(empty, tmp_path)))
    assert found["records"] == 0
    assert [stage["stage"] for stage in found["stages"]] == [
        "ingest",
        "extract",
        "decide",
        "deduplicate",
        "clean",
        "review",
        "curate",
    ]


@pytest.mark.parametrize("name", ["records", "documents", "curated"])
def test_a_lost_row_is_noticed(tmp_path: Path, name: str) -> None:
    rows = good()
    rows[name] = rows[name][1:]
    with pytest.raises(GristmillError, match="source web"):
        funnel(files(rows, tmp_path))


@pytest.mark.parametrize("place", range(3))
def test_a_lost_set_aside_of_extract_or_verdict_is_noticed(tmp_path: Path, place: int) -> None:
    rows = good()
    lost = [("set_aside", 2), ("verdicts", 0), ("verdicts", 7)][place]
    rows[lost[0]] = [row for number, row in enumerate(rows[lost[0]]) if number != lost[1]]
    with pytest.raises(GristmillError, match="do not add up"):
        funnel(files(rows, tmp_path))


@pytest.mark.parametrize(
    "extra",
    [verdict(5, "decide", 1, "early"), verdict(5, "deduplicate", 1, "exact"), verdict(3, "decide")],
)
def test_two_fates_are_noticed(tmp_path: Path, extra: dict[str, Any]) -> None:
    rows = good()
    rows["verdicts"] = [*rows["verdicts"], extra]
    with pytest.raises(GristmillError, match=f"document {extra['doc_id']} has more than one fate"):
        funnel(files(rows, tmp_path))


def test_a_record_set_aside_twice_is_noticed(tmp_path: Path) -> None:
    rows = good()
    rows["set_aside"] = [*rows["set_aside"], aside(0, "ingest", "not_text")]
    with pytest.raises(GristmillError, match="record f@0 is set aside more than once"):
        funnel(files(rows, tmp_path))


def test_sources_do_not_make_up_for_each_other(tmp_path: Path) -> None:
    rows = good()
    rows["curated"] = ids(5, 6, 7, 8, 9)
    with pytest.raises(GristmillError, match="curate, source books: 1 went in, 0 came out"):
        funnel(files(rows, tmp_path))


def test_the_message_is_short_for_many_faults() -> None:
    rows = [
        StageCount(stage="decide", source=f"s{number}", records_in=1, records_out=0, rejected={}) for number in range(9)
    ]
    with pytest.raises(GristmillError, match="and 4 more"):
        check_one_fate(rows)
