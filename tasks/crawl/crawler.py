"""A polite breadth-first crawl over HTTP into gzip WARC.

Pages are fetched by a few threads and written in the order in which their addresses were found, never in the order in
which they arrived, so two crawls of an unchanged site give the same bytes when ``fetched_at`` is set: record ids are
derived from address and content. Each WARC file appears by rename; a crawl that was killed continues from its finished
files, and a finished one is returned from ``crawl.json`` at once. The cost is a few responses in memory for each
worker, and the set of addresses found, which stops growing at ``max_pages``.

robots.txt is read as RFC 9309 says: none (4xx) allows all, an unreachable one (5xx, no answer) allows nothing.
"""

import json
import threading
import time
import urllib.robotparser
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from queue import SimpleQueue
from urllib.parse import urljoin, urlsplit

from pydantic import Field

from gristmill.core.config import Config
from gristmill.core.errors import GristmillError, UsageError
from gristmill.core.files.atomic import write_whole
from gristmill.tasks.crawl.fetch import Capture, FetchConfig, Fetcher, FetchError, Resolve, canonical, links
from gristmill.tasks.crawl.warc_writer import WarcFiles, finished_files, read_captures

REPORT = "crawl.json"
#: Fields that change how fast or how patiently a crawl goes, but not what it writes.
PACE = {"workers", "delay_seconds", "timeout_seconds", "page_seconds", "retries"}

Progress = Callable[[int, int], None]


class CrawlConfig(FetchConfig):
    """What a crawl takes and how it is written."""

    max_pages: int = Field(default=10_000, ge=1, description="addresses asked for, at most; robots.txt is not counted")
    workers: int = Field(default=4, ge=1, le=64, description="pages fetched at the same time")
    delay_seconds: float = Field(default=0.0, ge=0, description="least time between two requests to one host")
    records_per_file: int = Field(default=400, ge=1, description="pages in one WARC file")
    prefix: str = Field(default="crawl", pattern=r"^[a-z0-9-]+$", description="file names are <prefix>-00000.warc.gz")
    fetched_at: str | None = Field(
        default=None,
        pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$",
        description="the WARC-Date of every record, so that a crawl gives the same bytes again; else the real time",
    )
    edition: str = Field(
        default="", description="names the content of the site where that is known, such as its digest"
    )


class CrawlReport(Config):
    """What a crawl did. ``statuses`` counts pages by HTTP status, ``errors`` the addresses that gave no response."""

    identity: str
    pages: int
    bytes: int
    statuses: dict[str, int]
    truncated: int
    errors: dict[str, int]
    excluded: int = Field(description="addresses that robots.txt forbids")
    files: list[str]


@dataclass(frozen=True)
class Visit:
    """What came of one address: a response (with its bytes, if it is not written yet), or the kind of failure."""

    url: str
    status: int = 0
    size: int = 0
    truncated: bool = False
    links: Sequence[str] = ()
    capture: Capture | None = None
    failure: str | None = None


def crawl(
    seeds: Sequence[str],
    out_dir: Path,
    config: CrawlConfig,
    resolve: Resolve | None = None,
    progress: Progress | None = None,
) -> CrawlReport:
    """Follow the links of ``seeds`` on their own hosts, breadth first, and write WARC files into ``out_dir``.

    ``resolve`` says where a host (``name`` or ``name:port``) really is. ``progress`` is called with the pages done and
    the addresses found so far. Raises :class:`UsageError` for a seed that is not an http address and for a folder that
    holds another crawl, :class:`GristmillError` when the files cannot be written; a page that fails is counted and
    never stops the crawl.
    """
    starts = [_seed(seed) for seed in seeds]
    try:
        return _crawl(starts, out_dir, config, resolve or {}, progress)
    except OSError as error:  # of files: those of the network are counted as failed pages
        raise GristmillError(
            f"{out_dir}: the crawl cannot be written there: {error}. Fix that and start it again: it continues from "
            "its finished files."
        ) from error


def _crawl(
    starts: Sequence[str], out_dir: Path, config: CrawlConfig, resolve: Resolve, progress: Progress | None
) -> CrawlReport:
    identity = _identity(starts, config)
    out_dir.mkdir(parents=True, exist_ok=True)
    report_path = out_dir / REPORT
    if report_path.is_file():
        report = CrawlReport.parse(json.loads(report_path.read_text(encoding="utf-8")), str(report_path))
        if report.identity != identity:
            raise UsageError(f"{out_dir} holds another crawl (other seeds, config or edition). Give an empty folder.")
        return report
    report = _Run(starts, out_dir, config, resolve, identity, progress).finish()
    write_whole(report_path, report.model_dump_json(indent=2) + "\n")
    return report


def _seed(seed: str) -> str:
    url = canonical(seed, "")
    if url is None:
        raise UsageError(
            f"{seed}: the crawler reads plain http addresses such as http://host/. "
            "For https use a crawler that writes WARC (wget --warc-file), and give its files to `gristmill curate`."
        )
    return url


def _identity(starts: Sequence[str], config: CrawlConfig) -> str:
    """What two crawls share when their files are interchangeable."""
    settings = {"seeds": list(starts), "config": config.model_dump(exclude=PACE)}
    return sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:32]


class _Run:
    """One crawl from its seeds to its report; lives as long as :func:`crawl`."""

    def __init__(
        self,
        starts: Sequence[str],
        out_dir: Path,
        config: CrawlConfig,
        resolve: Resolve,
        identity: str,
        progress: Progress | None,
    ) -> None:
        self._config = config
        self._identity = identity
        self._progress = progress
        self._out_dir = out_dir
        self._fetchers: SimpleQueue[Fetcher] = SimpleQueue()
        for _ in range(config.workers):
            self._fetchers.put(Fetcher(config, resolve))
        self._stored = {
            capture.url: _visit(capture, config, keep=False)
            for path in finished_files(out_dir, config.prefix, identity)
            for capture in read_captures(path)
        }
        self._robots = _Robots(config)
        self._starts = starts
        self._seen: set[str] = set()
        self._queue: deque[str] = deque()
        self._scheduled = 0
        self._excluded = 0
        self._visits: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()
        self._bytes = 0
        self._truncated = 0

    def finish(self) -> CrawlReport:
        config = self._config
        with WarcFiles(
            self._out_dir, config.prefix, config.records_per_file, config.fetched_at, self._identity
        ) as files:
            for host in dict.fromkeys(urlsplit(url).netloc for url in self._starts):
                visit = self._fetch(f"http://{host}/robots.txt")
                self._robots.learn(host, visit)
                if visit.capture and visit.url not in self._stored:
                    files.write(visit.capture)
            self._discover(self._starts)
            flights: deque[Future[Visit]] = deque()
            with ThreadPoolExecutor(config.workers, thread_name_prefix="fetch") as pool:
                while self._queue or flights:
                    while self._queue and len(flights) < 4 * config.workers:
                        flights.append(pool.submit(self._take, self._queue.popleft()))
                        self._scheduled += 1
                    visit = flights.popleft().result()
                    self._count(visit)
                    if visit.capture:
                        files.write(visit.capture)
                    self._discover(visit.links)
                    if self._progress:
                        self._progress(sum(self._visits.values()), self._scheduled + len(self._queue))
        while not self._fetchers.empty():
            self._fetchers.get().close()
        return CrawlReport(
            identity=self._identity,
            pages=sum(self._visits.values()),
            bytes=self._bytes,
            statuses=dict(sorted(self._visits.items())),
            truncated=self._truncated,
            errors=dict(sorted(self._failures.items())),
            excluded=self._excluded,
            files=[path.name for path in finished_files(self._out_dir, config.prefix, self._identity)],
        )

    def _discover(self, found: Iterable[str]) -> None:
        """Queue what is new, allowed and within the bound. The order of calls is the order of the files."""
        for url in found:
            if self._scheduled + len(self._queue) >= self._config.max_pages:
                return
            if url in self._seen or not self._robots.knows(url):
                continue
            self._seen.add(url)
            if self._robots.allows(url):
                self._queue.append(url)
            else:
                self._excluded += 1

    def _take(self, url: str) -> Visit:
        """A page from the finished files of an earlier attempt, else from its host."""
        return self._stored.get(url) or self._fetch(url)

    def _fetch(self, url: str) -> Visit:
        fetcher = self._fetchers.get()
        try:
            self._robots.wait(url)
            return _visit(fetcher.get(url), self._config, keep=True)
        except FetchError as failure:
            return Visit(url, failure=failure.kind)
        finally:
            self._fetchers.put(fetcher)

    def _count(self, visit: Visit) -> None:
        if visit.failure:
            self._failures[visit.failure] += 1
            return
        self._visits[str(visit.status)] += 1
        self._bytes += visit.size
        self._truncated += visit.truncated


def _visit(capture: Capture, config: CrawlConfig, keep: bool) -> Visit:
    return Visit(
        capture.url,
        status=capture.status,
        size=len(capture.body),
        truncated=capture.truncated is not None,
        links=links(capture, config.max_bytes),
        capture=capture if keep else None,
    )


class _Robots:
    """The rules of each host, and when it may be asked again."""

    def __init__(self, config: CrawlConfig) -> None:
        self._agent = config.user_agent
        self._least = config.delay_seconds
        self._rules: dict[str, urllib.robotparser.RobotFileParser] = {}
        self._next: dict[str, float] = {}
        self._lock = threading.Lock()

    def learn(self, host: str, visit: Visit) -> None:
        rules = urllib.robotparser.RobotFileParser(urljoin(f"http://{host}/", "robots.txt"))
        if visit.capture and visit.status == 200:
            rules.parse(visit.capture.body.decode("utf-8", "replace").splitlines())
        elif visit.failure or visit.status >= 500:
            rules.parse(["User-agent: *", "Disallow: /"])
        else:
            rules.parse([])
        self._rules[host] = rules

    def knows(self, url: str) -> bool:
        """Whether ``url`` is on a host of the crawl."""
        return urlsplit(url).netloc in self._rules

    def allows(self, url: str) -> bool:
        return self._rules[urlsplit(url).netloc].can_fetch(self._agent, url)

    def wait(self, url: str) -> None:
        """Sleep until the host of ``url`` may be asked again: the larger of the config's and the host's own delay."""
        host = urlsplit(url).netloc
        rules = self._rules.get(host)
        asked = rules.crawl_delay(self._agent) if rules else None
        delay = max(self._least, float(asked or 0))
        if delay:
            with self._lock:
                slot = max(time.monotonic(), self._next.get(host, 0.0))
                self._next[host] = slot + delay
            time.sleep(max(0.0, slot - time.monotonic()))
