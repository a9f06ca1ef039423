"""A small file cannot grow to gigabytes: every decompressor stops at a bound, and what was cut off is counted."""

import bz2
import gzip
import io
import lzma
import resource
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import brotli
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from gristmill.tasks.ingest.ingest import read_items
from gristmill.tasks.ingest.readers.archives.http import CodingError, Headers, Response, decode_body
from gristmill.tasks.ingest.readers.expansion import FREE_BYTES, MAX_RATIO, bound
from gristmill.tasks.ingest.readers.items import Aside, RawRecord, ReadOptions
from gristmill.tasks.ingest.readers.reasons import Reason
from gristmill.tasks.ingest.readers.rows.columns import ColumnMap
from tests.helpers.peak import peak_of, told

LIMITS = ReadOptions(10_000_000, ColumnMap())
BOMB_BYTES = 1 << 28
PIECE = b"\x00" * (1 << 20)
TEXT = b"<html><body><p>Grain is milled between two stones, and sifted.</p></body></html>"


def response(number: int, body: bytes = TEXT, declared: int | None = None) -> bytes:
    block = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + body
    head = (
        f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:{number}>\r\n"
        f"Content-Type: application/http\r\nWARC-Target-URI: http://a.example/{number}\r\n"
        f"Content-Length: {declared or len(block)}\r\n\r\n"
    )
    return head.encode() + block + b"\r\n\r\n"


def grown(compressor: Any, start: bytes) -> bytes:
    """``start`` and 256 MiB of zeros, compressed."""
    parts = [compressor.compress(start), *(compressor.compress(PIECE) for _ in range(BOMB_BYTES // len(PIECE)))]
    return b"".join([*parts, compressor.flush()])


def gzip_bomb(start: bytes) -> bytes:
    return grown(zlib.compressobj(9, zlib.DEFLATED, 31), start)


def zstd_bomb(start: bytes) -> bytes:
    return grown(zstandard.ZstdCompressor(1).compressobj(), start)


def wacz(folder: Path, method: int) -> Path:
    path = folder / "a.wacz"
    with zipfile.ZipFile(path, "w", method) as archive:
        with archive.open("archive/a.warc", "w", force_zip64=True) as member:
            member.write(response(1))
            for _ in range(BOMB_BYTES // len(PIECE)):
                member.write(PIECE)
        archive.writestr("archive/b.warc.gz", gzip.compress(response(2)))
    return path


def written(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


BOMBS: dict[str, Callable[[Path], Path]] = {
    "gzip member": lambda folder: written(
        folder,
        "a.warc.gz",
        gzip.compress(response(1)) + gzip_bomb(response(9, declared=BOMB_BYTES)) + gzip.compress(response(2)),
    ),
    "gzip hole": lambda folder: written(
        folder, "a.warc.gz", gzip.compress(response(1)) + gzip_bomb(b"WARC/1.0\r\n") + gzip.compress(response(2))
    ),
    "zstd frame": lambda folder: written(
        folder,
        "a.warc.zst",
        zstandard.compress(response(1)) + zstd_bomb(response(9, declared=BOMB_BYTES)) + zstandard.compress(response(2)),
    ),
    "zstd dictionary": lambda folder: written(
        folder,
        "a.warc.zst",
        b"\x5d\x2a\x4d\x18" + len(stored := zstd_bomb(b"x")).to_bytes(4, "little") + stored
        + zstandard.compress(response(1)) + zstandard.compress(response(2)),
    ),
    "bzip2": lambda folder: written(folder, "a.warc.bz2", grown(bz2.BZ2Compressor(1), response(1) + response(2))),
    "xz": lambda folder: written(
        folder, "a.warc.xz", grown(lzma.LZMACompressor(preset=0), response(1) + response(2))
    ),
    "WACZ entry": lambda folder: wacz(folder, zipfile.ZIP_DEFLATED),
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_no_archive_grows_beyond_its_bound(name: str, tmp_path: Path) -> None:
    path = BOMBS[name](tmp_path)
    assert path.stat().st_size < 1_000_000
    growth, lines = peak_of(path, LIMITS)
    assert growth < 200 << 20, growth
    # what is sound before and after it is read all the same
    assert [line for line in lines if line.startswith("page")] == ["page http://a.example/1", "page http://a.example/2"]
    assert name == "zstd dictionary" or f"{Reason.EXPANDS} True" in lines


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.csv.gz"])
def test_rows_stop_at_the_bound(name: str, tmp_path: Path) -> None:
    start = b'{"text": "a row"}\n' if "jsonl" in name else b"text\na row\n"
    found = list(read_items(written(tmp_path, name, gzip_bomb(start)), name, LIMITS))
    assert isinstance(found[0], RawRecord)
    assert isinstance(found[-1], Aside)
    assert found[-1].damage
    assert f"over {MAX_RATIO} times" in found[-1].detail
    assert len(found) == 2


def test_a_zip_method_that_unpacks_all_at_once_is_not_read(tmp_path: Path) -> None:
    found = list(read_items(wacz(tmp_path, zipfile.ZIP_BZIP2), "a.wacz", LIMITS))
    assert [told(item) for item in found] == [f"{Reason.UNREADABLE} True"] * 2


def test_entries_that_share_their_bytes_have_one_bound_together(tmp_path: Path) -> None:
    """Of 8 entries of 60 MB, each below its own bound, no more comes out than out of one file of that size."""
    path = tmp_path / "a.wacz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for number in range(8):
            archive.writestr(f"archive/{number}.warc", response(number) + b"\x00" * 60_000_000)
    found = list(read_items(path, "a.wacz", LIMITS))
    sizes = [int(item.uri.rpartition("+")[2]) for item in found if isinstance(item, Aside) and item.reason != "expands"]
    assert sum(sizes) <= bound(path.stat().st_size)
    assert sum(isinstance(item, RawRecord) for item in found) < 8
    assert any(isinstance(item, Aside) and item.reason == Reason.EXPANDS for item in found)


def codings() -> Iterator[tuple[str, bytes]]:
    zeros = b"\x00" * (64 << 20)
    yield "gzip", gzip.compress(zeros, 6)
    yield "deflate", zlib.compress(zeros, 6)
    yield "br", brotli.compress(zeros, quality=1)
    yield "zstd", zstandard.compress(zeros, 1)
    once = gzip.compress(zeros, 6)
    yield "gzip, gzip", gzip.compress(once)


def test_no_content_coding_grows_beyond_the_largest_payload() -> None:
    for coding, body in codings():
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(CodingError) as error:
            decode_body(Response(200, Headers(f"Content-Encoding: {coding}\r\n".encode()), body), 10_000_000)
        assert error.value.reason is Reason.TOO_LARGE, coding
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 << 10, coding


def test_codings_are_not_piled_up_without_end() -> None:
    body = TEXT
    for _ in range(6):
        body = gzip.compress(body)
    with pytest.raises(CodingError, match="6 content codings"):
        decode_body(Response(200, Headers(b"Content-Encoding: " + b", ".join([b"gzip"] * 6)), body), 10_000_000)


def test_a_repetitive_crawl_is_far_below_the_bound() -> None:
    """Thousands of copies of one page in one member, 80 MB, stay within the bound."""
    page = "".join(
        f"<p>Paragraph {n} of a page that a crawl holds over and over again.</p>" for n in range(250)
    ).encode()
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=6) as out:
        for number in range(4000):
            out.write(response(number, page))
    assert 4000 * len(page) > FREE_BYTES
    assert 4000 * len(page) < bound(len(buffer.getvalue()))


@pytest.mark.parametrize("depth", [*range(880, 1000, 2), 100_000])
@pytest.mark.parametrize("column", ["id", "other"])
def test_nesting_costs_its_own_row_at_any_depth(depth: int, column: str, tmp_path: Path) -> None:
    deep = f'{{"text": "a row", "{column}": {"[" * depth}{"]" * depth}}}\n'.encode()
    found = list(read_items(written(tmp_path, "a.jsonl", deep + b'{"text": "the next"}\n'), "a.jsonl", LIMITS))
    assert len(found) == 2
    assert isinstance(found[1], RawRecord)
    assert isinstance(found[0], RawRecord) or found[0].reason is Reason.ROW_NOT_JSON


@pytest.mark.parametrize("empty", [b"[]", b"{}", b"[[]]"])
def test_a_line_of_empty_lists_does_not_fill_memory(empty: bytes, tmp_path: Path) -> None:
    wide = b'{"text": "a row", "a": [' + b",".join([empty] * 4_000_000) + b"]}\n"
    path = written(tmp_path, "a.jsonl", wide + b'{"text": "the next"}\n')
    growth, lines = peak_of(path, LIMITS)
    assert lines == [f"{Reason.TOO_LARGE} False", "page None"]
    assert growth < 100 << 20


def test_one_long_value_in_every_row_of_a_parquet_file_is_held_once(tmp_path: Path) -> None:
    """A kilobyte of Parquet: the dictionary holds 9 MB once, and 60 rows name it. A batch of them were 540 MB."""
    long = pa.DictionaryArray.from_arrays(pa.array([0] * 60, pa.int32()), pa.array(["grain " * 1_500_000]))
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": long, "id": [f"{n}" for n in range(60)]}), path, compression="zstd")
    assert path.stat().st_size < 10_000
    growth, lines = peak_of(path, LIMITS)
    assert lines == ["page None"] * 60
    assert growth < 150 << 20, growth


def test_a_parquet_page_that_grows_beyond_measure_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = pa.table({"text": ["\x00" * 10_000_000] * 20 + ["sound"], "id": [f"{n}" for n in range(21)]})
    pq.write_table(table, path, compression="zstd", use_dictionary=False, row_group_size=20)
    growth, lines = peak_of(path, LIMITS)
    assert lines == [f"{Reason.EXPANDS} True", "page None"]
    assert growth < 100 << 20


def test_repeated_values_of_a_dictionary_are_the_same_rows(tmp_path: Path) -> None:
    """The two ways of reading give the same rows, nulls and all."""
    texts = [None, "short", "long " * 200_000, "short", None, "long " * 200_000]
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": texts, "id": [f"{n}" for n in range(6)]}), path)
    found = list(read_items(path, "a.parquet", LIMITS))
    assert [item.payload.decode() if isinstance(item, RawRecord) else None for item in found] == texts
