"""The demo site crawled over HTTP, read back with two independent WARC readers."""

import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from fastwarc.warc import ArchiveIterator as FastIterator
from fastwarc.warc import WarcRecordType
from warcio.archiveiterator import ArchiveIterator

from gristmill.tasks.crawl.crawler import CrawlConfig, CrawlReport, crawl
from gristmill.tasks.demo_site.catalogue import SiteConfig
from gristmill.tasks.demo_site.pages import Site
from gristmill.tasks.demo_site.server import serve_site

CONFIG = SiteConfig(pages=150)


@dataclass(frozen=True)
class Response:
    status: int
    content_type: str
    body: bytes
    truncated: str | None


@dataclass(frozen=True)
class Crawled:
    folder: Path
    again: Path
    report: CrawlReport
    responses: dict[str, Response]


@pytest.fixture(scope="module")
def site() -> Site:
    return Site(CONFIG)


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Crawled:
    first, second = tmp_path_factory.mktemp("first"), tmp_path_factory.mktemp("second")
    reports = []
    with serve_site(CONFIG) as serving:
        for folder, workers in ((first, 4), (second, 1)):
            config = CrawlConfig(
                prefix="demo",
                fetched_at="2026-01-01T00:00:00Z",
                edition=serving.digest,
                workers=workers,
                records_per_file=60,
            )
            reports.append(crawl([serving.url], folder, config, resolve=serving.resolve))
    assert reports[0] == reports[1]
    responses = {}
    for path in sorted(first.glob("*.warc.gz")):
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream):
                if record.rec_type == "response":
                    responses[record.rec_headers.get_header("WARC-Target-URI")] = Response(
                        int(record.http_headers.get_statuscode()),
                        record.http_headers.get_header("Content-Type", ""),
                        record.content_stream().read(),
                        record.rec_headers.get_header("WARC-Truncated"),
                    )
    return Crawled(first, second, reports[0], responses)


def test_two_crawls_give_the_same_bytes(crawled: Crawled) -> None:
    first = {path.name: path.read_bytes() for path in crawled.folder.iterdir()}
    second = {path.name: path.read_bytes() for path in crawled.again.iterdir()}
    assert first == second
    assert len(first) == len(crawled.report.files) + 1


def test_following_links_finds_the_whole_site_and_nothing_forbidden(crawled: Crawled, site: Site) -> None:
    found = {url.removeprefix("http://demo.gristmill.test") for url in crawled.responses}
    assert found == {*site, "/robots.txt", "/status/missing"}
    assert crawled.report.excluded == 1
    assert crawled.report.errors == {}


def test_two_readers_count_the_same_records(crawled: Crawled) -> None:
    by_warcio: dict[str, int] = {}
    by_fastwarc: dict[str, int] = {}
    for path in sorted(crawled.folder.glob("*.warc.gz")):
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream):
                by_warcio[record.rec_type] = by_warcio.get(record.rec_type, 0) + 1
        with path.open("rb") as stream:
            for fast in FastIterator(stream, verify_digests=True):
                kind = fast.headers["WARC-Type"] or ""
                by_fastwarc[kind] = by_fastwarc.get(kind, 0) + 1
    pages = crawled.report.pages + 1  # robots.txt
    assert by_warcio == by_fastwarc
    assert by_warcio == {"warcinfo": len(crawled.report.files), "response": pages, "request": pages}


def test_records_carry_the_name_of_the_host_and_no_clock(crawled: Crawled) -> None:
    ids = set()
    for path in sorted(crawled.folder.glob("*.warc.gz")):
        with path.open("rb") as stream:
            for record in FastIterator(stream, record_types=WarcRecordType.response | WarcRecordType.request):
                url = record.headers["WARC-Target-URI"] or ""
                assert url.startswith("http://demo.gristmill.test/")
                assert record.headers["WARC-Date"] == "2026-01-01T00:00:00Z"
                assert record.http_headers is not None
                assert "Date" not in record.http_headers
                assert record.http_headers.get("Host", "demo.gristmill.test") == "demo.gristmill.test"
                ids.add(record.headers["WARC-Record-ID"])
    assert len(ids) == 2 * len(crawled.responses)


@pytest.mark.parametrize(
    ("path", "status", "truncated"),
    [
        ("error", 500, None),
        ("missing", 404, None),
        ("moved", 301, None),
        ("empty", 200, None),
        ("disconnect", 200, "disconnect"),
    ],
)
def test_broken_pages_are_in_the_archive(crawled: Crawled, path: str, status: int, truncated: str | None) -> None:
    response = crawled.responses[f"http://demo.gristmill.test/status/{path}"]
    assert (response.status, response.truncated) == (status, truncated)


def test_bodies_are_what_the_site_sent(crawled: Crawled, site: Site) -> None:
    for url, response in crawled.responses.items():
        parts = urlsplit(url)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        answer = site.answer(path)
        if ("Content-Encoding", "gzip") in answer.headers:
            assert b"<h1>Compressed page</h1>" in response.body
        else:
            assert response.body == answer.body[: answer.cut], url


def test_the_server_ends_with_its_parent() -> None:
    """A parent that is killed closes the pipe; the server sees that and leaves, so nothing is left behind."""
    script = (
        "import sys, time\n"
        "from gristmill.tasks.demo_site.catalogue import SiteConfig\n"
        "from gristmill.tasks.demo_site.server import serve_site\n"
        "with serve_site(SiteConfig(pages=60)) as site:\n"
        "    print(next(iter(site.resolve.values()))[1], flush=True)\n"
        "    time.sleep(600)\n"
    )
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=root) as parent:
        assert parent.stdout is not None
        port = int(parent.stdout.readline())
        socket.create_connection(("127.0.0.1", port), timeout=120).close()
        parent.kill()
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=120).close()
        except ConnectionError:
            return
        time.sleep(0.05)
    pytest.fail("the server still answers two minutes after its parent was killed")
