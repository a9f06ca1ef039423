"""Bad input through the steps and the lake: counted, never lost, never a traceback; the same bytes every time."""

import errno
import gzip
import json
import tempfile
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.core.digests import digest_file
from gristmill.core.errors import GristmillError, UsageError
from gristmill.core.lake import Lake
from gristmill.core.steps.inputs import Inputs
from gristmill.schemas.tables import Documents, Records, SetAside
from gristmill.tasks.extraction.config import ExtractConfig
from gristmill.tasks.extraction.extract import extract
from gristmill.tasks.ingest.damage import unread_files
from gristmill.tasks.ingest.discovery import find_inputs
from gristmill.tasks.ingest.ingest import IngestConfig, ingest
from gristmill.tasks.ingest.sources import InputFile

PAGE = b"<html><body><main><p>Grain is milled between two stones, and the flour is sifted afterwards.</p></main></body>"


def response(number: int, body: bytes = PAGE, content_type: bytes = b"text/html") -> bytes:
    block = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\n\r\n%s" % (content_type, body)
    head = b"WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:%d>\r\nContent-Type: application/http\r\n"
    head += b"WARC-Target-URI: http://a.example/%d\r\nContent-Length: %d\r\n\r\n"
    return head % (number, number, len(block)) + block + b"\r\n\r\n"


def curate(folder: Path, *given: Path, **settings: object) -> tuple[Lake, Counter[str]]:
    """Ingest and extract everything given; the fates of all records, and the damage."""
    lake = Lake.open(folder / "lake")
    config = IngestConfig.parse({"source": "bad"} | settings, "test")
    fates: Counter[str] = Counter()
    for file in find_inputs([str(path) for path in given]).files:
        read = ingest.run(lake, file.shard, Inputs(source=file), config).manifest
        records = read.output(Records)
        done = extract.run(lake, file.shard, Inputs(refs=(records,)), ExtractConfig()).manifest
        documents, aside = done.output(Documents), done.output(SetAside)
        assert documents.rows + aside.rows == records.rows
        fates["document"] += documents.rows
        for ref in (read.output(SetAside), aside):
            rows = lake.read(ref, ["kind", "reason"]).to_pylist()
            fates.update(f"{row['kind']}: {row['reason']}" for row in rows)
    return lake, fates


def data_files(lake: Lake) -> dict[str, str]:
    """Digest by path of everything under the lake's data."""
    base = lake.root / "data"
    return {path.relative_to(base).as_posix(): digest_file(path) for path in base.rglob("*") if path.is_file()}


def test_every_kind_of_bad_input_is_counted(tmp_path: Path) -> None:
    folder = tmp_path / "inputs"
    folder.mkdir()
    members = [gzip.compress(response(number)) for number in range(3)]
    (folder / "truncated.warc.gz").write_bytes(b"".join(members)[:-40])
    (folder / "headers.warc").write_bytes(response(10) + b"WARC/1.0\r\nWARC-Type: response\r\n\r\n" + response(11))
    (folder / "long.warc").write_bytes(response(20).replace(b"Content-Length: ", b"Content-Length: 9") + response(21))
    (folder / "short.warc").write_bytes(response(30).replace(b"Content-Length: 1", b"Content-Length: ") + response(31))
    binary, empty = response(40, bytes(range(256)) * 4), response(41, b"")
    (folder / "bodies.warc").write_bytes(binary + empty + response(42))
    cyrillic = "<html><body><p>Мука мелется между двумя камнями, отруби отсеивают.</p></body>".encode("cp1251")
    wrong = response(50, cyrillic, b"text/html; charset=utf-8")
    unknown = response(51, cyrillic, b"text/html; charset=x-klingon")
    (folder / "encodings.warc").write_bytes(wrong + unknown)
    (folder / "rows.jsonl").write_bytes(b'{"text": "one sound row"}\n{"text": \n[1]\n{"body": "x"}\n')
    pq.write_table(pa.table({"text": ["x"] * 99}), folder / "cut.parquet")
    (folder / "cut.parquet").write_bytes((folder / "cut.parquet").read_bytes()[:-9])
    (folder / "nested.warc").write_bytes(response(60, b"<i>" * 9_000_000) + response(61))
    _, fates = curate(tmp_path, folder, max_payload_bytes=5_000_000)
    assert fates == {
        "document": 2 + 2 + 1 + 1 + 1 + 2 + 1 + 1,
        "record: truncated": 2,  # truncated.warc.gz, long.warc
        "damage: cut_off": 1,
        "record: broken_header": 1,
        "damage: no_record": 1,  # short.warc
        "record: empty_text": 1,  # short.warc: what is left of its page
        "record: not_text": 1,
        "record: empty_body": 1,
        "record: row_not_json": 1,
        "record: row_not_object": 1,
        "record: missing_text": 1,
        "file: unreadable": 1,
        "record: too_large": 1,
    }


def test_texts_in_wrong_and_unknown_encodings_are_read(tmp_path: Path) -> None:
    text = "Мука мелется между двумя камнями, отруби отсеивают."
    page = f"<html><body><main><p>{text}</p></main></body>".encode("cp1251")
    path = tmp_path / "pages.warc"
    stated = (b"text/html; charset=utf-8", b"text/html; charset=klingon", b"text/html")
    path.write_bytes(b"".join(response(number, page, kind) for number, kind in enumerate(stated)))
    lake, fates = curate(tmp_path, path)
    assert fates == {"document": 3}
    (documents,) = lake.root.rglob("documents/**/*.parquet")
    assert pq.read_table(documents).column("text").to_pylist() == [text] * 3


def test_one_file_without_the_column_of_the_date_costs_itself(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.jsonl").write_bytes(b'{"text": "a page with a date", "day": "2024-01-02"}\n')
    (folder / "b.jsonl").write_bytes(b'{"text": "a page without one"}\n' * 20)
    (folder / "c.csv").write_bytes(b"text,other\na row,x\n")
    lake, fates = curate(tmp_path, folder, map={"date": "day"})
    assert fates == {"document": 1, "file: wrong_columns": 2}
    asides = list(lake.root.rglob("tables/set_aside/**/*.parquet"))
    found = find_inputs([str(folder), str(folder / "b.jsonl")])
    assert found.lost(unread_files(asides)) == (str(folder / "b.jsonl"),)


def test_empty_folders_and_missing_paths_are_errors_with_the_hint(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for path, message in (
        (tmp_path / "empty", "has no file that can"),
        (tmp_path / "emptyy", 'did you mean "empty"'),
    ):
        with pytest.raises(UsageError, match=message):
            curate(tmp_path, path)


def test_an_input_that_vanishes_or_a_full_temporary_folder_is_an_error_with_the_hint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = Lake.open(tmp_path / "lake")
    gone = InputFile("gone.warc", "0" * 32, 9, tmp_path / "gone.warc")
    with pytest.raises(GristmillError, match="is gone"):
        ingest.run(lake, gone.shard, Inputs(source=gone), IngestConfig(source="bad"))

    def full() -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "large.warc.gz"
    path.write_bytes(gzip.compress(bytes(70 << 20)))
    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    with pytest.raises(GristmillError, match=r"temporary folder .* is full.*TMPDIR"):
        curate(tmp_path, path)


def test_the_malformed_archives_of_other_projects_end_in_counted_rows(shared: Path, tmp_path: Path) -> None:
    """Every record is a document or a row of set_aside, and two runs give the same bytes. (All files of the folder are
    in tests/golden/test_warc_recount.py; a run through the lake is slow, so this takes every third.)"""
    files = sorted((shared / "corpora" / "warc" / "malformed").iterdir())[::3]
    first, fates = curate(tmp_path / "first", *files)
    second, again = curate(tmp_path / "second", *reversed(files))
    assert fates == again
    assert fates["document"] > 0
    assert sum(count for name, count in fates.items() if name.startswith("damage")) > 0
    assert data_files(first) == data_files(second)


def test_a_pdf_in_a_folder_is_not_silently_ignored(tmp_path: Path) -> None:
    (tmp_path / "a.warc").write_bytes(response(1))
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.4")
    found = find_inputs([str(tmp_path)])
    assert json.dumps([(entry.name, entry.detail) for entry in found.skipped]) == '[["a.pdf", "PDF is not read"]]'
