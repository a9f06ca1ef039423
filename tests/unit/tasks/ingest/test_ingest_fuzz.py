"""Random damage: no input makes a reader fail, and a record whose bytes are untouched is never lost."""

import gzip
import io
import json
import random
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from gristmill.tasks.ingest.readers.kinds import kind_of
from tests.helpers.ingested import ingested

ROUNDS = 120
COUNT = 6
HEADERS = {"a.csv": b"id,text\n"}  # not damaged: without the names of its columns a table is an error


def page(number: int) -> bytes:
    return b"<html><body><p>Page %d: grain is milled between stones.</p></body></html>" % number


def warc_record(number: int) -> bytes:
    block = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + page(number)
    head = b"WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:%d>\r\nContent-Type: application/http\r\n"
    head += b"WARC-Target-URI: http://a.example/%d\r\nContent-Length: %d\r\n\r\n"
    return head % (number, number, len(block)) + block + b"\r\n\r\n"


def arc_record(number: int) -> bytes:
    block = b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n" + page(number)
    return b"http://a.example/%d 192.0.2.1 20080430204825 text/html %d\n%s\n" % (number, len(block), block)


def zipped(number: int) -> bytes:
    return gzip.compress(warc_record(number), mtime=0)


def framed(number: int) -> bytes:
    return zstandard.compress(warc_record(number))


def csv_row(number: int) -> bytes:
    return b'%d,"Row %d: ""grain""\nis milled, between stones."\r\n' % (number, number)


def row(number: int) -> bytes:
    return b'{"text": "Row %d: grain is milled between stones.", "id": %d}\n' % (number, number)


def parquet() -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table({"text": [f"row {n}" for n in range(COUNT)]}), out)
    return out.getvalue()


def wacz() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("archive/a.warc", b"".join(map(warc_record, range(COUNT))))
    return out.getvalue()


def run(path: Path) -> tuple[pa.Table, pa.Table]:
    return ingested(path, max_payload_bytes=100_000)


def damaged(data: bytes, chance: random.Random) -> bytes:
    """One to three random edits: bytes changed, removed, inserted, repeated, or the end cut off."""
    for _ in range(chance.randint(1, 3)):
        begin = chance.randrange(len(data) + 1)
        end = min(len(data), begin + chance.choice([1, 2, 10, 100, 1000]))
        noise = chance.randbytes(end - begin)
        edit = chance.randrange(5)
        data = (
            data[:begin] + noise + data[end:],
            data[:begin] + data[end:],
            data[:begin] + noise + data[begin:],
            data[:end] + data[begin:end] + data[end:],
            data[:begin],
        )[edit]
    return data


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.warc", b"".join(map(warc_record, range(COUNT)))),
        ("a.warc.gz", b"".join(map(zipped, range(COUNT)))),
        ("a.warc.zst", b"".join(map(framed, range(COUNT)))),
        ("a.csv", b"".join(map(csv_row, range(COUNT)))),
        ("a.arc", b"".join(map(arc_record, range(COUNT)))),
        ("a.jsonl", b"".join(map(row, range(COUNT)))),
        ("a.jsonl.gz", gzip.compress(b"".join(map(row, range(COUNT))), mtime=0)),
        ("a.parquet", parquet()),
        ("a.wacz", wacz()),
    ],
)
def test_no_damage_makes_a_reader_fail_or_differ_between_runs(tmp_path: Path, name: str, data: bytes) -> None:
    chance = random.Random(name)
    path = tmp_path / name
    for _ in range(ROUNDS):
        path.write_bytes(HEADERS.get(name, b"") + damaged(data, chance))
        assert run(path) == run(path)


@pytest.mark.parametrize(
    ("name", "make", "edge"),
    [
        ("a.warc", warc_record, b"\r\n\r\n"),
        ("a.warc.gz", zipped, b""),
        ("a.warc.zst", framed, b""),
        ("a.arc", arc_record, b"\n"),
        ("a.jsonl", row, b"\n"),
    ],
)
def test_records_that_are_not_touched_are_never_lost(
    tmp_path: Path, name: str, make: Callable[[int], bytes], edge: bytes
) -> None:
    """One record in the middle is damaged in any way; the others are all there, with their own payload."""
    chance = random.Random(name)
    path = tmp_path / name
    for _ in range(ROUNDS):
        victim = chance.randrange(1, COUNT)
        parts = [damaged(make(n), chance) + edge if n == victim else make(n) for n in range(COUNT)]
        path.write_bytes(b"".join(parts))
        records, _ = run(path)
        payloads = set(records.column("payload").to_pylist())
        others = [number for number in range(COUNT) if number != victim]
        wanted = {json.loads(row(n))["text"].encode() if name == "a.jsonl" else page(n) for n in others}
        assert wanted <= payloads, path.read_bytes()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("comments.html", b"<!---->" * 600),
        ("returns.warc", b"WARC/1.0\r\nWARC-Type: response" + b"\r" * 3_000_000),
        ("folds.warc", b"WARC/1.0\r\nWARC-Type: response\r\nA: b" + b"\r\n " * 300_000 + b"\r\n\r\n"),
        ("lines.arc", b"http:x" + b" 1.1.1.1 20080430204825 x" * 300 + b" " + b"1 " * 2_000_000),
        ("versions.warc", b"\nWARC/1.0\r\nA:" * 60_000),
        ("magic.warc.gz", b"\x1f\x8b\x08" * 60_000),
        ("magic.warc.zst", b"\x28\xb5\x2f\xfd" * 60_000),
        ("quotes.csv", b"text\n" + b'"a\n""""\n' * 30_000),
        ("empties.csv", b"text\n" + b'"a\n' + b'""\n' * 60_000),
    ],
)
def test_crafted_input_takes_linear_time(tmp_path: Path, name: str, data: bytes) -> None:
    """Backtracking, quadratic rescans and the like would need minutes to ages for these."""
    path = tmp_path / name
    path.write_bytes(data)
    started = time.process_time()
    kind_of(path, "x")
    run(path)
    assert time.process_time() - started < 15
