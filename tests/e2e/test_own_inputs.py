"""Files as people have them: odd names, ids that start again, dates of every form, links, pipes, and files not read."""

import gzip
import json
import os
import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.helpers.cli import Ended
from tests.helpers.corpus import prose

Run = Callable[..., Ended]
POLICY = """name: keep
lineage: none
about: Everything that has a word.
quality: gopher_quality.words
rules:
  - {name: no_words, signal: gopher_quality.words, min: 1}
"""


def lines(rows: list[dict[str, object]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def test_nothing_of_a_folder_disappears_without_a_word(tmp_path: Path, run: Run) -> None:
    folder, other = tmp_path / "in[1]", tmp_path / "other"
    folder.mkdir()
    other.mkdir()
    (tmp_path / "keep.yaml").write_text(POLICY)
    texts = [" ".join(prose(random.Random(number), 2)) for number in range(8)]
    old, new = datetime(2020, 1, 1, tzinfo=UTC), datetime(2024, 5, 6, tzinfo=UTC)
    (folder / "c4.json.gz").write_bytes(
        gzip.compress(lines([{"id": 0, "at": None, "text": texts[0] + " word" * 20_000}]))
    )
    (folder / os.fsdecode(b"caf\xe9.jsonl")).write_bytes(lines([{"id": 0, "text": texts[1], "at": ""}]))
    page = {"text": texts[2:4], "id": [0, 1], "url": ["http://a.example/"] * 2, "at": [new, old]}
    pq.write_table(pa.table(page), folder / "part.parquet")
    stamped: list[dict[str, object]] = [
        {"id": 1, "text": texts[4], "url": "http://b.example/", "at": int(old.timestamp())},
        {"id": 2, "text": texts[5], "url": "http://b.example/", "at": "Mon, 06 May 2024 00:00:00 GMT"},
        {"id": 3, "text": texts[6], "at": "soon"},
    ]
    (folder / "part.jsonl").write_bytes(lines(stamped))
    (other / "part.jsonl").write_bytes(lines([{"id": 9, "text": texts[7], "at": None}]))
    (folder / "info.json").write_bytes(b'{\n "rows": 2\n}')
    (tmp_path / "secret.jsonl").write_bytes(lines([{"text": "secret"}]))
    (folder / "link.jsonl").symlink_to(tmp_path / "secret.jsonl")
    os.mkfifo(folder / "pipe.jsonl")
    lake = str(tmp_path / "lake")
    ended = run(
        *("curate", "--source", "own", "--policy", str(tmp_path / "keep.yaml"), "--lake", lake, "--json"),
        *("--input", str(folder), "--input", str(other), "--input", str(folder / os.fsdecode(b"caf\xe9.jsonl"))),
        *("--map", "date=at", "--dedup-url"),
    )
    assert ended.code == 0, ended.err
    counts = ended.json()
    assert (counts["records"], counts["kept"], counts["not_read"]) == (8, 6, 3)
    found = {"colliding_ids": 2, "colliding_id": "0", "unknown_dates": 1, "unknown_date": "soon"}
    assert counts["notes"] | found == counts["notes"]
    for said in ("info.json: one JSON document", "link.jsonl: a link", "pipe.jsonl: a named pipe", "2 ids stand for"):
        assert said in ended.err
    rows = run("query", "select record_uri, fate, fetched_at from fates", "--lake", lake, "--json").json()
    fates = {row["record_uri"]: row["fate"] for row in rows}
    assert fates == {
        "c4.json.gz@line:1": "kept",
        "caf\\xe9.jsonl@line:1": "kept",
        "part.parquet@row:0": "kept",
        "part.parquet@row:1": "duplicate",
        "in[1]/part.jsonl@line:1": "duplicate",
        "in[1]/part.jsonl@line:2": "kept",
        "in[1]/part.jsonl@line:3": "kept",
        "other/part.jsonl@line:1": "kept",
        "info.json": "not_read",
        "link.jsonl": "not_read",
        "pipe.jsonl": "not_read",
    }
