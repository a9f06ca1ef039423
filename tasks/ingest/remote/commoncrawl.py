"""Common Crawl by the name of a crawl: ``cc://CC-MAIN-2026-05?paths=0-9&kind=wet``.

A crawl is published with a list of its files (``crawl-data/<crawl>/warc.paths.gz``; also ``wet`` and ``wat``), about
100,000 of each kind. ``paths`` counts them from 0, both ends of a range included. Published files never change, so a
file is known by its path alone. Cost: one small download a crawl.
"""

import re
import zlib
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl

from gristmill.core.config import did_you_mean
from gristmill.core.errors import UsageError
from gristmill.tasks.ingest.remote.downloads import patiently, transport
from gristmill.tasks.ingest.remote.state import AbsentError, RemoteConfig, RemoteFile, Transport

KINDS = ("warc", "wet", "wat")
NAME = re.compile(r"[A-Z0-9][A-Z0-9-]{2,60}")
RANGES = re.compile(r"\d+(-\d+)?(,\d+(-\d+)?)*")
MAX_LIST_BYTES = 256 << 20


@dataclass(frozen=True)
class CrawlFiles:
    """What a ``cc://`` address asks for. ``ranges`` include both ends."""

    crawl: str
    kind: str
    ranges: tuple[tuple[int, int], ...]

    @property
    def list_path(self) -> str:
        """Where the crawl's list of files is."""
        return f"crawl-data/{self.crawl}/{self.kind}.paths.gz"


def parse_crawl(url: str) -> CrawlFiles:
    """Raises :class:`UsageError` for a wrong name, an unknown setting or kind, and missing or wrong paths."""
    crawl, _, query = url.removeprefix("cc://").partition("?")
    example = "Write cc://CC-MAIN-2026-05?paths=0-9 (and &kind=wet for extracted text)."
    if not NAME.fullmatch(crawl):
        raise UsageError(f"{url}: {crawl!r} is not a name of a crawl. {example}")
    settings = dict(parse_qsl(query, keep_blank_values=True))
    for key in settings:
        if key not in ("paths", "kind"):
            raise UsageError(f"{url}: unknown setting {key!r}{did_you_mean(key, ['paths', 'kind'])}. {example}")
    kind = settings.get("kind", "warc")
    if kind not in KINDS:
        raise UsageError(f"{url}: unknown kind {kind!r}{did_you_mean(kind, list(KINDS))}.")
    paths = settings.get("paths", "")
    if not paths:
        raise UsageError(f"{url}: a crawl has about 100,000 files of 1 GB; say which. {example}")
    if not RANGES.fullmatch(paths):
        raise UsageError(f"{url}: paths={paths} are not numbers and ranges such as 0-9,20. {example}")
    ranges = []
    for part in paths.split(","):
        first, _, last = part.partition("-")
        ranges.append((int(first), int(last or first)))
        if ranges[-1][0] > ranges[-1][1]:
            raise UsageError(f"{url}: the range {part} ends before it begins.")
    return CrawlFiles(crawl, kind, tuple(ranges))


def crawl_files(url: str, settings: RemoteConfig, folder: Path) -> list[tuple[str, RemoteFile]]:
    """Name and file of each path that the address asks for.

    Raises :class:`UsageError` for a malformed address, an unknown crawl and a number beyond its last file.
    """
    asked = parse_crawl(url)
    base = settings.common_crawl.rstrip("/")
    address = f"{base}/{asked.list_path}"
    with transport(address, settings, folder) as source:
        try:
            stored = patiently(lambda: _all(source, address), address, settings)
        except AbsentError as error:
            raise UsageError(
                f"{url}: {base} has no list of files of this crawl and kind ({asked.list_path}). The names of the "
                "crawls are on https://commoncrawl.org/get-started."
            ) from error
    try:
        paths = zlib.decompressobj(31).decompress(stored, MAX_LIST_BYTES).decode("utf-8").split()
    except (zlib.error, UnicodeDecodeError) as error:
        raise UsageError(f"{address}: this is not a gzip list of paths: {error}") from error
    numbers = sorted({number for first, last in asked.ranges for number in range(first, min(last, len(paths)) + 1)})
    if not numbers or numbers[-1] >= len(paths):
        raise UsageError(
            f"{url}: this crawl has {len(paths):,} files of kind {asked.kind}, from 0 to {len(paths) - 1}."
        )
    return [(paths[n], RemoteFile(f"{base}/{paths[n]}", None, "", settings)) for n in numbers]


def _all(source: Transport, url: str) -> bytes:
    """The whole of a small file."""
    return b"".join(piece for _, piece in source.read(url, source.state(url), 0))
