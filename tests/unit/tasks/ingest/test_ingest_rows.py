"""JSON Lines, Parquet and text files: every row has one fate."""

import gzip
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from tests.helpers.ingested import ingested


def reasons(aside: pa.Table) -> list[tuple[str, str, str]]:
    return [(row["record_uri"].partition("@")[2], row["kind"], row["reason"]) for row in aside.to_pylist()]


def lines(folder: Path, *rows: object, name: str = "rows.jsonl") -> Path:
    path = folder / name
    path.write_bytes(b"\n".join(row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows))
    return path


def test_every_line_has_one_fate(tmp_path: Path) -> None:
    path = lines(
        tmp_path,
        {"text": "one", "id": "a", "url": "http://A.example/1"},
        b"",
        b"{not json",
        b'["a list"]',
        b"42",
        {"body": "no text"},
        {"text": None, "id": 7},
        {"text": 12},
        {"text": "  \n"},
        {"text": "x" * 2000, "url": "http://a.example/large"},
        b'{"text": "caf\xe9"}',
        b"[" * 100_000,
        {"text": "one", "id": "a"},
        {"text": "two"},
        {"text": "two"},
        b'{"text": "pair \\ud83d\\ude00 lone \\ud800", "id": "s"}',
        b'{"text": "cut',
    )
    records, aside = ingested(path, max_payload_bytes=1000)
    assert reasons(aside) == sorted(
        [
            ("line:3", "record", "row_not_json"),
            ("line:4", "record", "row_not_object"),
            ("line:5", "record", "row_not_object"),
            ("line:6", "record", "missing_text"),
            ("line:7", "record", "missing_text"),
            ("line:8", "record", "missing_text"),
            ("line:9", "record", "empty_body"),
            ("line:10", "record", "too_large"),
            ("line:11", "record", "row_not_json"),
            ("line:12", "record", "too_large"),
            ("line:13", "record", "repeated_record_id"),
            ("line:17", "record", "row_not_json"),
        ]
    )
    texts = {row["record_uri"].partition("@")[2]: row["payload"].decode() for row in records.to_pylist()}
    assert texts == {"line:1": "one", "line:14": "two", "line:15": "two", "line:16": "pair 😀 lone �"}
    assert records.column("host").to_pylist()[0] == "a.example"
    assert set(records.column("record_type").to_pylist()) == {"row"}
    assert len(records) + len(aside) == 16  # the blank line is no row


def test_a_line_of_any_depth_or_length_is_one_record(tmp_path: Path) -> None:
    path = lines(tmp_path, b"[" * 100_000, b'{"text": "' + b"x" * 10_000_000 + b'"}', {"text": "fine"})
    records, aside = ingested(path, max_payload_bytes=100_000)
    assert reasons(aside) == [("line:1", "record", "row_not_json"), ("line:2", "record", "too_large")]
    assert len(records) == 1


def test_a_near_miss_of_a_column_is_named(tmp_path: Path) -> None:
    _, aside = ingested(lines(tmp_path, {"texts": "x"}))
    assert 'did you mean "texts"' in aside.column("detail")[0].as_py()


def test_columns_are_found_by_the_names_in_the_config(tmp_path: Path) -> None:
    row = {"content": "words", "key": 17, "link": "http://a.example/", "when": "2024-05-06", "id": "other"}
    settings = {"map": {"text": "content", "id": "key", "url": "link", "date": "when"}}
    records, aside = ingested(lines(tmp_path, row, {"content": "no key"}), **settings)
    (kept,) = records.to_pylist()
    assert (kept["payload"], kept["url"], kept["fetched_at"].isoformat()) == (
        b"words",
        "http://a.example/",
        "2024-05-06T00:00:00+00:00",
    )
    assert reasons(aside) == [("line:2", "record", "missing_id")]
    pq.write_table(pa.table({name: [value] for name, value in row.items()}), tmp_path / "rows.parquet")
    (same,) = ingested(tmp_path / "rows.parquet", **settings)[0].to_pylist()
    assert same["doc_id"] == kept["doc_id"]


def test_compressed_lines_are_read_and_a_truncated_stream_is_damage(tmp_path: Path) -> None:
    data = b"".join(json.dumps({"text": f"line {n} of the file"}).encode() + b"\n" for n in range(20_000))
    (tmp_path / "a.jsonl.zst").write_bytes(zstandard.compress(data))
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(data[:1000]) + gzip.compress(data[1000:]))
    assert len(ingested(tmp_path / "a.jsonl.zst")[0]) == len(ingested(tmp_path / "a.jsonl.gz")[0]) == 20_000
    whole = gzip.compress(data)
    (tmp_path / "cut.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    records, aside = ingested(tmp_path / "cut.jsonl.gz")
    assert 8_000 < len(records) < 12_000
    assert reasons(aside) == [(f"line:{len(records) + 1}", "damage", "cut_off")]


def test_an_empty_file_was_not_read(tmp_path: Path) -> None:
    for name in ("a.jsonl", "a.parquet", "a.warc"):
        (tmp_path / name).write_bytes(b"")
        records, aside = ingested(tmp_path / name)
        assert (len(records), reasons(aside)) == (0, [("", "file", "empty_file")])


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda data: data[:-9], "cut_off"),
        (lambda data: data[:-8] + bytes(4) + data[-4:], "bad_compression"),
        (lambda data: data + gzip.compress(b" " * (160 << 20)), "expands"),
    ],
)
@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.tsv"])
def test_a_stream_of_rows_says_why_it_ends(
    tmp_path: Path, name: str, spoil: Callable[[bytes], bytes], reason: str
) -> None:
    line = '{"text": "line %d"}\n' if name == "a.jsonl" else "line %d\n"
    rows = "".join(line % number for number in range(5000))
    (tmp_path / name).write_bytes(spoil(gzip.compress((rows if name == "a.jsonl" else "text\n" + rows).encode())))
    records, aside = ingested(tmp_path / name)
    assert len(records) > 4000
    assert [(row["kind"], row["reason"]) for row in aside.to_pylist()] == [("damage", reason)]


def test_a_parquet_file_gives_its_rows(tmp_path: Path) -> None:
    table = pa.table({"text": ["one", None, "", "one"], "id": [1, 2, 3, 1], "other": [[1], [], [], []]})
    pq.write_table(table, tmp_path / "rows.parquet", row_group_size=3)
    records, aside = ingested(tmp_path / "rows.parquet")
    assert records.column("record_uri").to_pylist() == ["rows.parquet@row:0"]
    assert reasons(aside) == [
        ("row:1", "record", "missing_text"),
        ("row:2", "record", "empty_body"),
        ("row:3", "record", "repeated_record_id"),
    ]


def test_a_parquet_file_that_is_cut_off_was_not_read_and_that_is_said_once(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"text": [f"row {n}" for n in range(1000)]}), path)
    path.write_bytes(path.read_bytes()[:-20])
    records, aside = ingested(path)
    assert len(records) == 0
    assert reasons(aside) == [("", "file", "unreadable")]
    (whole,) = aside.to_pylist()
    assert whole["record_uri"] == "rows.parquet"
    assert whole["detail"].startswith("nothing of it could be read: no Parquet file")


@pytest.mark.parametrize("twice", ["text", "id", "url"])
def test_a_parquet_file_that_has_a_column_twice_is_set_aside(tmp_path: Path, twice: str) -> None:
    names = ["id", "text", "url", twice]
    pq.write_table(pa.Table.from_arrays([pa.array([name]) for name in "abcd"], names), tmp_path / "rows.parquet")
    records, aside = ingested(tmp_path / "rows.parquet")
    assert (len(records), reasons(aside)) == (0, [("", "file", "wrong_columns")])
    assert f"rows.parquet: two columns are called '{twice}'" in aside.column("detail")[0].as_py()


def test_a_broken_row_group_costs_its_own_rows(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    table = pa.table({"text": [f"row {n} of the table" for n in range(3000)]})
    pq.write_table(table, path, row_group_size=1000, use_dictionary=False, compression="zstd")
    start = pq.ParquetFile(path).metadata.row_group(1).column(0).data_page_offset
    data = bytearray(path.read_bytes())
    data[start : start + 400] = bytes(400)
    path.write_bytes(data)
    records, aside = ingested(path)
    assert len(records) == 2000
    assert reasons(aside) == [("row:1000+1000", "damage", "unreadable")]
    assert "1000 of its 1000 rows" in aside.column("detail")[0].as_py()


def test_text_in_parquet_that_is_not_utf8_is_read_with_replacements(tmp_path: Path) -> None:
    binary = pa.array([b"caf\xe9", b"fine"], pa.binary())
    text = pa.Array.from_buffers(pa.string(), 2, binary.buffers())
    pq.write_table(pa.table({"text": text}), tmp_path / "rows.parquet")
    records, _ = ingested(tmp_path / "rows.parquet")
    assert records.column("payload").to_pylist() == ["caf�".encode(), b"fine"]


def test_a_parquet_file_without_the_column_of_the_config_is_set_aside_with_the_hint(tmp_path: Path) -> None:
    pq.write_table(pa.table({"contents": ["x"]}), tmp_path / "rows.parquet")
    records, aside = ingested(tmp_path / "rows.parquet", map={"text": "content"})
    assert (len(records), reasons(aside)) == (0, [("", "file", "wrong_columns")])
    assert "there is no column 'content' (did you mean \"contents\"?)" in aside.column("detail")[0].as_py()


def test_text_files_are_one_record_each(tmp_path: Path) -> None:
    contents = {
        "a.txt": b"plain words",
        "b.md": b"# Heading",
        "c.html": b"<p>x</p>",
        "d.txt": b"",
        "e.txt": bytes(range(256)),
        "f.txt": b"x" * 5000,
        "g.txt.gz": gzip.compress(b"zipped words"),
        "h.txt.gz": gzip.compress(b"zipped words" * 99)[:-9],
    }
    kept: dict[str, str] = {}
    aside: Counter[str] = Counter()
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        records, lost = ingested(tmp_path / name, max_payload_bytes=2000)
        assert len(records) + len(lost) == 1
        kept.update((name, row["content_type"]) for row in records.to_pylist())
        aside.update(f"{name} {reason}" for _, kind, reason in reasons(lost) if kind == "record")
    assert kept == {"a.txt": "text/plain", "b.md": "text/markdown", "c.html": "text/html", "g.txt.gz": "text/plain"}
    assert sorted(aside) == ["d.txt empty_body", "e.txt not_text", "f.txt too_large", "h.txt.gz truncated"]
