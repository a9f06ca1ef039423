"""HTTP as crawls store it: interim responses, bodies that the crawler cut short, and padding behind the last record."""

import gzip
import random
import zlib
from pathlib import Path

import brotli
import pyarrow.parquet as pq
import pytest
import zstandard

from gristmill.tasks.ingest.readers.archives.http import CodingError, decode_body, parse_response
from gristmill.tasks.ledger.record_notes import record_notes
from tests.helpers.ingested import ingested

WORDS = ["water", "doctor", "window", "school", "harvest", "council", "market", "river", "paper", "engine"]
PAGE = (
    b"<!doctype html><html><body><p>"
    + " ".join(random.Random(3).choices(WORDS, k=9000)).encode()
    + b"</p></body></html>"
)
LONG_PAGE = b"<p>" + " ".join(random.Random(5).choices(WORDS, k=99_000)).encode()  # zstd gives whole blocks
LIMIT = 1 << 20
PLACES = (0.3, 0.6, 0.999)


def warc(http: bytes, *headers: str, url: str = "http://a.example/") -> bytes:
    lines = [
        "WARC/1.0",
        "WARC-Type: response",
        f"WARC-Record-ID: <urn:uuid:{zlib.crc32(http + url.encode()):032x}>",
        "WARC-Date: 2026-01-02T03:04:05Z",
        f"WARC-Target-URI: {url}",
        "Content-Type: application/http; msgtype=response",
        f"Content-Length: {len(http)}",
        *headers,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + http + b"\r\n\r\n"


def chunked(body: bytes, size: int = 700) -> bytes:
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def bare_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


def flushed(body: bytes) -> bytes:
    """gzip in members, as a server may send it."""
    return b"".join(gzip.compress(body[start : start + 9000]) for start in range(0, len(body), 9000))


CODED = {
    "chunked": (b"Transfer-Encoding: chunked", chunked(PAGE)),
    "gzip": (b"Content-Encoding: gzip", gzip.compress(PAGE)),
    "gzip in members": (b"Content-Encoding: gzip", flushed(PAGE)),
    "deflate": (b"Content-Encoding: deflate", zlib.compress(PAGE)),
    "bare deflate": (b"Content-Encoding: deflate", bare_deflate(PAGE)),
    "br": (b"Content-Encoding: br", brotli.compress(PAGE)),
    "zstd": (b"Content-Encoding: zstd", zstandard.ZstdCompressor().compress(LONG_PAGE)),
    "gzip chunked": (
        b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked",
        chunked(gzip.compress(PAGE)),
    ),
}


def response(coding: str, place: float) -> bytes:
    header, body = CODED[coding]
    return b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n" + header + b"\r\n\r\n" + body[: int(len(body) * place)]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("coding", CODED)
def test_a_cut_body_gives_what_decodes(coding: str, place: float) -> None:
    parsed = parse_response(response(coding, place))
    assert parsed is not None
    if place < 0.999 or coding not in (
        "chunked",
        "gzip chunked",
    ):  # these end with an empty chunk, which may be missing
        with pytest.raises(CodingError):
            decode_body(parsed, LIMIT)
    found = decode_body(parsed, LIMIT, cut=True)
    page = LONG_PAGE if coding == "zstd" else PAGE
    assert page.startswith(found)
    assert len(found) > (0.5 if coding == "zstd" else 0.8) * place * len(page)


@pytest.mark.parametrize("size", range(1, 12))
def test_a_chunked_body_may_be_cut_anywhere(size: int) -> None:
    """Also within the line that says how long a chunk is."""
    body = chunked(PAGE[:2000], 700)
    for end in range(len(body) // 3, len(body), size):
        parsed = parse_response(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body[:end])
        assert parsed is not None
        assert PAGE.startswith(decode_body(parsed, LIMIT, cut=True))


def test_garbage_stays_garbage_when_the_crawler_cut_it() -> None:
    for header, body in (
        (b"Content-Encoding: gzip", b"\x01\x02" * 50),
        (b"Content-Encoding: br", b"\x01\xff" * 50),
        (b"Transfer-Encoding: chunked", b"\x00zz" * 50),
    ):
        parsed = parse_response(b"HTTP/1.1 200 OK\r\n" + header + b"\r\n\r\n" + body)
        assert parsed is not None
        with pytest.raises(CodingError):
            decode_body(parsed, LIMIT, cut=True)


@pytest.mark.parametrize("coding", ["chunked", "gzip", "plain"])
def test_a_page_that_the_crawler_cut_is_kept_and_marked(tmp_path: Path, coding: str) -> None:
    plain = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 99999\r\n\r\n" + PAGE[:5000]
    http = plain if coding == "plain" else response(coding, 0.5)
    path = tmp_path / "a.warc"
    whole = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + PAGE
    path.write_bytes(warc(http, "WARC-Truncated: Length", url="http://a.example/cut") + warc(whole))
    records, aside = ingested(path)
    assert aside.num_rows == 0
    marks = dict(zip(records["url"].to_pylist(), records["truncated"].to_pylist(), strict=True))
    assert marks == {"http://a.example/cut": "length", "http://a.example/": None}


def test_a_cut_that_the_crawler_does_not_declare_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "a.warc"
    path.write_bytes(warc(response("chunked", 0.5)) + warc(response("gzip", 0.5)))
    records, aside = ingested(path)
    assert records.num_rows == 0
    assert sorted(aside["reason"].to_pylist()) == ["bad_chunked", "bad_content_encoding"]


def test_the_run_says_how_many_pages_are_cut(tmp_path: Path) -> None:
    path = tmp_path / "a.warc"
    path.write_bytes(warc(response("gzip", 0.5), "WARC-Truncated: length"))
    pq.write_table(ingested(path)[0], tmp_path / "records.parquet")
    notes = record_notes([tmp_path / "records.parquet"], tmp_path / "scratch")
    assert notes.truncated == 1
    assert notes.lines()[0].startswith("1 page is cut short")


INTERIM = [
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n",
    b"HTTP/1.1 102 Processing\n\n",
    b"HTTP/1.1 100 Continue\r\nServer: a\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <b>\r\n\r\n",
]


@pytest.mark.parametrize("interim", INTERIM)
def test_interim_responses_are_passed_over(interim: bytes) -> None:
    parsed = parse_response(interim + b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\nbody")
    assert parsed is not None
    assert (parsed.status, parsed.headers.get("content-type"), parsed.body) == (200, "text/html", b"body")
    assert parsed.headers.get("link") == ""


def test_an_interim_response_alone_is_what_it_is() -> None:
    for block in (b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x05Hello"):
        parsed = parse_response(block)
        assert parsed is not None
        assert parsed.status == int(block[9:12])
    quoted = parse_response(b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 404 is quoted here")
    assert quoted is not None
    assert (quoted.status, quoted.body) == (200, b"HTTP/1.1 404 is quoted here")


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.ZstdCompressor().compress], ids=["gzip", "zstd"])
@pytest.mark.parametrize(
    "padding", [b"\x00" * 512, b"garbage" * 40, gzip.compress(b"", mtime=0)], ids=["zeros", "text", "member"]
)
def test_a_record_ends_where_its_member_ends(tmp_path: Path, compress: object, padding: bytes) -> None:
    """And the damage behind it begins there: cases curation/15, 2207+733 and not 2207+1245."""
    whole = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + PAGE
    assert callable(compress)
    members = [compress(warc(whole, url=f"http://a.example/{number}")) for number in range(3)]
    path = tmp_path / ("a.warc.gz" if members[0][:2] == b"\x1f\x8b" else "a.warc.zst")
    for parts in ([*members, padding], [members[0], padding, *members[1:]]):
        path.write_bytes(b"".join(parts))
        records, aside = ingested(path)
        places = [uri.rpartition("@")[2] for uri in sorted(records["record_uri"].to_pylist())]
        starts = [sum(map(len, parts[:number])) for number, part in enumerate(parts) if part is not padding]
        assert sorted(places) == sorted(f"{start}+{len(m)}" for start, m in zip(starts, members, strict=True))
        assert set(padding) != {0} or len(aside) == 0, "zeros are padding"
        gaps = [uri.rpartition("@")[2] for uri in aside["record_uri"].to_pylist()]
        assert all(gap == f"{sum(map(len, parts[: parts.index(padding)]))}+{len(padding)}" for gap in gaps)


def test_zeros_at_the_end_of_an_uncompressed_archive_are_padding_and_elsewhere_damage(tmp_path: Path) -> None:
    whole = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + PAGE
    first, second = (warc(whole, url=f"http://a.example/{number}") for number in range(2))
    path = tmp_path / "a.warc"
    path.write_bytes(first + second + bytes(700))
    records, aside = ingested(path)
    assert (len(records), len(aside)) == (2, 0)
    path.write_bytes(first + bytes(700) + second)
    records, aside = ingested(path)
    assert (len(records), aside["reason"].to_pylist()) == (2, ["no_record"])
