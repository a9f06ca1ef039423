"""WARC ingest: every record has one fate, and damage costs only what it touches."""

import gzip
import io
import random
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from gristmill.core.digests import digest_bytes
from gristmill.tasks.ingest.readers import spool
from gristmill.tasks.ingest.readers.reasons import Reason
from gristmill.tasks.ingest.readers.spool import Window
from tests.helpers.ingested import ingested, parts

PAGE = b"<!doctype html><html><body><p>Grain is milled between two stones.</p></body></html>"
HTML = (("Content-Type", "text/html; charset=UTF-8"),)


def fates(tables: tuple[pa.Table, pa.Table]) -> list[tuple[str, str]]:
    """(record or damage or kept, reason or url) of everything, by place in the file."""
    records, aside = tables
    kept = [(place(row["record_uri"]), "kept", row["url"]) for row in records.to_pylist()]
    other = [(place(row["record_uri"]), row["kind"], row["reason"]) for row in aside.to_pylist()]
    return [(kind, what) for _, kind, what in sorted(kept + other)]


def place(uri: str) -> tuple[int, int]:
    if "@" not in uri:  # the file itself
        return -1, 0
    offset, _, rest = uri.rpartition("@")[2].partition("+")
    return int(offset), int(rest.partition("#")[2] or 0)


def record(url: str, body: bytes = PAGE, headers: tuple[tuple[str, str], ...] = HTML, status: str = "200 OK") -> bytes:
    """One uncompressed response record, as warcio writes it."""
    return written([(url, body, headers, status)], compress=False)


def written(responses: Sequence[tuple[str, bytes, tuple[tuple[str, str], ...], str]], *, compress: bool) -> bytes:
    out = io.BytesIO()
    writer = WARCWriter(out, gzip=compress)
    for url, body, headers, status in responses:
        http = StatusAndHeaders(status, list(headers), protocol="HTTP/1.1")
        dated = {"WARC-Date": "2026-01-02T03:04:05Z"}
        writer.write_record(
            writer.create_warc_record(
                url, "response", payload=io.BytesIO(body), http_headers=http, warc_headers_dict=dated
            )
        )
    return out.getvalue()


def crawl(folder: Path, *parts: bytes, name: str = "crawl.warc") -> Path:
    path = folder / name
    path.write_bytes(b"".join(parts))
    return path


def test_a_page_keeps_everything_the_record_says(tmp_path: Path) -> None:
    path = crawl(tmp_path, record("http://Example.com/a?b=1"), name="a.warc")
    records, aside = ingested(path)
    (row,) = records.to_pylist()
    assert len(aside) == 0
    assert row["url"] == "http://Example.com/a?b=1"
    assert row["host"] == "example.com"
    assert row["fetched_at"].isoformat() == "2026-01-02T03:04:05+00:00"
    assert (row["status"], row["content_type"], row["charset"]) == (200, "text/html", "utf-8")
    assert row["payload"] == PAGE
    assert row["record_digest"] == digest_bytes(PAGE)
    offset, length = row["record_uri"].removeprefix("a.warc@").split("+")
    assert path.read_bytes()[int(offset) : int(offset) + int(length)].startswith(b"WARC/1.")


def test_a_compressed_record_can_be_read_again_at_its_uri(tmp_path: Path) -> None:
    pages = [(f"http://a.example/{n}", PAGE + bytes([65 + n]), HTML, "200 OK") for n in range(3)]
    path = crawl(tmp_path, written(pages, compress=True), name="a.warc.gz")
    records, _ = ingested(path)
    assert len(records) == 3
    for row in records.to_pylist():
        offset, length = map(int, row["record_uri"].removeprefix("a.warc.gz@").split("+"))
        member = gzip.decompress(path.read_bytes()[offset : offset + length])
        assert row["url"].encode() in member
        assert row["payload"] in member


def test_the_identity_does_not_depend_on_the_file(tmp_path: Path) -> None:
    data = record("http://a.example/")
    first, _ = ingested(crawl(tmp_path, data, name="one.warc"))
    second, _ = ingested(crawl(tmp_path, record("http://b.example/"), data, name="two.warc"))
    assert first.column("doc_id")[0].as_py() in second.column("doc_id").to_pylist()


@pytest.mark.parametrize(
    ("body", "headers", "status", "reason"),
    [
        (b"", HTML, "200 OK", "empty_body"),
        (b" \r\n\t ", HTML, "200 OK", "empty_body"),
        (PAGE, HTML, "404 Not Found", "http_error"),
        (PAGE, HTML, "500", "http_error"),
        (PAGE, HTML, "301 Moved", "redirect"),
        (PAGE, (("Content-Type", "application/json"),), "200 OK", "not_text"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", HTML, "200 OK", "not_text"),
        (bytes(range(256)) * 3, (), "200 OK", "not_text"),
        (bytes(range(256)) * 3, (("Content-Type", "text/plain"),), "200 OK", "not_text"),
        (PAGE * 20, HTML, "200 OK", "too_large"),
        (b"zz\r\n\x00\x01\x02", (*HTML, ("Transfer-Encoding", "chunked")), "200 OK", "bad_chunked"),
        (b"5\r\nhello\r\n9\r\nwor", (*HTML, ("Transfer-Encoding", "chunked")), "200 OK", "bad_chunked"),
        (gzip.compress(PAGE, mtime=0)[:-20], (*HTML, ("Content-Encoding", "gzip")), "200 OK", "bad_content_encoding"),
        (b"\x00\x01\x02\x03", (*HTML, ("Content-Encoding", "wat")), "200 OK", "bad_content_encoding"),
        (gzip.compress(b"a" * 5000, mtime=0), (*HTML, ("Content-Encoding", "gzip")), "200 OK", "too_large"),
    ],
)
def test_a_record_without_a_page_is_set_aside_with_its_reason(
    tmp_path: Path, body: bytes, headers: tuple[tuple[str, str], ...], status: str, reason: str
) -> None:
    path = crawl(tmp_path, record("http://a.example/", body, headers, status), record("http://b.example/"))
    tables = ingested(path, max_payload_bytes=1000)
    assert fates(tables) == [("record", reason), ("kept", "http://b.example/")]
    (row,) = tables[1].to_pylist()
    assert (row["stage"], row["url"]) == ("ingest", "http://a.example/")
    assert row["detail"]
    assert len(row["doc_id"]) == 32


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (
            b"4\r\n" + PAGE[:4] + b"\r\n" + b"%x;x=y\r\n" % len(PAGE[4:]) + PAGE[4:] + b"\r\n0\r\n\r\n",
            ("Transfer-Encoding", "chunked"),
        ),
        (b"%x\r\n" % len(PAGE) + PAGE, ("Transfer-Encoding", "chunked")),
        (PAGE, ("Transfer-Encoding", "chunked")),  # the crawler has undone it and kept the header
        (gzip.compress(PAGE, mtime=0), ("Content-Encoding", "gzip")),
        (gzip.compress(PAGE[:9], mtime=0) + gzip.compress(PAGE[9:], mtime=0), ("Content-Encoding", "x-gzip")),
        (zlib.compress(PAGE), ("Content-Encoding", "deflate")),
        (zlib.compress(PAGE)[2:-4], ("Content-Encoding", "deflate")),
        (zlib.compress(gzip.compress(PAGE, mtime=0)), ("Content-Encoding", "gzip, deflate")),
        (PAGE, ("Content-Encoding", "gzip")),
        (PAGE, ("Content-Encoding", "identity")),
    ],
)
def test_transfer_and_content_codings_are_undone(tmp_path: Path, body: bytes, headers: tuple[str, str]) -> None:
    records, aside = ingested(crawl(tmp_path, record("http://a.example/", body, (*HTML, headers))))
    assert aside.to_pylist() == []
    assert records.column("payload").to_pylist() == [PAGE]


def test_a_truncated_gzip_member_costs_its_own_record(tmp_path: Path) -> None:
    data = written([(f"http://a.example/{n}", PAGE * 50, HTML, "200 OK") for n in range(3)], compress=True)
    tables = ingested(crawl(tmp_path, data[:-30], name="crawl.warc.gz"))
    assert fates(tables) == [
        ("kept", "http://a.example/0"),
        ("kept", "http://a.example/1"),
        ("damage", "cut_off"),
        ("record", "truncated"),
    ]
    assert tables[1].column("url").to_pylist().count("http://a.example/2") == 1


def test_a_corrupt_gzip_member_costs_its_own_record(tmp_path: Path) -> None:
    members = [written([(f"http://a.example/{n}", PAGE, HTML, "200 OK")], compress=True) for n in range(3)]
    middle = bytearray(members[1])
    middle[-6] ^= 0xFF  # in the checksum
    tables = ingested(crawl(tmp_path, members[0], bytes(middle), members[2], name="crawl.warc.gz"))
    assert fates(tables) == [
        ("kept", "http://a.example/0"),
        ("damage", "bad_compression"),
        ("record", "bad_checksum"),
        ("kept", "http://a.example/2"),
    ]
    middle = bytearray(members[1])
    middle[len(middle) // 2 :] = bytes(len(middle) - len(middle) // 2)
    kinds = [
        kind for kind, _ in fates(ingested(crawl(tmp_path, members[0], bytes(middle), members[2], name="b.warc.gz")))
    ]
    assert kinds[0] == kinds[-1] == "kept"
    assert "damage" in kinds


def test_garbage_between_gzip_members_is_one_damage_row(tmp_path: Path) -> None:
    members = [written([(f"http://a.example/{n}", PAGE, HTML, "200 OK")], compress=True) for n in range(2)]
    tables = ingested(crawl(tmp_path, members[0], b"\x01" * 700, members[1], name="crawl.warc.gz"))
    assert fates(tables) == [
        ("kept", "http://a.example/0"),
        ("damage", "bad_compression"),
        ("kept", "http://a.example/1"),
    ]
    (row,) = tables[1].to_pylist()
    assert row["record_uri"] == f"crawl.warc.gz@{len(members[0])}+700"


def test_records_share_a_member_or_spread_over_members(tmp_path: Path) -> None:
    """A plain gzip of a whole WARC, and one compressed in blocks that know nothing of records."""
    data = b"".join(record(f"http://a.example/{n}") for n in range(20))
    blocks = b"".join(gzip.compress(data[begin : begin + 777], mtime=0) for begin in range(0, len(data), 777))
    for name, stored in (("whole.warc.gz", gzip.compress(data, mtime=0)), ("blocks.warc.gz", blocks)):
        records, aside = ingested(crawl(tmp_path, stored, name=name))
        assert (len(records), len(aside)) == (20, 0)
        assert len(set(records.column("record_uri").to_pylist())) == 20


def test_a_large_member_is_read_from_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = gzip.compress(b"".join(record(f"http://a.example/{n}") for n in range(20)))
    expected = ingested(crawl(tmp_path, data, name="a.warc.gz"))
    monkeypatch.setattr(spool, "SPOOL_BYTES", 1000)
    assert ingested(crawl(tmp_path, data, name="a.warc.gz")) == expected


@pytest.mark.parametrize("name", ["a.warc", "a.warc.gz", "one.warc.gz"])
def test_memory_of_a_file_is_given_back_while_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Also what was given back can be read again: a record whose length is wrong sends the reader back."""
    pages = [record(f"http://a.example/{n}", PAGE + random.Random(n).randbytes(3000).hex().encode()) for n in range(60)]
    pages[20] = declared(pages[20], -500)
    packed = {
        "a.warc": b"".join(pages),
        "a.warc.gz": b"".join(map(gzip.compress, pages)),
        "one.warc.gz": gzip.compress(b"".join(pages)),
    }
    path = crawl(tmp_path, packed[name], name=name)
    expected = ingested(path)
    given_back: list[int] = []
    passed = Window.passed

    def watch(window: Window, position: int) -> None:
        passed(window, position)
        given_back.append(window.released)

    monkeypatch.setattr(spool, "SPOOL_BYTES", 1000)
    monkeypatch.setattr(spool, "WINDOW_BYTES", 8192)
    monkeypatch.setattr(Window, "passed", watch)
    assert ingested(path) == expected
    assert max(given_back) > 100_000


def declared(data: bytes, change: int) -> bytes:
    """The record with another Content-Length in its own header (the last length of that header)."""
    head, separator, rest = data.partition(b"\r\n\r\n")
    before, name, length = head.rpartition(b"Content-Length: ")
    return before + name + str(int(length) + change).encode() + separator + rest


@pytest.mark.parametrize("change", [5, 60, 400, 100_000, 10**12])
def test_a_length_that_is_too_long_costs_only_its_own_record(tmp_path: Path, change: int) -> None:
    bad = declared(record("http://a.example/bad"), change)
    tables = ingested(
        crawl(tmp_path, record("http://a.example/0"), bad, *(record(f"http://a.example/{n}") for n in (1, 2)))
    )
    assert fates(tables) == [
        ("kept", "http://a.example/0"),
        ("record", "truncated"),
        ("kept", "http://a.example/1"),
        ("kept", "http://a.example/2"),
    ]


@pytest.mark.parametrize("change", [-3, -40])
def test_a_length_that_is_too_short_leaves_one_damage_row(tmp_path: Path, change: int) -> None:
    bad = declared(record("http://a.example/bad"), change)
    tables = ingested(crawl(tmp_path, bad, record("http://a.example/1")))
    assert fates(tables) == [("kept", "http://a.example/bad"), ("damage", "no_record"), ("kept", "http://a.example/1")]


def test_a_page_that_is_known_to_be_cut_is_set_aside(tmp_path: Path) -> None:
    """The record's length is too short, and the HTTP header confirms it."""
    bad = declared(record("http://a.example/bad", PAGE, (*HTML, ("Content-Length", str(len(PAGE))))), -20)
    tables = ingested(crawl(tmp_path, bad, record("http://a.example/1")))
    assert fates(tables) == [("record", "truncated"), ("damage", "no_record"), ("kept", "http://a.example/1")]


@pytest.mark.parametrize(
    ("header", "fate"),
    [
        (b"WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:x>\r\n\r\n", ("record", "broken_header")),
        (b"WARC/1.0\r\nWARC-Type: response\r\nContent-Length: many\r\n\r\nbody\r\n", ("record", "broken_header")),
        (b"WARC/1.0\r\nWARC-Type: response\r\nContent-Length: -7\r\n\r\nbody\r\n", ("record", "broken_header")),
        (b"WARC/1.0\r\nWARC-Type: response\r\nContent-Le", ("record", "broken_header")),
        (b"WARC/1.0\r\nno colon here\r\n\r\n", ("damage", "broken_header")),
        (b"WARC/1.0\r\nContent-Length: 4\r\n\r\nbody\r\n\r\n", ("damage", "broken_header")),
        (b"WARC/x.y\r\nWARC-Type: response\r\nContent-Length: 4\r\n\r\nbody\r\n\r\n", ("damage", "no_record")),
        (b"\x00" * 500, ("damage", "no_record")),
        (b"<html>no record</html>\r\n", ("damage", "no_record")),
        (b"WARC/1.0\r\nWARC-Type: response\r\nContent-Length: 9\r\n\r\nno status\r\n\r\n", ("damage", "skip")),
    ],
)
def test_broken_headers_are_counted_and_the_next_record_is_found(
    tmp_path: Path, header: bytes, fate: tuple[str, str]
) -> None:
    tables = ingested(crawl(tmp_path, record("http://a.example/0"), header + b"\n", record("http://a.example/1")))
    expected = [fate] if fate[1] != "skip" else [("kept", None)]
    assert fates(tables) == [("kept", "http://a.example/0"), *expected, ("kept", "http://a.example/1")]


def test_a_body_that_quotes_a_warc_is_no_boundary(tmp_path: Path) -> None:
    quoting = b"A WARC begins:\r\n\r\n" + record("http://inner.example/")
    plain = (("Content-Type", "text/plain"),)
    tables = ingested(crawl(tmp_path, record("http://a.example/", quoting, plain), record("http://b.example/")))
    assert fates(tables) == [("kept", "http://a.example/"), ("kept", "http://b.example/")]


def test_only_responses_resources_and_conversions_are_records(tmp_path: Path) -> None:
    head = (
        "WARC/1.1\r\nWARC-Type: {}\r\nWARC-Record-ID: <urn:{}>\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\n"
    )
    kinds = (
        "metadata",
        "conversion",
        "revisit",
        "resource",
        "warcinfo",
        "request",
        "continuation",
        "custom",
        "response",
    )
    parts = [head.format(kind, kind).encode() + b"text\r\n\r\n" for kind in kinds]
    records, aside = ingested(crawl(tmp_path, *parts))
    assert sorted(records.column("record_type").to_pylist()) == ["conversion", "resource", "response"]
    assert len(aside) == 0


def test_line_feeds_alone_end_header_lines_too(tmp_path: Path) -> None:
    """Some writers end lines with LF; a reader that waits for CRLF CRLF swallows every record but the first."""
    lines = b"WARC/1.0\nWARC-Type: response\nWARC-Target-URI: <http://a.example/%d>\nContent-Length: %d\n\n%s\n\n\n\n"
    block = b"HTTP/1.1 200 OK\nContent-Type: text/html\n\n" + PAGE
    tables = ingested(crawl(tmp_path, *(lines % (n, len(block), block) for n in range(3))))
    assert fates(tables) == [("kept", f"http://a.example/{n}") for n in range(3)]


def test_a_repeated_record_id_is_set_aside_and_equal_pages_without_ids_are_kept(tmp_path: Path) -> None:
    twice = record("http://a.example/")
    tables = ingested(crawl(tmp_path, twice, twice))
    assert fates(tables) == [("kept", "http://a.example/"), ("record", "repeated_record_id")]
    anonymous = b"\r\n".join(line for line in twice.split(b"\r\n") if not line.startswith(b"WARC-Record-ID"))
    records, aside = ingested(crawl(tmp_path, anonymous, anonymous))
    assert (len(set(records.column("doc_id").to_pylist())), len(aside)) == (2, 0)


@pytest.mark.parametrize(
    "content",
    [b"", b"\r\n\r\n", gzip.compress(b"", mtime=0), gzip.compress(b"\r\n", mtime=0)],
    ids=["empty", "blank", "empty gzip", "blank gzip"],
)
def test_an_archive_without_anything_was_not_read(tmp_path: Path, content: bytes) -> None:
    assert fates(ingested(crawl(tmp_path, content))) == [("file", "empty_file")]
    information = b"WARC/1.0\r\nWARC-Type: warcinfo\r\nContent-Length: 0\r\n\r\n\r\n\r\n"
    assert fates(ingested(crawl(tmp_path, information))) == [], "an archive without pages is sound"


def test_a_file_of_damage_alone_is_told_once_and_damage_before_a_record_by_itself(tmp_path: Path) -> None:
    broken = b"WARC/1.0\r\nContent-Length: 4\r\n\r\nbody\r\n\r\n"
    nothing = ingested(crawl(tmp_path, broken, broken, broken))
    assert fates(nothing) == [("file", "broken_header")]
    assert "(and 2 more damaged stretches)" in nothing[1].column("detail")[0].as_py()
    some = ingested(crawl(tmp_path, broken, broken, record("http://a.example/1")))
    assert fates(some) == [("damage", "broken_header")] * 2 + [("kept", "http://a.example/1")]


def test_damage_beyond_measure_is_written_and_the_file_was_still_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gristmill.tasks.ingest.parts.MOST_HELD", 3)
    broken = b"WARC/1.0\r\nContent-Length: 4\r\n\r\nbody\r\n\r\n"
    assert sorted(fates(ingested(crawl(tmp_path, *[broken] * 5)))) == [("damage", "broken_header")] * 3 + [
        ("file", "broken_header")
    ]


def test_arc_records_are_read_and_resynchronised(tmp_path: Path) -> None:
    block = b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n" + PAGE
    head = b"filedesc://x.arc 0.0.0.0 20080430204825 text/plain 75\n1 1 InternetArchive\n"
    head += b"URL IP-address Archive-date Content-type Archive-length\n\n"
    line = b"http://a.example/%d x 192.0.2.1 20080430204825 text/html %d\n"
    good = [line % (n, len(block)) + block + b"\n" for n in range(3)]
    bad = line.replace(b"/%d", b"/bad") % (len(block) + 30) + block + b"\n"
    tables = ingested(crawl(tmp_path, head, good[0], b"garbage\n", good[1], bad, good[2], name="x.arc"))
    assert fates(tables) == [
        ("kept", "http://a.example/0 x"),
        ("damage", "no_record"),
        ("kept", "http://a.example/1 x"),
        ("record", "truncated"),
        ("kept", "http://a.example/2 x"),
    ]
    assert tables[0].column("fetched_at")[0].as_py().isoformat() == "2008-04-30T20:48:25+00:00"


def test_a_wacz_gives_the_records_of_its_warcs(tmp_path: Path) -> None:
    path = tmp_path / "a.wacz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/one.warc", record("http://a.example/"))
        archive.writestr("archive/two.warc.gz", written([("http://b.example/", PAGE, HTML, "200 OK")], compress=True))
        archive.writestr("pages/pages.jsonl", "{}")
    records, aside = ingested(path)
    assert [uri.partition("@")[0] for uri in records.column("record_uri").to_pylist()] == [
        "a.wacz!archive/one.warc",
        "a.wacz!archive/two.warc.gz",
    ]
    assert len(aside) == 0
    path.write_bytes(path.read_bytes()[:-100])
    assert fates(ingested(path)) == [("file", "unreadable")]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("pages/pages.jsonl", "{}")
    assert fates(ingested(path)) == [("file", "unreadable")], "a zip without a WARC"


def test_a_shard_is_closed_before_it_grows_too_large(tmp_path: Path) -> None:
    """Whatever the size of the parts, they hold the same rows together, and a repeated id is found across them."""
    pages = [record(f"http://a.example/{n}", PAGE + b"x" * (n % 7) * 100) for n in range(40)]
    path = crawl(tmp_path, *pages[:20], b"garbage\r\n", *pages[20:], pages[3])
    whole = ingested(path)
    assert fates(whole).count(("record", "repeated_record_id")) == 1
    for size in (1, 3_000, 20_000):
        made = parts(path, shard_bytes=size)
        assert ingested(path, shard_bytes=size) == whole
        assert len(made) > 1
        for records, aside in made:
            payloads = sum(map(len, records.column("payload").to_pylist()))
            assert payloads <= size or len(records) + len(aside) == 1
    assert len(parts(path)) == 1


def test_ingest_is_deterministic(tmp_path: Path) -> None:
    data = record("http://a.example/") + b"noise\r\n" + record("http://b.example/")
    assert ingested(crawl(tmp_path, data)) == ingested(crawl(tmp_path, data))


def test_every_reason_has_a_description_and_a_plain_code() -> None:
    for reason in Reason:
        assert reason.about
        assert reason.value.replace("_", "").isalpha()
        assert reason.value.islower()
