"""Every WARC, ARC and WACZ of the shared corpora, recounted with another reader: warcio, which shares no code with us.

The records that ingest gives a fate to must be the response, resource and conversion records that warcio counts. Where
warcio stops at damage, the table says what each counts and why; an entry is exact, so a change on either side shows.
"""

import contextlib
import io
import json
import logging
import re
import zipfile
from pathlib import Path
from typing import BinaryIO

import pytest
from fastwarc.stream_io import GzipReader, Lz4Reader
from warcio.archiveiterator import ArchiveIterator
from warcio.exceptions import ArchiveLoadFailed

from tests.helpers.ingested import ingested as ingested_tables

RECORD_TYPES = ("response", "resource", "conversion")

# file: (records that warcio counts before it stops, records of ours, why)
DIFFERENT = {
    "anserini__segment1.warc.gz": (0, 1, "two records in one gzip member: warcio refuses the second"),
    "anserini__413e2a__segment1.warc.gz": (0, 1, "two records in one gzip member: warcio refuses the second"),
    "anserini__411b4c__segment1.warc.gz": (0, 1, "the first length is 4 too long and swallows the version line"),
    "anserini__c0da2d__segment1.warc.gz": (0, 1, "no blank line after the first record: warcio loses the place"),
    "aut__badexample.arc.gz": (0, 4, "a whole ARC in one gzip member: warcio refuses it"),
    "jhove__invalid-warcrecord-3.warc": (2, 6, "lengths too long by 61 to 63 bytes: warcio stops inside a header"),
    "webarchive-commons__IAH-20080430204825-00000-blackbook-truncated.arc": (
        0,
        8,
        "the ARC records follow each other without a line feed: warcio loses the place",
    ),
    "webarchive-commons__link-extraction-test.warc": (3, 7, "a length is too long: warcio stops inside a header"),
}


def warcio_count(stream: BinaryIO) -> int:
    """Response, resource and conversion records, up to where warcio stops."""
    count = 0
    with contextlib.suppress(ArchiveLoadFailed), contextlib.redirect_stderr(io.StringIO()):
        for record in ArchiveIterator(stream, no_record_parse=True):
            count += record.rec_type in RECORD_TYPES
    return count


def recount(path: Path) -> int:
    """warcio's count of a file; a WACZ is the sum of its WARCs, and lz4 is decompressed for it."""
    if path.suffix == ".wacz":
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if re.search(r"\.warc(\.gz)?$", name)]
            return sum(warcio_count(io.BytesIO(archive.read(name))) for name in names)
    with path.open("rb") as file:
        if path.suffix == ".lz4":
            return warcio_count(io.BytesIO(Lz4Reader(file).read(1 << 24)))
        return warcio_count(file)


def ingested(path: Path) -> tuple[int, int]:
    """Records with a fate, and damaged byte ranges."""
    records, set_aside = ingested_tables(path)
    kinds = set_aside.column("kind").to_pylist()
    aside = [
        uri for uri, kind in zip(set_aside.column("record_uri").to_pylist(), kinds, strict=True) if kind == "record"
    ]
    uris = records.column("record_uri").to_pylist() + aside
    assert len(uris) == len(set(uris)), f"{path.name}: two records share a record_uri"
    return len(records) + kinds.count("record"), kinds.count("damage")


@pytest.fixture(scope="module")
def archives(shared: Path) -> list[Path]:
    folder = shared / "corpora" / "warc"
    indexed = [json.loads(line)["file"] for line in (folder / "index.jsonl").read_text().splitlines()]
    crawl = sorted((folder / "wget_crawl").iterdir())
    return [folder / name for name in indexed] + crawl


def test_ingest_gives_a_fate_to_the_records_that_warcio_counts(
    archives: list[Path], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    assert len(archives) > 140
    wrong = []
    for path in archives:
        theirs, (ours, _) = recount(path), ingested(path)
        expected = DIFFERENT.get(path.name, (theirs, theirs, ""))
        if (theirs, ours) != expected[:2]:
            wrong.append(f"{path.name}: warcio counts {theirs}, ingest {ours}, expected {expected}")
    assert not wrong, "\n".join(wrong)


def test_where_warcio_stops_the_header_lines_themselves_are_counted(archives: list[Path]) -> None:
    """A third count for the exceptions: the lines that name a record's type (in ARC: the lines that begin one)."""
    found = {path.name: path for path in archives if path.name in DIFFERENT}
    assert found.keys() == DIFFERENT.keys()
    for name, path in found.items():
        with path.open("rb") as file:
            data = GzipReader(file).read(1 << 26) if path.suffix == ".gz" else file.read()
        if ".arc" in name:
            lines = re.findall(rb"(?:https?://|dns:)\S+ [\d.]+ \d{14} \S+ \d+\r?\n", data)
        else:
            lines = re.findall(rb"^WARC-Type: (?:response|resource|conversion)\r?$", data, re.M)
        assert len(lines) == DIFFERENT[name][1], name
