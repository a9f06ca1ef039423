"""Dates of rows: every Arrow type of time, every unit since 1970, ISO 8601 and RFC 2822; the rest is counted."""

import csv
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.tasks.ingest.readers.rows.dates import date_of
from gristmill.tasks.ingest.readers.rows.parquet import python_values
from tests.helpers.ingested import ingested

MOMENT = datetime(2024, 5, 6, 12, 34, 56, tzinfo=UTC)
SECONDS = int(MOMENT.timestamp())
DAY = datetime(2024, 5, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    "written",
    [
        "2024-05-06T12:34:56Z",
        "2024-05-06 12:34:56",
        "2024-05-06t12:34:56z",
        "2024-05-06 12:34:56 UTC",
        "2024-05-06 12:34:56+00",
        "2024-05-06T14:34:56+02:00",
        "2024-05-06T14:34:56+0200",
        "2024-05-06 12:34:56 +0000 UTC",
        "2024-05-06T12:34:56.000000000Z",
        "20240506T123456Z",
        "20240506123456",
        "2024-W19-1T12:34:56",
        "Mon, 06 May 2024 12:34:56 GMT",
        "Mon, 06 May 2024 14:34:56 +0200",
        "6 May 2024 12:34:56 -0000",
        "Monday, 06-May-24 12:34:56 GMT",
        "Mon May  6 12:34:56 2024",
        f" {SECONDS} ",
        f"{SECONDS}.0",
        SECONDS,
        float(SECONDS),
        Decimal(SECONDS),
        SECONDS * 10**3,
        SECONDS * 10**6,
        SECONDS * 10**9,
        f"{SECONDS * 10**3}",
        20240506123456,
        b"2024-05-06T12:34:56Z",
        MOMENT,
        MOMENT.replace(tzinfo=None),
    ],
)
def test_every_form_of_one_moment(written: object) -> None:
    assert date_of(written) == (MOMENT, None)


@pytest.mark.parametrize("written", ["2024-05-06", "20240506", 20240506, 2024050600, "2024-127", date(2024, 5, 6)])
def test_every_form_of_one_day(written: object) -> None:
    assert date_of(written) == (DAY, None)


def test_numbers_are_of_the_coarsest_unit_that_stays_before_2100() -> None:
    for year in range(1974, 2030):
        moment = datetime(year, 7, 1, 1, 2, 3, tzinfo=UTC)
        for unit in (1, 10**3, 10**6, 10**9):
            assert date_of(int(moment.timestamp()) * unit) == (moment, None), (year, unit)
    assert date_of(SECONDS * 1000 + 789)[0] == MOMENT + timedelta(milliseconds=789)
    assert date_of(SECONDS + 0.5)[0] == MOMENT + timedelta(milliseconds=500)
    assert date_of("1612121212")[0] == datetime(2021, 1, 31, 19, 26, 52, tzinfo=UTC), "not the year 1612"


@pytest.mark.parametrize("written", [None, "", "  ", b"", float("nan")])
def test_nothing_is_no_date_and_no_complaint(written: object) -> None:
    assert date_of(written) == (None, None)


@pytest.mark.parametrize(
    "written",
    [
        *("soon", "06/05/2024", "2024-13-01", "2024366", "2023-366", "Mon, 99 Foo 2024 00:00:00 GMT", "1" * 22),
        *("\u0662\u0660\u0662\u0664\u0660\u0665\u0660", 0, -1, 86400, 10**25, 1e300, True, [1], {"a": 1}, timedelta(1)),
    ],
)
def test_what_is_not_understood_is_told_as_it_is_written(written: object) -> None:
    assert date_of(written) == (None, str(written))


def columns() -> dict[str, pa.Array]:
    """The moment, and nothing, in every Arrow type that can hold it."""
    naive = MOMENT.replace(tzinfo=None)
    found = {
        f"timestamp[{unit},{zone}]": pa.array([MOMENT if zone else naive, None], pa.timestamp(unit, zone))
        for unit in ("s", "ms", "us", "ns")
        for zone in (None, "UTC", "Asia/Tokyo")
    }
    found["struct"] = pa.StructArray.from_arrays([found["timestamp[ns,UTC]"]], ["at"])
    found["dictionary"] = found["timestamp[us,UTC]"].dictionary_encode()
    found["string"] = pa.array(["2024-05-06T12:34:56Z", None])
    found["binary"] = pa.array([b"2024-05-06T12:34:56Z", None])
    found["int64"] = pa.array([SECONDS * 1000, None])
    found["double"] = pa.array([float(SECONDS), None])
    found["decimal"] = pa.array([Decimal(SECONDS), None])
    return found


@pytest.mark.parametrize("name", columns())
def test_every_arrow_type_of_a_moment(tmp_path: Path, name: str) -> None:
    column = columns()[name]
    pq.write_table(pa.table({"text": ["a", "b"], "when": column}), tmp_path / "a.parquet")
    records, _ = ingested(tmp_path / "a.parquet", map={"date": "when.at" if name == "struct" else "when"})
    assert records["fetched_at"].to_pylist() == [MOMENT, None]
    assert records["date_text"].to_pylist() == [None, None]


@pytest.mark.parametrize("kind", [pa.date32(), pa.date64()])
def test_arrow_dates_are_the_start_of_their_day(tmp_path: Path, kind: pa.DataType) -> None:
    pq.write_table(pa.table({"text": ["a", "b"], "when": pa.array([DAY.date(), None], kind)}), tmp_path / "a.parquet")
    assert ingested(tmp_path / "a.parquet", map={"date": "when"})[0]["fetched_at"].to_pylist() == [DAY, None]


@pytest.mark.parametrize(
    "column",
    [
        pa.array([2**62, SECONDS], pa.timestamp("s")),
        pa.array([2**31 - 1, 0], pa.date32()),
        pa.array([123_456_789, 1], pa.time64("ns")),
        pa.array([1, 2], pa.duration("ns")),
        pa.array([[2**62 + 1], [1]], pa.list_(pa.timestamp("ns"))),
        pa.array([2**62 + 1, SECONDS * 10**9 + 7], pa.timestamp("ns")),
    ],
    ids=lambda column: str(column.type),
)
def test_values_that_python_has_no_form_for_end_nothing(column: pa.Array) -> None:
    assert len(python_values(column)) == 2


def test_one_row_in_every_format_has_one_date(tmp_path: Path) -> None:
    for value in ("1714998896", "Mon, 06 May 2024 12:34:56 GMT", "2024-05-06 12:34:56"):
        (tmp_path / "a.jsonl").write_text(json.dumps({"text": "a", "when": value}))
        with (tmp_path / "a.csv").open("w") as file:
            csv.writer(file).writerows([["text", "when"], ["a", value]])
        pq.write_table(pa.table({"text": ["a"], "when": [value]}), tmp_path / "a.parquet")
        found: list[Any] = [
            ingested(tmp_path / name, map={"date": "when"})[0]["fetched_at"][0].as_py()
            for name in ("a.jsonl", "a.csv", "a.parquet")
        ]
        assert found == [MOMENT] * 3


def test_the_date_of_an_archive_that_is_not_understood_is_kept_to_be_counted(tmp_path: Path) -> None:
    head = b"WARC/1.0\r\nWARC-Type: resource\r\nContent-Type: text/plain\r\nWARC-Date: yesterday\r\n"
    (tmp_path / "a.warc").write_bytes(head + b"Content-Length: 1\r\n\r\nx\r\n\r\n")
    (row,) = ingested(tmp_path / "a.warc")[0].to_pylist()
    assert (row["fetched_at"], row["date_text"]) == (None, "yesterday")


def test_text_ids_and_urls_of_type_binary_are_utf8(tmp_path: Path) -> None:
    uuid = bytes(range(200, 216))
    kinds = (pa.binary(), pa.large_binary(), pa.binary_view())
    for kind in kinds:
        rows = {
            "text": pa.array(["é 中".encode(), b"caf\xe9", bytes(range(200))], pa.binary()).cast(kind),
            "id": pa.array([b"row-1", uuid, b""], pa.binary()).cast(kind),
            "url": pa.array([b"http://a.example/", None, None], pa.binary()).cast(kind),
        }
        pq.write_table(pa.table(rows), tmp_path / "a.parquet")
        records, aside = ingested(tmp_path / "a.parquet")
        assert records["payload"].to_pylist() == ["é 中".encode(), "caf\ufffd".encode()]
        assert records["native_id"].to_pylist() == ["row-1", uuid.hex()]
        assert records["url"].to_pylist() == ["http://a.example/", None]
        assert aside["reason"].to_pylist() == ["not_text"]
