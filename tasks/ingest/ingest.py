"""Ingest: one input becomes ``records`` and ``set_aside``, in shards of bounded size; nothing in between, nothing lost.

Every response, resource and conversion record, every row and every text file ends in exactly one of the two tables;
bytes that are no record are rows of ``set_aside`` of kind ``damage``, and a file of which nothing could be read is one
of kind ``file``. A record's identity is its WARC-Record-ID or the
value of the row's id column, together with the digest of its payload: files that number their rows from 0 have equal
ids for different texts, and those are different records. Without an id it is the digest of the payload with its number
among equals in the file. ``doc_id`` is the xxh3-128 of source and identity. A record whose identity an earlier one of
the same input has is set aside, so a shard never holds a ``doc_id`` twice, and neither do the shards of one file.

Cost: reads the input once; holds one part (``shard_bytes`` of payload) in memory, and about 120 bytes for each record
to know its identity again.
"""

import errno
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa
import xxhash
from pydantic import Field

from gristmill.core.config import Config
from gristmill.core.digests import digest_bytes
from gristmill.core.errors import GristmillError
from gristmill.core.step import parts_step
from gristmill.core.table import Table
from gristmill.core.urls import plain_host
from gristmill.schemas.tables import Records, SetAside
from gristmill.tasks.ingest.readers.archives.archive import read_arc, read_wacz, read_warc
from gristmill.tasks.ingest.readers.items import Aside, Items, Limits, Page
from gristmill.tasks.ingest.readers.kinds import Kind, kind_of
from gristmill.tasks.ingest.readers.reasons import Reason
from gristmill.tasks.ingest.readers.rows.columns import ColumnMap, ColumnsError
from gristmill.tasks.ingest.readers.rows.csv import read_csv
from gristmill.tasks.ingest.readers.rows.parquet import read_parquet
from gristmill.tasks.ingest.readers.rows.rows import check_columns, read_jsonl
from gristmill.tasks.ingest.readers.texts import read_text
from gristmill.tasks.ingest.sources import InputSource

READERS: dict[Kind, Callable[[Path, str, Limits], Items]] = {
    Kind.WARC: read_warc,
    Kind.ARC: read_arc,
    Kind.WACZ: read_wacz,
    Kind.JSONL: read_jsonl,
    Kind.PARQUET: read_parquet,
    Kind.CSV: read_csv,
    Kind.TSV: lambda path, name, limits: read_csv(path, name, limits, tabs=True),
    Kind.PLAIN: lambda path, name, limits: read_text(path, name, limits, "text/plain"),
    Kind.MARKDOWN: lambda path, name, limits: read_text(path, name, limits, "text/markdown"),
    Kind.HTML: lambda path, name, limits: read_text(path, name, limits, "text/html"),
}

# A URL of which nothing but the host needs a closer look: urlsplit takes ten times as long.
PLAIN_URL = re.compile(r"https?://([A-Za-z0-9.-]+)(?::\d+)?(?:[/?#][!-~]*)?\Z")

# Lines of JSON that are looked at for the columns before a run begins.
FIRST_LINES = 10_000

# What a row costs besides its payload, so that a part of tiny records is bounded too.
ROW_BYTES = 512
# Python values become Arrow columns, which take less room, whenever this many bytes have come together.
BATCH_BYTES = 8 << 20
# Damaged stretches of a file that are kept in memory until it is known whether anything of it can be read.
MOST_HELD = 10_000


class IngestConfig(Config):
    """Settings of :func:`ingest`."""

    source: str = Field(min_length=1, description="name of the corpus; part of every document's identity")
    max_payload_bytes: int = Field(
        default=10_000_000, ge=1, le=1 << 30, description="a larger body is set aside as too_large"
    )
    shard_bytes: int = Field(
        default=256 << 20, ge=1, le=1 << 30, description="a shard is closed before its payloads exceed this"
    )
    map: ColumnMap = Field(default_factory=ColumnMap, description="which columns of rows hold what")
    unquoted: bool = Field(default=False, description="quotes of CSV and TSV are plain characters; a line is a row")

    @property
    def limits(self) -> Limits:
        """What the readers need of it."""
        return Limits(self.max_payload_bytes, self.map, self.unquoted)


@parts_step("ingest", version=7, writes=(Records, SetAside))
def ingest(source: InputSource, config: IngestConfig, downloads: Path) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Read one input, part by part: its records, and what was set aside with the reason. At least one part.

    A file that lacks a column of the config is set aside whole. A file that is elsewhere lies in ``downloads`` while it
    is read. Raises :class:`GristmillError` when a file is gone, cannot be downloaded, or the temporary folder is full.
    """
    parts = _Parts(config.source)
    for file in source.members:
        parts.begin_file()
        with file.opened(downloads) as path:
            for item in _items(path, file.name, config.limits):
                if parts.bytes + _bytes(item) > config.shard_bytes and parts.rows:
                    yield parts.take()
                parts.add(item)
        parts.end_file(file.name)
    if parts.rows or not parts.given:
        yield parts.take()


def _items(path: Path, name: str, limits: Limits) -> Items:
    """The items of a file, with the errors of its folder and of the temporary folder put into words."""
    try:
        yield from read_items(path, name, limits)
    except ColumnsError as error:  # raised before the first item
        yield Aside(name, Reason.WRONG_COLUMNS, str(error), unread=True)
    except (FileNotFoundError, PermissionError) as error:
        raise GristmillError(f"{path}: this input is gone, or may no longer be read: {error.strerror}.") from error
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise GristmillError(
            f"the temporary folder {tempfile.gettempdir()} is full, and {name} is unpacked there. Free some "
            "room or name another folder in TMPDIR, and run the same command again."
        ) from error


def read_items(path: Path, name: str, limits: Limits) -> Items:
    """The items of a file, by its kind; of a kind that is not read, one item that says so."""
    kind, reason, detail = kind_of(path, name)
    if kind is None:
        return iter([Aside(name, reason, detail, unread=True)])
    return READERS[kind](path, name, limits)


def columns_problem(path: Path, name: str, limits: Limits) -> ColumnsError | None:
    """What is wrong with the columns of a file, told from its header or its first ``FIRST_LINES`` lines."""
    kind, _, _ = kind_of(path, name)
    try:
        if kind is Kind.JSONL:
            check_columns(path, name, limits, FIRST_LINES)
        elif kind in (Kind.CSV, Kind.TSV, Kind.PARQUET):
            next(READERS[kind](path, name, limits), None)
    except ColumnsError as error:
        return error
    return None


def _bytes(item: Page | Aside) -> int:
    return ROW_BYTES + (len(item.payload) if isinstance(item, Page) else 0)


class _Parts:
    """Gathers items into the two tables, gives every record its doc_id, and sets repeats aside."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.prefix = f"{source}\n".encode()
        self.records = _Columns(Records)
        self.asides = _Columns(SetAside)
        #: Of every record of the input, also of those in parts that were taken.
        self.seen: set[bytes] = set()
        #: Of the payloads without an identity that came more than once in the file: how often.
        self.repeats: dict[str, int] = {}
        self.firsts: set[bytes] = set()
        #: Of the file at hand: its first damage, whether anything else came of it, and damage that waits for that.
        self.first_damage: Aside | None = None
        self.is_read = False
        self.held: list[Aside] = []
        self.rows = 0
        self.bytes = 0
        self.given = 0

    def begin_file(self) -> None:
        """Equal payloads without an identity are told apart by their number in the file, not in the input: a file's
        records are the same whichever files it is read with."""
        self.repeats.clear()
        self.firsts.clear()
        self.first_damage = None
        self.is_read = False
        self.held = []

    def end_file(self, name: str) -> None:
        """A file that gave damage and nothing else is a file that was not read, and that is said once."""
        if self.first_damage is not None and not self.is_read:
            more = len(self.held) - 1
            others = f" (and {more:,} more damaged {'stretch' if more == 1 else 'stretches'})" if more > 0 else ""
            detail = f"nothing of it could be read: {self.first_damage.detail}{others}"
            self._put(Aside(name, self.first_damage.reason, detail, unread=True))

    def add(self, item: Page | Aside) -> None:
        """Put an item into its table. Damage waits until something is read of the file."""
        if not self.is_read:
            if isinstance(item, Aside) and item.damage:
                self.first_damage = self.first_damage or item
                self.held.append(item)
                if len(self.held) < MOST_HELD:
                    return
                item = self.held.pop()
            else:
                self.is_read = True
            for damage in self.held:
                self._put(damage)
            self.held = []
        self._put(item)

    def _put(self, item: Page | Aside) -> None:
        self.rows += 1
        self.bytes += _bytes(item)
        if isinstance(item, Aside):
            self._add_aside(item, None if item.native_id is None else self._doc_id(item.native_id).hex())
            return
        payload_digest = digest_bytes(item.payload)
        native_id = item.native_id
        raw_id = self._doc_id(self._number(payload_digest) if native_id is None else f"{native_id}\n{payload_digest}")
        if raw_id in self.seen:
            detail = f"an earlier record of this input is called {native_id} and has the same content"
            again = Aside(item.uri, Reason.REPEATED_RECORD_ID, detail, False, native_id, item.url)
            self._add_aside(again, raw_id.hex())
            return
        self.seen.add(raw_id)
        values = (
            raw_id.hex(), self.source, item.url, host_of(item.url), item.fetched_at, item.date_text, native_id,
            item.uri, payload_digest, item.record_type, item.status, item.content_type, item.charset, item.truncated,
            item.payload,
        )  # fmt: skip
        self.records.add(values, len(item.payload) + ROW_BYTES)

    def _number(self, payload_digest: str) -> str:
        """The identity of a record that has none: its payload, and its number among the file's equal ones."""
        first = bytes.fromhex(payload_digest)
        if first not in self.firsts:
            self.firsts.add(first)
            return f"{payload_digest}\n0"
        self.repeats[payload_digest] = self.repeats.get(payload_digest, 0) + 1
        return f"{payload_digest}\n{self.repeats[payload_digest]}"

    def _doc_id(self, native_id: str) -> bytes:
        return xxhash.xxh3_128_digest(self.prefix + native_id.encode("utf-8", "surrogatepass"))

    def _add_aside(self, item: Aside, doc_id: str | None) -> None:
        kind = "file" if item.unread else "damage" if item.damage else "record"
        values = (doc_id, self.source, item.url, item.uri, "ingest", kind, item.reason.value, item.detail)
        self.asides.add(values, ROW_BYTES)

    def take(self) -> tuple[pa.Table, pa.Table]:
        """The tables so far. Raises :class:`GristmillError` when their rows are not the items that were added."""
        records, asides = self.records.take(), self.asides.take()
        if len(records) + len(asides) != self.rows:
            raise GristmillError(f"ingest read {self.rows} items and kept {len(records)} + {len(asides)}")
        self.rows, self.bytes, self.given = 0, 0, self.given + 1
        return records, asides


class _Columns:
    """Rows of one table, turned into Arrow batches as they come together."""

    def __init__(self, table: Table) -> None:
        self.schema = table.schema
        self.columns: list[list[Any]] = [[] for _ in self.schema]
        self.batches: list[pa.RecordBatch] = []
        self.bytes = 0

    def add(self, values: tuple[object, ...], size: int) -> None:
        for column, value in zip(self.columns, values, strict=True):
            column.append(value)
        self.bytes += size
        if self.bytes >= BATCH_BYTES:
            self._flush()

    def _flush(self) -> None:
        arrays = [
            _binary(column) if pa.types.is_large_binary(field.type) else pa.array(column, field.type)
            for column, field in zip(self.columns, self.schema, strict=True)
        ]
        self.batches.append(pa.record_batch(arrays, schema=self.schema))
        self.columns = [[] for _ in self.schema]
        self.bytes = 0

    def take(self) -> pa.Table:
        """All rows as a table; the columns are empty afterwards."""
        self._flush()
        batches, self.batches = self.batches, []
        return pa.Table.from_batches(batches, self.schema)


def _binary(values: list[Any]) -> pa.Array:
    """Byte strings as an Arrow array, copied once: ``pa.array`` grows its buffer as it goes, in ten times the time."""
    offsets = np.zeros(len(values) + 1, np.int64)
    np.cumsum([len(value) for value in values], out=offsets[1:])
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(b"".join(values))]
    return pa.Array.from_buffers(pa.large_binary(), len(values), buffers)


def host_of(url: str | None) -> str | None:
    """The plain host of a URL (``gristmill.core.urls``); None where there is none or the URL is broken."""
    if not url:
        return None
    plain = PLAIN_URL.match(url)
    if plain is not None:
        return plain[1].lower().rstrip(".") or None
    try:
        return plain_host(urlsplit(url).hostname or "") or None
    except ValueError:
        return None
