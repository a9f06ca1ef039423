"""Ingest: one input file becomes ``records`` and ``set_aside``; nothing in between, nothing lost.

Every response, resource and conversion record, every row and every text file ends in exactly one of the two tables;
bytes that are no record are rows of ``set_aside`` of kind ``damage``. A record's identity is its WARC-Record-ID or the
row's id column, else the digest of its payload with its number among equals in the file; ``doc_id`` is the xxh3-128 of
source and identity. Cost: reads the file once; holds the payloads of one file in memory.
"""

import errno
import tempfile
from urllib.parse import urlsplit

import pyarrow as pa
from pydantic import Field

from schemas.config import Config
from schemas.digests import digest_bytes, digest_text
from schemas.errors import GristmillError
from schemas.tables import Records, SetAside
from tasks.readers.archive import read_arc, read_wacz, read_warc
from tasks.readers.items import Aside, Items, Limits, Page
from tasks.readers.kinds import Kind, kind_of
from tasks.readers.reasons import Reason
from tasks.readers.rows import read_jsonl, read_parquet
from tasks.readers.texts import read_text
from tasks.step import SourceFile, source_step

TEXT_TYPES = {Kind.PLAIN: "text/plain", Kind.MARKDOWN: "text/markdown", Kind.HTML: "text/html"}


# A file is a shard and is held in memory, twice while it is sorted. Common Crawl's files are 1 GB compressed and hold
# about 5 GB of pages.
MAX_SHARD_BYTES = 8_000_000_000


class IngestConfig(Config):
    """Settings of :func:`ingest`."""

    source: str = Field(min_length=1, description="name of the corpus; part of every document's identity")
    max_payload_bytes: int = Field(
        default=10_000_000, ge=1, le=1 << 30, description="a larger body is set aside as too_large"
    )
    text_column: str = Field(default="text", description="JSON Lines and Parquet: the column that holds the text")
    id_column: str | None = Field(
        default=None, description="the column of a row's identity; by default 'id' where a row has it, else its text"
    )
    url_column: str | None = Field(default=None, description="the column of the URL; by default 'url' where it exists")
    date_column: str | None = Field(default=None, description="the column of the date of the crawl; by default none")

    @property
    def limits(self) -> Limits:
        """What the readers need of it."""
        return Limits(self.max_payload_bytes, self.text_column, self.id_column, self.url_column, self.date_column)


@source_step("ingest", version=1, writes=(Records, SetAside))
def ingest(source: SourceFile, config: IngestConfig) -> tuple[pa.Table, pa.Table]:
    """Read one input file: its records, and what was set aside with the reason.

    Raises :class:`schemas.errors.UsageError` when the config names a column that a Parquet file does not have, and
    :class:`GristmillError` when the file is gone or the temporary folder is full.
    """
    collector = _Collector(config.source)
    try:
        for item in read_items(source, config.limits):
            collector.add(item)
    except (FileNotFoundError, PermissionError) as error:
        raise GristmillError(
            f"{source.path}: this input is gone, or may no longer be read: {error.strerror}."
        ) from error
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise GristmillError(
            f"the temporary folder {tempfile.gettempdir()} is full, and {source.name} is unpacked there. Free some "
            "room or name another folder in TMPDIR, and run the same command again."
        ) from error
    return collector.tables()


def read_items(source: SourceFile, limits: Limits) -> Items:
    """The items of a file, by its kind. Raises :class:`GristmillError` for a kind that is not read."""
    kind, reason = kind_of(source.path, source.name)
    if kind is None:
        raise GristmillError(f"{source.name}: this file cannot be read: {reason}")
    if kind is Kind.WARC:
        return read_warc(source.path, source.name, limits)
    if kind is Kind.ARC:
        return read_arc(source.path, source.name, limits)
    if kind is Kind.WACZ:
        return read_wacz(source.path, source.name, limits)
    if kind is Kind.JSONL:
        return read_jsonl(source.path, source.name, limits)
    if kind is Kind.PARQUET:
        return read_parquet(source.path, source.name, limits)
    return read_text(source.path, source.name, limits, TEXT_TYPES[kind])


class _Collector:
    """Gathers items into columns, gives every record its doc_id, and sets repeats aside."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.records: dict[str, list[object]] = {name: [] for name in Records.schema.names}
        self.asides: dict[str, list[object]] = {name: [] for name in SetAside.schema.names}
        self.seen: set[str] = set()
        self.equals: dict[str, int] = {}
        self.items = 0
        self.bytes = 0

    def add(self, item: Page | Aside) -> None:
        self.items += 1
        if isinstance(item, Aside):
            self._add_aside(item, self._doc_id(item.native_id) if item.native_id is not None else None)
            return
        digest = digest_bytes(item.payload)
        native_id = item.native_id
        if native_id is None:
            ordinal = self.equals.get(digest, 0)
            self.equals[digest] = ordinal + 1
            native_id = f"{digest}\n{ordinal}"
        doc_id = self._doc_id(native_id)
        if doc_id in self.seen:
            detail = f"an earlier record of this file is called {native_id}"
            self._add_aside(Aside(item.uri, Reason.REPEATED_RECORD_ID, detail, False, native_id, item.url), doc_id)
            return
        self.seen.add(doc_id)
        self.bytes += len(item.payload)
        if self.bytes > MAX_SHARD_BYTES:
            raise GristmillError(
                f"{item.uri.rpartition('@')[0]}: the pages of this one file take more than {MAX_SHARD_BYTES} bytes, "
                "more than a shard holds. Split it between two records (a .warc.gz between two gzip members)."
            )
        values = (
            doc_id, self.source, item.url, host_of(item.url), item.fetched_at, item.uri, digest, item.record_type,
            item.status, item.content_type, item.charset, item.payload,
        )  # fmt: skip
        for column, value in zip(self.records.values(), values, strict=True):
            column.append(value)

    def _doc_id(self, native_id: str) -> str:
        return digest_text(f"{self.source}\n{native_id}")

    def _add_aside(self, item: Aside, doc_id: str | None) -> None:
        kind = "damage" if item.damage else "record"
        values = (doc_id, self.source, item.url, item.uri, "ingest", kind, item.reason.value, item.detail)
        for column, value in zip(self.asides.values(), values, strict=True):
            column.append(value)

    def tables(self) -> tuple[pa.Table, pa.Table]:
        records = pa.table(self.records, schema=Records.schema)
        asides = pa.table(self.asides, schema=SetAside.schema)
        if len(records) + len(asides) != self.items:
            raise GristmillError(f"ingest read {self.items} items and kept {len(records)} + {len(asides)}")
        return records, asides


def host_of(url: str | None) -> str | None:
    """The lower-case host of a URL; None where there is none or the URL is broken."""
    if not url:
        return None
    try:
        return urlsplit(url).hostname or None
    except ValueError:
        return None
