"""The two tables of an ingest, gathered part by part: what was read, and what was set aside with the reason.

Every record gets its ``doc_id`` here, and one that an earlier record of the input has already is set aside. Of a record
that was taken down only its fate is kept. Cost: about
120 bytes for each record to know its identity again; Python values become Arrow columns 8 MB at a time.
"""

import re
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa
import xxhash

from gristmill.core.digests import digest_bytes
from gristmill.core.errors import GristmillError
from gristmill.core.table import Table
from gristmill.core.urls import plain_host
from gristmill.schemas.stages import StageName
from gristmill.schemas.tables import Records, SetAside
from gristmill.tasks.ingest.barred import Barred, taken_row
from gristmill.tasks.ingest.readers.items import Aside, RawRecord
from gristmill.tasks.ingest.readers.reasons import Reason

# A URL of which nothing but the host needs a closer look: urlsplit takes ten times as long.
PLAIN_URL = re.compile(r"https?://([A-Za-z0-9.-]+)(?::\d+)?(?:[/?#][!-~]*)?\Z")

# What a row costs besides its payload, so that a part of tiny records is bounded too.
ROW_BYTES = 512
# Python values become Arrow columns, which take less room, whenever this many bytes have come together.
BATCH_BYTES = 8 << 20
# Damaged byte ranges of a file that are kept in memory until it is known whether anything of it can be read.
MOST_HELD = 10_000


def bytes_of(item: RawRecord | Aside) -> int:
    return ROW_BYTES + (len(item.payload) if isinstance(item, RawRecord) else 0)


class Parts:
    """Gathers items into the two tables, gives every record its doc_id, and sets repeats aside."""

    def __init__(self, source: str, barred: Barred) -> None:
        self.source = source
        self.barred = barred
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
        """Equal payloads without an identity are distinguished by their number in the file, not in the input: a file's
        records are the same whichever files it is read with."""
        self.repeats.clear()
        self.firsts.clear()
        self.first_damage = None
        self.is_read = False
        self.held = []

    def end_file(self, name: str) -> None:
        """A file that gave nothing but damage counts as a file that was not read, reported once."""
        if self.first_damage is not None and not self.is_read:
            more = len(self.held) - 1
            others = f" (and {more:,} more damaged {'stretch' if more == 1 else 'stretches'})" if more > 0 else ""
            detail = f"nothing of it could be read: {self.first_damage.detail}{others}"
            self._put(Aside(name, self.first_damage.reason, detail, unread=True))

    def add(self, item: RawRecord | Aside) -> None:
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

    def _put(self, item: RawRecord | Aside) -> None:
        self.rows += 1
        self.bytes += bytes_of(item)
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
        host = host_of(item.url)
        if self.barred and self.barred.covers(item.url, host, payload_digest, raw_id.hex()):
            self.asides.add(tuple(taken_row(raw_id.hex(), self.source, item.uri).values()), ROW_BYTES)
            return
        values = (
            raw_id.hex(), self.source, item.url, host, item.fetched_at, item.date_text, native_id,
            item.uri, payload_digest, item.record_type, item.status, item.content_type, item.charset, item.truncated,
            item.use_headers, item.payload,
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
        if self.barred and kind == "record" and self.barred.covers(item.url, host_of(item.url), None, doc_id):
            self.asides.add(tuple(taken_row(doc_id, self.source, item.uri).values()), ROW_BYTES)
            return
        values = (doc_id, self.source, item.url, item.uri, StageName.INGEST, kind, item.reason.value, item.detail)
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
