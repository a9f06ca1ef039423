"""Every format on real files: the same records, whatever they are stored in; and CSV in all its bad habits."""

import bz2
import csv
import gzip
import io
import json
import lzma
import re
import zipfile
from collections.abc import Callable
from datetime import time
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from gristmill.core.errors import UsageError
from gristmill.tasks.ingest.ingest import read_items
from gristmill.tasks.ingest.readers.items import RawRecord, ReadOptions
from gristmill.tasks.ingest.readers.rows.columns import ColumnMap, parse_map
from tests.helpers.ingested import ingested

Row = dict[str, Any]


@pytest.fixture(scope="module")
def posts(shared: Path) -> list[Row]:
    """Real rows: texts with commas, quotes and line ends, and their columns."""
    lines = gzip.decompress((shared / "corpora" / "text" / "web_en_18f_blog.jsonl.gz").read_bytes()).splitlines()
    return [
        {"id": row["id"], "text": row["text"], "url": f"http://a.example/{number}", "lang": row["lang"]}
        for number, row in enumerate(map(json.loads, lines[:80]))
    ]


def lz4(data: bytes) -> bytes:
    packed: bytes = pa.compress(data, "lz4", asbytes=True)
    return packed


def jsonl(rows: list[Row]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def separated(rows: list[Row], separator: str = ",", quoting: int = csv.QUOTE_MINIMAL) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, rows[0].keys(), delimiter=separator, quoting=quoting)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def parquet(rows: list[Row]) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), out, row_group_size=40)
    return out.getvalue()


FORMATS: dict[str, Callable[[list[Row]], bytes]] = {
    "a.jsonl": jsonl,
    "a.jsonl.gz": lambda rows: gzip.compress(jsonl(rows[:30])) + gzip.compress(jsonl(rows[30:])),
    "a.jsonl.zst": lambda rows: zstandard.compress(jsonl(rows[:30])) + zstandard.compress(jsonl(rows[30:])),
    "a.jsonl.bz2": lambda rows: bz2.compress(jsonl(rows[:30])) + bz2.compress(jsonl(rows[30:])),
    "a.jsonl.xz": lambda rows: lzma.compress(jsonl(rows[:30])) + bytes(8) + lzma.compress(jsonl(rows[30:])),
    "a.jsonl.lz4": lambda rows: lz4(jsonl(rows)),
    "a.parquet": parquet,
    "a.csv": separated,
    "all-quoted.csv": lambda rows: separated(rows, quoting=csv.QUOTE_ALL),
    "marked.csv": lambda rows: b"\xef\xbb\xbf" + separated(rows),
    "wide.csv": lambda rows: separated(rows).decode().encode("utf-16"),
    "semicolons.csv": lambda rows: separated([row | {"text": row["text"].replace(",", "")} for row in rows], ";"),
    "polars.csv": lambda rows: polars.DataFrame(rows).write_csv().encode(),
    "a.csv.gz": lambda rows: gzip.compress(separated(rows)),
    "a.csv.zst": lambda rows: zstandard.compress(separated(rows)),
    "a.tsv": lambda rows: separated(rows, "\t"),
    "a.tsv.xz": lambda rows: lzma.compress(separated(rows, "\t")),
}


@pytest.mark.parametrize("name", FORMATS)
def test_rows_are_the_same_in_every_format(tmp_path: Path, posts: list[Row], name: str) -> None:
    (tmp_path / name).write_bytes(FORMATS[name](posts))
    records, aside = ingested(tmp_path / name)
    assert aside.to_pylist() == []
    found = {row["url"]: row["payload"].decode() for row in records.to_pylist()}
    without = "," if name == "semicolons.csv" else ""
    assert found == {row["url"]: row["text"].replace(without, "") if without else row["text"] for row in posts}
    (tmp_path / "plain.jsonl").write_bytes(jsonl([row | {"text": found[row["url"]]} for row in posts]))
    plain = ingested(tmp_path / "plain.jsonl")[0]
    assert set(records["doc_id"].to_pylist()) == set(plain["doc_id"].to_pylist()), (
        "identity is the row's, not the format's"
    )


def test_texts_are_the_same_in_every_compression(tmp_path: Path, posts: list[Row]) -> None:
    text = posts[0]["text"].encode()
    packed = {"a.txt": text, "a.txt.gz": gzip.compress(text), "a.md.zst": zstandard.compress(text)}
    packed |= {"a.md.bz2": bz2.compress(text), "a.html.xz": lzma.compress(text), "b.txt.lz4": lz4(text)}
    for name, data in packed.items():
        (tmp_path / name).write_bytes(data)
        (record,) = ingested(tmp_path / name)[0].to_pylist()
        assert record["payload"] == text
        (tmp_path / name).write_bytes(data[: len(data) * 2 // 3])
        records, aside = ingested(tmp_path / name)
        assert (len(records), len(aside)) == ((1, 0) if name == "a.txt" else (0, 1))


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress, zstandard.compress, lz4])
def test_a_broken_stream_costs_what_comes_after_the_break(
    tmp_path: Path, posts: list[Row], compress: Callable[[bytes], bytes]
) -> None:
    data = compress(jsonl(posts) * 2)
    path = tmp_path / "a.jsonl"
    path.write_bytes(data[: len(data) // 2])
    _, aside = ingested(path)
    reasons = set(aside["reason"].to_pylist())
    assert "cut_off" in reasons
    assert len([kind for kind in aside["kind"].to_pylist() if kind in ("damage", "file")]) == 1


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress, zstandard.compress])
def test_what_follows_a_stream_and_is_none_is_damage(
    tmp_path: Path, posts: list[Row], compress: Callable[[bytes], bytes]
) -> None:
    """Another stream whose first bytes are damaged, say. bzip2's own reader takes it for the end of the file."""
    sound, path = compress(jsonl(posts)), tmp_path / "a.jsonl"
    path.write_bytes(sound + b"\x00" * 40)
    assert len(ingested(path)[1]) == 0, "padding is no damage"
    path.write_bytes(sound + b"#" * 4 + sound[4:])
    records, aside = ingested(path)
    assert len(records) == len(posts)
    assert [row["kind"] for row in aside.to_pylist()] == ["damage"]


def test_a_zstd_stream_gives_all_that_stands_before_garbage_and_says_where_it_is_cut(tmp_path: Path) -> None:
    skipped = b"\x50\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"hello"
    rows = [{"id": f"{number}", "text": f"{number} " + "corn and stones " * 900} for number in range(20)]
    frame, path = zstandard.compress(jsonl(rows)), tmp_path / "a.jsonl.zst"
    for name, data, reasons in (
        ("several frames", skipped + frame + skipped + zstandard.compress(b"") + bytes(9000), []),
        ("garbage", frame + b"garbage", ["bad_compression"]),
        ("a frame that is cut off", frame + frame[:-9], ["cut_off"]),
    ):
        path.write_bytes(data)
        records, aside = ingested(path)
        assert {row["id"] for row in rows} == set(records["native_id"].to_pylist()), name
        assert [row["reason"] for row in aside.to_pylist() if row["kind"] == "damage"] == reasons, name


@pytest.mark.parametrize("name", ["a.parquet.gz", "b.parquet.zst", "c.gz"])
def test_a_parquet_file_that_was_compressed_says_what_to_do(tmp_path: Path, posts: list[Row], name: str) -> None:
    compress = zstandard.compress if name.endswith(".zst") else gzip.compress
    (tmp_path / name).write_bytes(compress(parquet(posts)))
    records, aside = ingested(tmp_path / name)
    assert (len(records), aside["reason"].to_pylist()) == (0, ["unknown_kind"])
    assert aside["detail"].to_pylist() == [
        "a Parquet file that is compressed as a whole: decompress it to have it read"
    ]


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a"])
def test_rtf_is_no_text(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(rb"{\rtf1\ansi\deff0 {\fonttbl {\f0 Times New Roman;}} \f0\fs60 Hello, World! }")
    records, aside = ingested(tmp_path / name)
    assert (len(records), aside["reason"].to_pylist()) == (0, ["unknown_kind" if name == "a" else "not_text"])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array([Decimal("12.50"), Decimal("7.25")]), ["12.50", "7.25"]),
        (
            pa.array([1, 2], pa.timestamp("ms")),
            ["1970-01-01 00:00:00.001000+00:00", "1970-01-01 00:00:00.002000+00:00"],
        ),
        (pa.array([time(1, 2), time(3, 4)]), ["01:02:00", "03:04:00"]),
        (pa.array([7, 8]), ["7", "8"]),
        (pa.array([[7], [8]]), ["[7]", "[8]"]),
    ],
)
def test_ids_of_any_type_are_written_without_quotes(tmp_path: Path, values: pa.Array, expected: list[str]) -> None:
    pq.write_table(pa.table({"id": values, "text": ["one", "two"]}), tmp_path / "a.parquet")
    assert sorted(ingested(tmp_path / "a.parquet")[0]["native_id"].to_pylist()) == expected


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.tsv"])
@pytest.mark.parametrize("content", [b"", b"\n", b"\r\n  \r\n", b"\xef\xbb\xbf"])
def test_a_table_without_any_line_is_told_compressed_or_not(tmp_path: Path, name: str, content: bytes) -> None:
    for data in (content, gzip.compress(content), zstandard.compress(content), bz2.compress(content)):
        (tmp_path / name).write_bytes(data)
        records, aside = ingested(tmp_path / name)
        assert (len(records), [(row["kind"], row["reason"]) for row in aside.to_pylist()]) == (
            0,
            [("file", "empty_file")],
        )


# -- archives -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def archive(shared: Path) -> list[bytes]:
    """Records of a real crawl, uncompressed, one by one."""
    path = shared / "corpora" / "warc" / "wget_crawl" / "debian-docs-00001.warc.gz"
    with gzip.open(path) as file:
        data = file.read(1_500_000)
    starts = [0]
    while (start := data.find(b"\r\n\r\nWARC/1.0\r\n", starts[-1])) >= 0:
        starts.append(start + 4)
    return [data[begin:end] for begin, end in pairwise(starts)]


def fates(path: Path) -> list[tuple[str, bytes]]:
    """Digest and reason of every record, in the order of the file, without its place."""
    options = ReadOptions(10_000_000, ColumnMap())
    return [
        (item.url or "", item.payload) if isinstance(item, RawRecord) else (item.url or "", item.reason.value.encode())
        for item in read_items(path, path.name, options)
    ]


def test_a_warc_is_read_the_same_in_every_packing(tmp_path: Path, archive: list[bytes]) -> None:
    """Plain, gzip and zstd a record, zstd with the dictionary in the first frame, one stream, lz4, inside a WACZ."""
    (tmp_path / "a.warc").write_bytes(b"".join(archive))
    expected = fates(tmp_path / "a.warc")
    assert len(expected) > 50
    trained = zstandard.train_dictionary(1 << 14, archive)
    dictionary = trained.as_bytes()
    with_dictionary = zstandard.ZstdCompressor(dict_data=trained)
    frames = b"".join(with_dictionary.compress(record) for record in archive)
    wacz = io.BytesIO()
    with zipfile.ZipFile(wacz, "w") as outer:
        outer.writestr("archive/data.warc.gz", b"".join(map(gzip.compress, archive)))
    packed = {
        "a.warc.gz": b"".join(map(gzip.compress, archive)),
        "a.warc.zst": b"".join(map(zstandard.compress, archive)),
        "one.warc.zst": zstandard.compress(b"".join(archive)),
        "dictionary.warc.zst": skippable(dictionary) + frames,
        "packed-dictionary.warc.zst": skippable(zstandard.compress(dictionary)) + frames,
        "a.warc.lz4": lz4(b"".join(archive)),
        "a.warc.bz2": bz2.compress(b"".join(archive)),
        "a.warc.xz": lzma.compress(b"".join(archive), preset=0),
        "a.wacz": wacz.getvalue(),
    }
    for name, data in packed.items():
        (tmp_path / name).write_bytes(data)
        assert fates(tmp_path / name) == expected, name


@pytest.mark.parametrize("compress", [lambda data: bz2.compress(data, 1), lzma.compress, lz4])
def test_a_warc_in_one_stream_that_is_cut_off_gives_what_came_before(
    tmp_path: Path, archive: list[bytes], compress: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "a.warc"
    path.write_bytes(b"".join(archive[:150]))
    whole = fates(path)
    data = compress(b"".join(archive[:150]))
    path.write_bytes(data[: len(data) * 2 // 3])
    found = fates(path)
    assert len(found) > 10
    assert found[:-2] == whole[: len(found) - 2]
    assert found[-1] == ("", b"cut_off")


def skippable(content: bytes) -> bytes:
    """A zstd frame that decoders pass over."""
    return b"\x5d\x2a\x4d\x18" + len(content).to_bytes(4, "little") + content


def test_a_zstd_record_can_be_read_again_at_its_uri(tmp_path: Path, archive: list[bytes]) -> None:
    path = tmp_path / "a.warc.zst"
    path.write_bytes(b"".join(map(zstandard.compress, archive)))
    records, _ = ingested(path)
    assert len(records) > 10
    for row in records.to_pylist():
        offset, length = map(int, row["record_uri"].rpartition("@")[2].split("+"))
        assert row["url"].encode() in zstandard.decompress(path.read_bytes()[offset : offset + length])


def test_a_broken_zstd_frame_costs_its_own_record(tmp_path: Path, archive: list[bytes]) -> None:
    frames = [zstandard.ZstdCompressor(write_checksum=True).compress(record) for record in archive[:12]]
    (tmp_path / "sound.warc.zst").write_bytes(b"".join(frames))
    sound = fates(tmp_path / "sound.warc.zst")
    spoiled = bytearray(frames[6])
    spoiled[-2] ^= 0xFF  # in the checksum
    (tmp_path / "checksum.warc.zst").write_bytes(b"".join([*frames[:6], bytes(spoiled), *frames[7:]]))
    spoiled = bytearray(frames[6])
    spoiled[len(spoiled) // 2 :] = bytes(len(spoiled) - len(spoiled) // 2)
    (tmp_path / "torn.warc.zst").write_bytes(b"".join([*frames[:6], bytes(spoiled), *frames[7:]]))
    (tmp_path / "cut.warc.zst").write_bytes(b"".join(frames)[:-9])
    for name, lost in (("checksum", 6), ("torn", 6), ("cut", 11)):
        found = fates(tmp_path / f"{name}.warc.zst")
        url = archive[lost].partition(b"WARC-Target-URI: ")[2].partition(b"\r\n")[0].strip(b"<>").decode()
        assert {fate for fate in sound if fate[0] != url} <= set(found), name
        assert ingested(tmp_path / f"{name}.warc.zst")[1]["kind"].to_pylist().count("damage") == 1, name


# -- columns --------------------------------------------------------------------------------------------------------


def test_columns_are_mapped_and_found_inside_objects(tmp_path: Path, posts: list[Row]) -> None:
    nested = [
        {"data": {"body": row["text"], "key": row["id"]}, "meta.link": row["url"], "when": {"day": "2024-05-06"}}
        for row in posts[:30]
    ]
    columns = parse_map("text=data.body, id=data.key, url=meta.link, date=when.day")
    (tmp_path / "a.jsonl").write_bytes(jsonl(nested))
    (tmp_path / "a.parquet").write_bytes(parquet(nested))
    (tmp_path / "plain.jsonl").write_bytes(jsonl(posts[:30]))
    plain = ingested(tmp_path / "plain.jsonl")[0]
    for name in ("a.jsonl", "a.parquet"):
        records, aside = ingested(tmp_path / name, map=columns)
        assert len(aside) == 0
        assert set(records["doc_id"].to_pylist()) == set(plain["doc_id"].to_pylist())
        assert set(records["url"].to_pylist()) == {row["url"] for row in posts[:30]}
        assert {moment.isoformat() for moment in records["fetched_at"].to_pylist()} == {"2024-05-06T00:00:00+00:00"}


def test_text_in_a_struct_that_is_not_utf8_is_read_with_replacements(tmp_path: Path) -> None:
    binary = pa.array([b"caf\xe9", None], pa.binary())
    text = pa.Array.from_buffers(pa.string(), 2, binary.buffers())
    column = pa.StructArray.from_arrays([text], ["body"], mask=pa.array([False, True]))
    pq.write_table(pa.table({"data": column}), tmp_path / "rows.parquet")
    records, aside = ingested(tmp_path / "rows.parquet", map={"text": "data.body"})
    assert records["payload"].to_pylist() == ["caf�".encode()]
    assert aside["reason"].to_pylist() == ["missing_text"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("txt=content", r'unknown key \'txt\' \(did you mean "text"\?\)'),
        ("content", "'content' is not a pair"),
        ("text=", "is not a pair"),
        ("text=a,text=b", "text is named twice"),
    ],
)
def test_a_wrong_map_is_an_error_with_the_hint(words: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_map(words)


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.tsv", "a.parquet"])
def test_a_file_of_which_no_row_has_a_column_is_set_aside_with_the_near_name(
    tmp_path: Path, posts: list[Row], name: str
) -> None:
    (tmp_path / name).write_bytes(
        FORMATS[name]([{"content" if key == "text" else key: row[key] for key in row} for row in posts])
    )
    assert len(ingested(tmp_path / name, map={"text": "content"})[0]) == len(posts)
    for columns, said in (
        ({"text": "contents"}, r"column 'contents' \(did you mean \"content\"\?\).*--map"),
        ({}, r"column 'text'"),
        ({"text": "content", "id": "idd"}, r"column 'idd' \(did you mean \"id\"\?\)"),
        ({"text": "content", "date": "day"}, r"column 'day'"),
    ):
        set_aside_whole(tmp_path / name, said, map=columns)


def set_aside_whole(path: Path, said: str, **settings: Any) -> None:
    """Not one record, and one row of the kind ``file`` whose detail says this."""
    records, aside = ingested(path, **settings)
    assert len(records) == 0
    (row,) = aside.to_pylist()
    assert (row["kind"], row["reason"], row["record_uri"]) == ("file", "wrong_columns", path.name)
    assert re.search(said, row["detail"])


def test_a_row_far_down_that_has_the_column_has_the_file_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(jsonl([{"text": f"page {number}"} for number in range(50)] + [{"text": "x", "day": "2024-01-02"}]))
    records, aside = ingested(path, map={"date": "day"})
    assert (len(records), len(aside)) == (51, 0)
    assert records.column("fetched_at").null_count == 50


def test_a_few_odd_rows_without_the_default_column_are_counted_and_stop_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(jsonl([{"words": "x"}] * 9))
    assert ingested(tmp_path / "a.jsonl")[1]["reason"].to_pylist() == ["missing_text"] * 9


# -- CSV ------------------------------------------------------------------------------------------------------------


def test_every_row_of_a_csv_has_one_fate(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(
        b"id,text,url\r\n"
        b'1,"two\r\nlines, and a ""quote""",http://a.example/\r\n'
        b"\r\n"
        b"2,too few\r\n"
        b"3,a,b,too many\r\n"
        b'4,a quote " inside,\r\n'
        b"5,caf\xe9,\r\n"
        b"6,,\r\n"
        b'7,"tail"ing,\r\n'
        b'8,"never closed,\r\n'
        b"9,sound,\r\n"
        b"9,sound,\r\n"
        b"10," + b"x" * 2000 + b",\r\n"
        b"11,last,"
    )
    records, aside = ingested(path, max_payload_bytes=1000)
    texts = {row["record_uri"].partition("@")[2]: row["payload"].decode() for row in records.to_pylist()}
    assert texts == {
        "line:2": 'two\r\nlines, and a "quote"',
        "line:7": 'a quote " inside',
        "line:10": "tailing",
        "line:12": "sound",
        "line:15": "last",
    }
    found = {row["record_uri"].partition("@")[2]: (row["reason"], row["detail"]) for row in aside.to_pylist()}
    assert found == {
        "line:5": ("row_not_csv", "2 fields where the header has 3"),
        "line:6": ("row_not_csv", "4 fields where the header has 3"),
        "line:8": ("row_not_csv", found["line:8"][1]),
        "line:9": ("empty_body", "0 bytes"),
        "line:11": ("row_not_csv", "a quote that is never closed"),
        "line:13": ("repeated_record_id", "an earlier record of this input is called 9 and has the same content"),
        "line:14": ("too_large", "2000 bytes"),
    }
    assert found["line:8"][1].startswith("not UTF-8")


def test_fields_are_those_of_pythons_csv_module(tmp_path: Path, posts: list[Row]) -> None:
    """On odd but complete quoting both readers give the same."""
    odd = ['""', 'a""b', '"a""b"', '"a"b', '"a\nb""c"', "", '" "', '""""', '"a,b"c"d"', 'x"y"', '"\r\n"']
    data = "text,n\n" + "".join(f"{field},{number}\n" for number, field in enumerate(odd))
    path = tmp_path / "odd.csv"
    path.write_bytes(data.encode())
    expected = {row["n"]: row["text"] for row in csv.DictReader(io.StringIO(data, newline=""))}
    records, aside = ingested(path, map={"id": "n"})
    found = {row["record_uri"]: row["payload"].decode() for row in records.to_pylist()}
    assert sorted(found.values()) == sorted(text for text in expected.values() if text.strip())
    assert set(aside["reason"].to_pylist()) == {"empty_body"}
    assert len(records) + len(aside) == len(odd)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("text,text\n", "two columns are called 'text'"),
        ('"text\n', "the first line should name the columns, and has a quote that is never closed"),
        ("1,2,3\n", r"there is no column 'text'"),
    ],
)
def test_a_file_whose_header_names_nothing_is_set_aside(tmp_path: Path, header: str, message: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(f"{header}a,b\n")
    set_aside_whole(path, message)


def test_a_csv_that_is_cut_off_or_empty_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv.gz"
    whole = gzip.compress(b"text\n" + b"".join(b"row %d of the file\n" % number for number in range(50_000)))
    path.write_bytes(whole[: len(whole) // 2])
    records, aside = ingested(path)
    assert len(records) > 10_000
    assert [(row["kind"], row["reason"]) for row in aside.to_pylist()] == [("damage", "cut_off")]
    path.write_bytes(b"")
    assert ingested(path)[1]["reason"].to_pylist() == ["empty_file"]
