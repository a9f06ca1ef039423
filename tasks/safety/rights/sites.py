"""A snapshot of what sites say of themselves: ``robots.txt``, ``ai.txt`` and ``/.well-known/tdmrep.json``, by host.

Read from what is given by path, alone or in a folder: WARC files (Common Crawl publishes its robots.txt so, and any
crawl that stored the files will do), JSON Lines with ``url`` and ``text``, or a folder a host with the files in it.
Several files of one host all count, so a folder with the snapshot of the crawl and a newer one gives the more
restrictive of the two. Files are untrusted: each counts to 500 KiB, JSON is parsed to that length, and a file that
cannot be read as what it is says nothing.

Memory: the files of the snapshot. Cost: one pass; a site is parsed when the first of its pages is asked for.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field

from gristmill.core.config import Config
from gristmill.core.digests import digest_file, digest_json
from gristmill.core.errors import UsageError
from gristmill.core.urls import plain_host
from gristmill.tasks.ingest.readers.archives.byte_ranges import ByteRange, byte_ranges
from gristmill.tasks.ingest.readers.archives.framing import Frame, warc_frames
from gristmill.tasks.ingest.readers.archives.http import CodingError, decode_body, parse_response
from gristmill.tasks.safety.rights.preferences import tdm_reservation
from gristmill.tasks.safety.rights.robots import MOST_BYTES, Robots, matches, path_of
from gristmill.tasks.safety.rights.statement import RightsSource, Statement, statement

ROBOTS, AI_TXT, TDMREP = "robots.txt", "ai.txt", "tdmrep.json"
PLACES = {"/robots.txt": ROBOTS, "/ai.txt": AI_TXT, "/.well-known/ai.txt": AI_TXT, "/.well-known/tdmrep.json": TDMREP}
WARCS, LINES = (".warc", ".warc.gz"), (".jsonl", ".jsonl.gz")
TEXTS = frozenset({"/", "*", "/*", "*.txt", "/*.txt", "*.html", "/*.html", "*.htm", "/*.htm"})
HINT = "Give a folder, a WARC file or JSON Lines with url and text; docs/safety.md says what a folder holds."


class RightsSnapshot(Config):
    """The digest of a snapshot's files. ``path`` says where it is here, and is no part of the cache key."""

    digest: str
    path: Path = Field(exclude=True, repr=False)


def snapshot_config(path: Path) -> RightsSnapshot:
    """The config for a snapshot. Raises :class:`UsageError` for a path that is not there, or holds no such file."""
    files = _files(path)
    names = [str(file.relative_to(path)) if path.is_dir() else file.name for file in files]
    return RightsSnapshot(digest=digest_json([names, [digest_file(file) for file in files]]), path=path)


@dataclass
class SiteFiles:
    """The files of one host."""

    files: dict[str, list[bytes]] = field(default_factory=dict)

    @cached_property
    def robots(self) -> Sequence[Robots]:
        """Its robots.txt files, parsed."""
        return [Robots.read(content) for content in self.files.get(ROBOTS, ())]

    def statements(self, url: str) -> Iterator[Statement]:
        """What the files say of the page at ``url``."""
        path = path_of(url)
        for content in self.files.get(TDMREP, ()):
            yield from tdmrep_statements(content, path)
        for content in self.files.get(AI_TXT, ()):
            yield from ai_txt_statements(content, path)
        for robots in self.robots:
            yield from robots.statements(url)


def tdmrep_statements(content: bytes, path: str) -> Iterator[Statement]:
    """The reservations of a tdmrep.json for ``path``: of the rules that match, the first (W3C TDMRep, section 6)."""
    try:
        rules = json.loads(content[:MOST_BYTES])
    except (ValueError, RecursionError):
        return
    for rule in rules if isinstance(rules, list) else ():
        if isinstance(rule, dict) and matches(str(rule.get("location", "")), path):
            allows = tdm_reservation(str(rule.get("tdm-reservation", "")))
            if allows is not None:
                yield statement(RightsSource.TDMREP, allows, json.dumps(rule, ensure_ascii=False))
            return


def ai_txt_statements(content: bytes, path: str) -> Iterator[Statement]:
    """What an ai.txt says of text: Spawning's form (``Disallow: *.txt`` or ``/``), and a line ``Training: deny``.

    Spawning's lines name media by the ending of files, and ``*.txt`` stands for text; a longer ``Allow`` that holds
    the page undoes a shorter ``Disallow``.
    """
    allowed, refused = -1, -1
    line_of = ""
    for raw in content[:MOST_BYTES].decode("utf-8", "replace").splitlines():
        name, _, value = raw.partition("#")[0].partition(":")
        name, value = name.strip().lower(), value.strip()
        if name in ("training", "disallow-ai-training"):
            denies = value.lower() in ("deny", "no") or (name == "disallow-ai-training" and matches(value, path))
            if denies or value.lower() in ("allow", "yes"):
                yield statement(RightsSource.AI_TXT, not denies, raw)
        elif name in ("disallow", "allow") and (value.lower() in TEXTS or matches(value, path)):
            length = len(value.lstrip("/"))
            if name == "allow":
                allowed = max(allowed, length)
            elif length > refused:
                refused, line_of = length, raw
    if refused >= 0 and refused >= allowed:
        yield statement(RightsSource.AI_TXT, False, line_of)


@lru_cache(maxsize=2)
def read_snapshot(path: Path, digest: str) -> dict[str, SiteFiles]:
    """The sites of a snapshot by host, read once in a process. Raises :class:`UsageError` when it has changed."""
    if snapshot_config(path).digest != digest:
        raise UsageError(f"--robots {path}: it has changed since the run began. Start the run again.")
    sites: dict[str, SiteFiles] = {}
    for file in _files(path):
        for url, content in _contents(file, path):
            place = _place(url)
            if place is not None:
                host, name = place
                sites.setdefault(host, SiteFiles()).files.setdefault(name, []).append(content[:MOST_BYTES])
    return sites


def _place(url: str) -> tuple[str, str] | None:
    try:
        parts = urlsplit(url)
        host = plain_host(parts.hostname or "")
    except ValueError:
        return None
    name = PLACES.get(parts.path)
    return (host, name) if host and name else None


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    found = sorted(file for file in path.rglob("*") if file.is_file() and _kind(file)) if path.is_dir() else []
    if not found:
        raise UsageError(f"--robots {path}: there is no robots.txt, ai.txt, tdmrep.json or WARC there. {HINT}")
    return found


def _kind(file: Path) -> str | None:
    name = file.name.lower()
    if name.endswith(WARCS):
        return "warc"
    if name.endswith(LINES):
        return "lines"
    return "file" if name in (ROBOTS, AI_TXT, TDMREP) else None


def _contents(file: Path, root: Path) -> Iterator[tuple[str, bytes]]:
    kind = _kind(file)
    if kind == "warc":
        yield from _of_warc(file)
    elif kind == "lines":
        yield from _of_lines(file)
    elif kind == "file" and root.is_dir():
        folder = file.parent.parent if file.parent.name == ".well-known" else file.parent
        well_known = "/.well-known" if file.name.lower() == TDMREP else ""
        yield f"http://{folder.name}{well_known}/{file.name.lower()}", file.read_bytes()
    else:
        raise UsageError(f"--robots {file}: the file does not say which site it is of. {HINT}")


def _of_warc(file: Path) -> Iterator[tuple[str, bytes]]:
    for part in byte_ranges(file):
        if not isinstance(part, ByteRange):
            continue
        for frame in warc_frames(part.data):
            if not isinstance(frame, Frame) or frame.headers.get("warc-type", "").lower() != "response":
                continue
            url = frame.headers.get("warc-target-uri", "").strip("<> \t")
            if _place(url) is None:
                continue
            response = parse_response(bytes(part.data[frame.body : frame.end]))
            if response is not None and 200 <= response.status < 300:
                try:
                    yield url, decode_body(response, MOST_BYTES, cut=True)
                except CodingError:
                    continue  # more than a robots.txt may have, or broken: it says nothing


def _of_lines(file: Path) -> Iterator[tuple[str, bytes]]:
    import gzip

    with gzip.open(file, "rb") if file.name.lower().endswith(".gz") else file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                row = json.loads(line)
                url, text = str(row["url"]), str(row["text"])
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                raise UsageError(
                    f"--robots {file}: line {number} is not JSON with url and text: {error}. {HINT}"
                ) from error
            yield url, text.encode("utf-8", "surrogatepass")
