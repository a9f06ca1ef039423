"""The search finds a planted text wherever a file may hold it, and an address only as a whole."""

import gzip
import json
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing
from html import escape
from pathlib import Path
from urllib.parse import quote

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from gristmill.flows.takedown.proof.needles import Finder, address_needle, host_needle, passages, value_needles
from gristmill.flows.takedown.proof.search import PIECE_BYTES, search

PLANTED = 'Zoë "Zed" O\'Hara <王小明>, +86 138\t0000 1111'
FINDER = Finder(value_needles(PLANTED, 1), ["gb18030"])


def in_sqlite(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE t (a TEXT, b BLOB)")
        database.execute("INSERT INTO t VALUES (?, ?)", ("x" * 5000, ("y" * 9000 + PLANTED).encode("utf-16-le")))
        database.commit()


def in_duckdb(path: Path) -> None:
    with duckdb.connect(str(path)) as database:
        database.execute("CREATE TABLE t AS SELECT i::VARCHAR || ? AS a FROM range(5000) r(i)", [PLANTED])


def in_parquet(path: Path) -> None:
    lists = pa.array([["a"], None, ["b", PLANTED]], pa.list_(pa.string()))
    pq.write_table(pa.table({"doc_id": ["1", "2", "3"], "l": lists}), path, compression="zstd", write_statistics=False)


def zipped(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner.txt", PLANTED)


PLACES: dict[str, Callable[[Path], object]] = {
    "utf8.txt": lambda path: path.write_text(PLANTED, encoding="utf-8"),
    "utf16.txt": lambda path: path.write_text(PLANTED, encoding="utf-16-be"),
    "gb.html": lambda path: path.write_bytes(PLANTED.replace("ë", "e").encode("gb18030")),
    "json": lambda path: path.write_text(json.dumps({"a": PLANTED})),
    "json.plain": lambda path: path.write_text(json.dumps({"a": PLANTED}, ensure_ascii=False), encoding="utf-8"),
    "json.twice": lambda path: path.write_text(json.dumps({"a": json.dumps(PLANTED)})),
    "html": lambda path: path.write_text(escape(PLANTED), encoding="utf-8"),
    "url": lambda path: path.write_text(quote(PLANTED, safe="")),
    "across": lambda path: path.write_bytes(b"-" * (PIECE_BYTES - 7) + PLANTED.encode() + b"-"),
    "gz": lambda path: path.write_bytes(gzip.compress(b"first") + gzip.compress(PLANTED.encode())),
    "zst": lambda path: path.write_bytes(zstandard.compress(PLANTED.encode())),
    "zip": zipped,
    "sqlite": in_sqlite,
    "duckdb": in_duckdb,
    "parquet": in_parquet,
}


@pytest.mark.parametrize("name", [name for name in PLACES if name != "gb.html"])
def test_a_text_is_found_in_every_kind_of_file(tmp_path: Path, name: str) -> None:
    PLACES[name](tmp_path / name)
    found = search(tmp_path, FINDER)
    assert {hit.path for hit in found.remaining} == {name}
    assert not found.unread
    assert not search(tmp_path, Finder(value_needles(PLANTED + "x", 1))).hits


def test_a_text_is_found_in_the_encoding_of_its_page(tmp_path: Path) -> None:
    (tmp_path / "page").write_bytes("<p>王小明先生</p>".encode("gb18030"))
    assert search(tmp_path, Finder(value_needles("王小明先生", 1), ["gb18030"])).remaining
    assert not search(tmp_path, Finder(value_needles("王小明先生", 1))).remaining


def test_the_row_of_a_list_and_the_name_of_a_file_are_told(tmp_path: Path) -> None:
    in_parquet(tmp_path / "p")
    (tmp_path / f"about {'Zed' * 4}.txt").touch()
    finder = Finder([*value_needles(PLANTED, 1), *value_needles("ZedZedZed", 2)])
    found = {(hit.place, hit.doc_id) for hit in search(tmp_path, finder).hits}
    assert ("column l", "3") in found
    assert ("the name of the file", None) in found


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "cut.parquet").write_bytes(b"PAR1 and no more")
    (tmp_path / "cut.gz").write_bytes(gzip.compress(b"x" * 99)[:-9])
    found = search(tmp_path, FINDER)
    assert "cut.parquet" in dict(found.unread)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("http://example.org/page", True),
        ("https://EXAMPLE.org:443/page/?utm_source=feed", True),
        ("see <example.org/page>, or not", True),
        ('{"url":"https:\\/\\/example.org"}', False),
        ('{"url":"https:\\/\\/example.org\\/page"}', True),
        ("?to=https%3A%2F%2Fexample.org%2Fpage", True),
        ("http://example.org/./page#top", True),
        ("http://example.org/%70age", True),
        ("http://other.test/example.org/page", False),
        ("http://example.org/pages", False),
        ("http://example.org/page/two", False),
        ("http://notexample.org/page", False),
        ("http://example.org/page?id=2", False),
        ("http://deep.host.test/x", True),
        ("http://ghost.test/x", False),
        ("http://xn--bcher-kva.test/a", True),
        ("http://bücher.test/a", True),
        ("write to me@host.test", True),
    ],
)
def test_an_address_is_found_whole(text: str, found: bool) -> None:
    page = address_needle("example.org/page", 1)
    assert page is not None
    finder = Finder([page, host_needle("host.test"), host_needle("BÜCHER.test")])
    for encoding in ("utf-8", "utf-16-le"):
        assert bool(finder(f'"{text}"'.encode(encoding))) is found, encoding


def test_passages_come_from_long_lines_and_from_short_texts_only_if_long_enough() -> None:
    lines = [f"line {number} " + "word " * 30 for number in range(9)]
    some = passages("d", "\n".join(lines))
    assert len(some) == 3
    assert all(needle.text in "\n".join(lines) for needle in some)
    assert [needle.text for needle in passages("d", "one line of some length")] == ["one line of some length"]
    assert passages("d", "too short") == []
