"""From a crawl to the signals of rights: headers, HTML and a snapshot, and what they come to."""

from pathlib import Path
from typing import Any

import pytest

from gristmill.schemas.tables import SignalsRights
from gristmill.tasks.extraction.config import ExtractConfig
from gristmill.tasks.extraction.extract import extract
from gristmill.tasks.ingest.readers.archives.http import MOST_USE_BYTES
from gristmill.tasks.safety.rights.step import rights, rights_config
from tests.helpers.ingested import ingested

TEXT = "<p>Long enough a paragraph to be taken for the content of this page, in every case.</p>"


def record(url: str, headers: str = "", body: str = TEXT, kind: str = "text/html; charset=utf-8") -> bytes:
    block = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n{headers}\r\n<html><body>{body}</body></html>".encode()
    head = f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:{url}>\r\nWARC-Target-URI: {url}\r\n"
    return (
        f"{head}Content-Type: application/http\r\nContent-Length: {len(block)}\r\n\r\n".encode() + block + b"\r\n\r\n"
    )


def signals(tmp_path: Path, *records: bytes, robots: Path | None = None) -> dict[str, dict[str, Any]]:
    path = tmp_path / "crawl.warc"
    path.write_bytes(b"".join(records))
    crawled, _ = ingested(path)
    documents, _ = extract.function(crawled, ExtractConfig())
    table = rights.function(crawled, documents, rights_config(robots))
    assert table.schema.equals(SignalsRights.schema)
    assert table.column("doc_id").to_pylist() == documents.column("doc_id").to_pylist()
    urls = documents.column("url").to_pylist()
    return dict(zip(urls, table.to_pylist(), strict=True))


def test_headers_pages_and_a_newer_robots_file(tmp_path: Path) -> None:
    (tmp_path / "snapshot" / "c.org").mkdir(parents=True)
    (tmp_path / "snapshot" / "c.org" / "robots.txt").write_text("User-agent: CCBot\nDisallow: /\n")
    found = signals(
        tmp_path,
        record("https://a.org/1", "content-usage:  train-ai=n\r\n"),
        record(
            "https://b.cn/2", body='<meta name="robots" content="noai"><p>中文页面的正文，足够长，可以当作内容。</p>'
        ),
        record("https://c.org/3", "Content-Usage: train-ai=y\r\n"),
        record("https://d.org/4", "TDM-Reservation: 0\r\n"),
        record("https://e.org/5", "X-Robots-Tag: noindex, noimageai\r\n"),
        record("https://f.org/6", 'Link: <https://creativecommons.org/licenses/by/4.0/>; rel="license"\r\n'),
        robots=tmp_path / "snapshot",
    )
    assert {url: (row["reserved"], row["allowed"], row["source"], row["evidence"]) for url, row in found.items()} == {
        "https://a.org/1": (True, False, "header:content-usage", "content-usage: train-ai=n"),
        "https://b.cn/2": (True, False, "meta:robots", '<meta name="robots" content="noai">'),
        "https://c.org/3": (True, False, "robots.txt:ai-agents", "User-agent: CCBot; Disallow: /"),
        "https://d.org/4": (False, True, "header:tdm-reservation", "TDM-Reservation: 0"),
        "https://e.org/5": (False, False, None, None),
        "https://f.org/6": (False, False, None, None),
    }
    assert (found["https://e.org/5"]["noindex"], found["https://e.org/5"]["images_reserved"]) == (True, True)
    assert found["https://f.org/6"]["licence"] == "CC-BY-4.0"


def test_every_line_of_a_repeated_header_counts(tmp_path: Path) -> None:
    headers = "X-Robots-Tag: nofollow\r\nX-Robots-Tag: googlebot: noindex,\r\n noai\r\nX-Robots-Tag: noai\r\n"
    row = signals(tmp_path, record("https://a.org/", headers))["https://a.org/"]
    assert (row["reserved"], row["evidence"], row["noindex"]) == (True, "X-Robots-Tag: noai", False)


def test_a_hostile_header_keeps_little_and_hides_nothing_before_it(tmp_path: Path) -> None:
    headers = "Content-Usage: train-ai=n\r\n" + "".join(f"X-Robots-Tag: x{n}\r\n" for n in range(50_000))
    path = tmp_path / "crawl.warc"
    path.write_bytes(record("https://a.org/", headers))
    crawled, _ = ingested(path)
    (kept,) = crawled.column("use_headers").to_pylist()
    assert kept.startswith("Content-Usage: train-ai=n\n")
    assert len(kept) <= MOST_USE_BYTES


@pytest.mark.parametrize("size", [2_000_000])
def test_one_line_of_megabytes_is_not_kept(tmp_path: Path, size: int) -> None:
    path = tmp_path / "crawl.warc"
    path.write_bytes(record("https://a.org/", f"X-Robots-Tag: {'n' * size}\r\nTDM-Reservation: 1\r\n"))
    crawled, _ = ingested(path)
    assert crawled.column("use_headers").to_pylist() == ["TDM-Reservation: 1"]


def test_rows_have_no_headers_but_a_licence(tmp_path: Path) -> None:
    path = tmp_path / "code.jsonl"
    path.write_text('{"text": "# SPDX-License-Identifier: MIT\\nprint(1)\\n", "url": "https://a.org/x.py"}\n')
    crawled, _ = ingested(path)
    documents, _ = extract.function(crawled, ExtractConfig())
    (row,) = rights.function(crawled, documents, rights_config(None)).to_pylist()
    assert (row["licence"], row["licence_evidence"]) == ("MIT", "# SPDX-License-Identifier: MIT")
    assert not row["reserved"]
    assert row["source"] is None
