"""The crawler against small servers of its own: politeness, bounds, failures, resuming."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from gristmill.core.errors import GristmillError, UsageError
from gristmill.tasks.crawl.crawler import CrawlConfig, CrawlReport, crawl
from gristmill.tasks.crawl.fetch import Capture, canonical, links
from gristmill.tasks.crawl.warc_writer import read_captures

FIXED = CrawlConfig(fetched_at="2026-01-01T00:00:00Z", timeout_seconds=2, retries=1, records_per_file=2)
Pages = dict[str, str]


class Recorder:
    """A site of a few pages that remembers what it was asked for, and when."""

    def __init__(self, pages: Pages, status: Callable[[str], int] = lambda path: 200) -> None:
        self.pages = pages
        self.status = status
        self.asked: list[str] = []
        self.times: list[float] = []


@contextmanager
def serving(site: Recorder) -> Iterator[dict[str, tuple[str, int]]]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            site.asked.append(self.path)
            site.times.append(time.monotonic())
            if self.path == "/hangs-up":
                self.close_connection = True
                return
            known = self.path in site.pages
            page = site.pages.get(self.path, "").encode()
            self.send_response_only(site.status(self.path) if known else 404)
            self.send_header("Content-Type", "text/plain" if self.path == "/robots.txt" else "text/html")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield {"site.test": ("127.0.0.1", server.server_port)}
        finally:  # a server that is closed while it serves asks a closed socket, without a pause, forever
            server.shutdown()
            thread.join()


def anchors(*paths: str) -> str:
    return "<html><body>" + "".join(f'<a href="{path}">x</a>' for path in paths) + "</body></html>"


def run(site: Recorder, folder: Path, config: CrawlConfig = FIXED) -> CrawlReport:
    with serving(site) as resolve:
        return crawl(["http://site.test/"], folder, config, resolve=resolve)


def stored(folder: Path) -> list[str]:
    return [capture.url for path in sorted(folder.glob("*.warc.gz")) for capture in read_captures(path)]


def test_breadth_first_on_the_same_host_in_order_of_discovery(tmp_path: Path) -> None:
    site = Recorder(
        {
            "/": anchors("/b", "/a#part", "http://other.test/", "mailto:x@y.z", "/a"),
            "/b": anchors("/c?x=1", "/"),
            "/a": anchors("/d"),
            "/c?x=1": "",
            "/d": "",
        }
    )
    report = run(site, tmp_path)
    names = ["robots.txt", "", "b", "a", "c?x=1", "d"]
    assert stored(tmp_path) == [f"http://site.test/{name}" for name in names]
    assert (report.pages, report.statuses, report.errors) == (5, {"200": 5}, {})
    assert report.files == ["crawl-00000.warc.gz", "crawl-00001.warc.gz", "crawl-00002.warc.gz"]


def test_robots_txt_is_obeyed(tmp_path: Path) -> None:
    robots = "User-agent: gristmill\nDisallow: /private\n\nUser-agent: *\nDisallow: /\n"
    site = Recorder({"/robots.txt": robots, "/": anchors("/private/x", "/open"), "/open": ""})
    report = run(site, tmp_path)
    assert site.asked == ["/robots.txt", "/", "/open"]
    assert report.excluded == 1


def test_a_host_whose_robots_txt_fails_is_left_alone(tmp_path: Path) -> None:
    site = Recorder({"/robots.txt": "", "/": ""}, status=lambda path: 503)
    report = run(site, tmp_path)
    assert set(site.asked) == {"/robots.txt"}
    assert (report.pages, report.excluded) == (0, 1)


@pytest.mark.parametrize(("robots", "least"), [("", 0.6), ("User-agent: *\nCrawl-delay: 1\n", 2.2)])
def test_requests_keep_their_distance(tmp_path: Path, robots: str, least: float) -> None:
    """robots.txt and three pages: three pauses of the config's 0.2 s, or one of those and two of the host's own 1 s."""
    site = Recorder({"/robots.txt": robots, "/": anchors("/a", "/b"), "/a": "", "/b": ""})
    start = time.monotonic()
    run(site, tmp_path, FIXED.model_copy(update={"delay_seconds": 0.2}))
    assert len(site.times) == 4
    assert site.times[-1] - start >= least


def test_the_bound_on_pages_holds(tmp_path: Path) -> None:
    site = Recorder({"/": anchors(*(f"/{number}" for number in range(50)))})
    report = run(site, tmp_path, FIXED.model_copy(update={"max_pages": 7, "workers": 4}))
    assert report.pages == 7
    assert len(site.asked) == 8


def test_a_failed_page_is_tried_again_counted_and_passed_over(tmp_path: Path) -> None:
    site = Recorder({"/": anchors("/hangs-up", "/ok"), "/ok": ""})
    report = run(site, tmp_path)
    assert site.asked.count("/hangs-up") == FIXED.retries + 1
    assert report.errors == {"connection": 1}
    assert report.statuses == {"200": 2}


def test_a_long_body_is_cut_and_says_so(tmp_path: Path) -> None:
    site = Recorder({"/": "x" * 400_000})
    report = run(site, tmp_path, FIXED.model_copy(update={"max_bytes": 100_000}))
    assert report.truncated == 1
    page = next(capture for path in tmp_path.glob("*.gz") for capture in read_captures(path) if capture.url[-1] == "/")
    assert page.truncated == "length"
    assert 100_000 < len(page.body) < 400_000


def test_a_finished_crawl_asks_nothing_again(tmp_path: Path) -> None:
    site = Recorder({"/": anchors("/a"), "/a": ""})
    report = run(site, tmp_path)
    asked = list(site.asked)
    assert run(site, tmp_path, FIXED.model_copy(update={"workers": 1})) == report
    assert site.asked == asked


def test_an_interrupted_crawl_continues_from_its_whole_files(tmp_path: Path) -> None:
    pages = {"/": anchors(*(f"/{number}" for number in range(8))), **{f"/{number}": "" for number in range(8)}}
    run(Recorder(pages), tmp_path / "whole")
    run(Recorder(pages), tmp_path / "cut")
    # What a killed crawl leaves: some whole files, a temporary one, no report.
    (tmp_path / "cut" / "crawl.json").unlink()
    for path in sorted((tmp_path / "cut").glob("*.warc.gz"))[2:]:
        path.unlink()
    (tmp_path / "cut" / "crawl-00002.warc.gz.tmp").write_bytes(b"half a member")
    site = Recorder(pages)
    run(site, tmp_path / "cut")
    assert sorted(site.asked) == ["/2", "/3", "/4", "/5", "/6", "/7", "/robots.txt"]
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_failing_writer_leaves_no_half_file(tmp_path: Path) -> None:
    def fail(done: int, found: int) -> None:
        raise RuntimeError("stop here")

    with serving(Recorder({"/": anchors("/a"), "/a": ""})) as resolve, pytest.raises(RuntimeError, match="stop here"):
        crawl(["http://site.test/"], tmp_path, FIXED.model_copy(update={"records_per_file": 9}), resolve, fail)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_another_crawl_is_refused(tmp_path: Path) -> None:
    site = Recorder({"/": ""})
    run(site, tmp_path)
    with pytest.raises(UsageError, match="another crawl"):
        run(site, tmp_path, FIXED.model_copy(update={"max_pages": 3}))
    (tmp_path / "crawl.json").unlink()
    with pytest.raises(UsageError, match="another crawl"):
        run(site, tmp_path, FIXED.model_copy(update={"max_pages": 3}))


@pytest.mark.parametrize("seed", ["https://site.test/", "site.test", "ftp://site.test/", "http://[broken/"])
def test_a_seed_that_is_no_http_address_is_refused(tmp_path: Path, seed: str) -> None:
    with pytest.raises(UsageError, match="plain http"):
        crawl([seed], tmp_path, FIXED)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(GristmillError, match="cannot be written"):
        crawl(["http://site.test/"], tmp_path / "file" / "crawl", FIXED)


def test_progress_counts_up(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    with serving(Recorder({"/": anchors("/a"), "/a": ""})) as resolve:
        crawl(["http://site.test/"], tmp_path, FIXED, resolve, lambda done, found: seen.append((done, found)))
    assert seen == [(1, 2), (2, 2)]


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("HTTP://Site.TEST:80/b#top", "http://site.test/b"),
        ("?q=1", "http://site.test/x/?q=1"),
        ("caf\u00e9", "http://site.test/x/caf%C3%A9"),
        ("/a b", "http://site.test/a%20b"),
        ("//site.test:8080", "http://site.test:8080/"),
        ("javascript:alert(1)", None),
        ("https://site.test/", None),
        ("http://user:word@site.test/", None),
        ("http://[::bad", None),
        ("/" + "x" * 3000, None),
    ],
)
def test_canonical(link: str, expected: str | None) -> None:
    assert canonical(link, "http://site.test/x/") == expected


def capture(body: bytes, kind: str = "text/html", encoding: str = "") -> Capture:
    return Capture("http://site.test/d/", b"", b"", 200, kind, encoding, "", body, "")


def test_links_of_a_page() -> None:
    page = b'<base href="/root/"><a href="a">1</a><a HREF=b>2</a><a href="c" rel="x NoFollow">3</a><a name="d">4</a>'
    assert links(capture(page), 1000) == ["http://site.test/root/a", "http://site.test/root/b"]
    assert links(capture(page, "text/plain"), 1000) == []
    assert links(capture(b"\x00\xff<<a hr", "text/html"), 1000) == []
    assert links(capture(b"not gzip", encoding="gzip"), 1000) == []
