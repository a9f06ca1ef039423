"""The identity of records: by their id and their content, whichever file, shard or run they come in."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.core.lake import Lake
from gristmill.core.steps.inputs import Inputs
from gristmill.schemas.tables import Records
from gristmill.tasks.ingest.discovery import find_inputs
from gristmill.tasks.ingest.grouping import Grouping, group_files
from gristmill.tasks.ingest.ingest import IngestConfig, ingest
from gristmill.tasks.ledger.record_notes import RecordNotes, record_notes
from tests.helpers.ingested import ingested

Row = dict[str, object]
WARC = b"WARC/1.0\r\nWARC-Type: resource\r\nWARC-Record-ID: <urn:1>\r\n"
WARC += b"Content-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s\r\n\r\n"


def write(path: Path, rows: list[Row]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def numbered(folder: Path) -> Path:
    """Two files of ten rows, each with the ids 0 to 9."""
    folder.mkdir()
    for part in "ab":
        write(folder / f"part-{part}.jsonl", [{"id": n, "text": f"text {n} of {part}"} for n in range(10)])
    return folder


@pytest.mark.parametrize("small_bytes", [0, 1 << 20])
def test_ids_that_start_again_in_every_file_cost_nothing(tmp_path: Path, small_bytes: int) -> None:
    """Whether the files share a shard or not."""
    files = find_inputs([str(numbered(tmp_path / "in"))]).files
    tables = [ingested(source) for source in group_files(files, Grouping(small_bytes=small_bytes))]
    assert [len(aside) for _, aside in tables] == [0] * len(tables)
    assert len({doc_id for records, _ in tables for doc_id in records["doc_id"].to_pylist()}) == 20


def test_identity_is_that_of_id_and_text_wherever_the_record_lies(tmp_path: Path) -> None:
    first = write(tmp_path / "a.jsonl", [{"id": 1, "text": "x"}, {"id": 2, "text": "y"}])
    later = write(tmp_path / "b.jsonl", [{"id": 2, "text": "y"}, {"id": 1, "text": "new"}, {"id": 1, "text": "x"}])
    before = {row["payload"]: row["doc_id"] for row in ingested(first)[0].to_pylist()}
    after = {row["payload"]: row["doc_id"] for row in ingested(later)[0].to_pylist()}
    assert {text: after[text] for text in before} == before
    assert after[b"new"] not in before.values()
    assert ingested(first)[0]["native_id"].to_pylist() == ["1", "2"]


def test_a_record_that_is_the_same_in_both_is_repeated(tmp_path: Path) -> None:
    rows: list[Row] = [{"id": 1, "text": "x"}, {"id": 1, "text": "other"}, {"id": 1, "text": "x"}]
    records, aside = ingested(write(tmp_path / "a.jsonl", rows))
    assert records["payload"].to_pylist() == [b"x", b"other"]
    assert aside["reason"].to_pylist() == ["repeated_record_id"]


def test_records_of_archives_have_an_identity_of_both_too(tmp_path: Path) -> None:
    path = tmp_path / "a.warc"
    path.write_bytes(b"".join(WARC % (len(text), text) for text in (b"one", b"two", b"one")))
    records, aside = ingested(path)
    assert records["payload"].to_pylist() == [b"one", b"two"]
    assert aside["reason"].to_pylist() == ["repeated_record_id"]


def notes_of(folder: Path, lake: Lake, **settings: object) -> RecordNotes:
    paths = []
    for file in find_inputs([str(folder)]).files:
        config = IngestConfig.parse({"source": "web", **settings}, "test")
        manifest = ingest.run(lake, file.shard, Inputs(source=file), config).manifest
        paths += [lake.path(ref) for ref in manifest.outputs if ref.table == Records.name]
    return record_notes(paths, folder)


def test_a_run_says_how_many_ids_stand_for_several_texts(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake[1]")
    folder = numbered(tmp_path / "in")
    write(folder / "copy.jsonl", [{"id": 0, "text": "text 0 of a"}, {"id": "only", "text": "x"}, {"text": "no id"}])
    notes = notes_of(folder, lake)
    assert (notes.colliding_ids, notes.colliding_id, notes.unknown_dates) == (10, "0", 0)
    assert "10 ids stand for several texts, such as '0'" in notes.lines()[0]


def test_equal_records_in_several_files_are_no_collision(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a.jsonl", "b.jsonl"):
        write(tmp_path / "in" / name, [{"id": 1, "text": "x"}, {"text": "no id"}, {"text": "none"}])
    notes = notes_of(tmp_path / "in", Lake.open(tmp_path / "lake"))
    assert notes == RecordNotes()
    assert notes.lines() == []
    assert record_notes([], tmp_path) == RecordNotes()


def test_a_run_says_how_many_dates_are_in_no_known_form(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    rows: list[Row] = [{"text": f"{when}", "at": when} for when in ("soon", "last year", None, "", 1612121212)]
    write(tmp_path / "in" / "a.jsonl", rows)
    pq.write_table(pa.table({"text": ["x", "y"], "at": [True, None]}), tmp_path / "in" / "b.parquet")
    notes = notes_of(tmp_path / "in", Lake.open(tmp_path / "lake"), map={"date": "at"})
    assert (notes.unknown_dates, notes.unknown_date) == (3, "True")
    assert "3 records have a date in no known form" in notes.lines()[0]
