"""Ingest: one input becomes ``records`` and ``set_aside``, in shards of bounded size; nothing is lost.

Every response, resource and conversion record, every row and every text file ends in exactly one of the two tables;
bytes that are not a record are rows of ``set_aside`` of kind ``damage``, and a file of which nothing was read is one
of kind ``file``. A record's identity is its WARC-Record-ID or the
value of the row's id column, together with the digest of its payload: files that number their rows from 0 have equal
ids for different texts, and those are different records. Without an id it is the digest of the payload with its number
among equals in the file. ``doc_id`` is the xxh3-128 of source and identity. A record whose identity an earlier one of
the same input has is set aside, so a shard never holds a ``doc_id`` twice, and neither do the shards of one file.

Cost: reads the input once; holds one part (``shard_bytes`` of payload) in memory, and about 120 bytes for each record
to know its identity again.
"""

import errno
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
from pydantic import Field

from gristmill.core.config import Config
from gristmill.core.errors import GristmillError
from gristmill.core.steps.kinds import partitioned_source_step
from gristmill.schemas.tables import Records, SetAside
from gristmill.tasks.ingest.barred import Barred, BarredSource
from gristmill.tasks.ingest.parts import Parts, bytes_of
from gristmill.tasks.ingest.readers.archives.archive import read_arc, read_wacz, read_warc
from gristmill.tasks.ingest.readers.items import Aside, Items, ReadOptions
from gristmill.tasks.ingest.readers.kinds import Kind, kind_of
from gristmill.tasks.ingest.readers.reasons import Reason
from gristmill.tasks.ingest.readers.rows.columns import ColumnMap, ColumnsError
from gristmill.tasks.ingest.readers.rows.csv import read_csv
from gristmill.tasks.ingest.readers.rows.parquet import read_parquet
from gristmill.tasks.ingest.readers.rows.rows import check_columns, read_jsonl
from gristmill.tasks.ingest.readers.texts import read_text
from gristmill.tasks.ingest.sources import InputSource

READERS: dict[Kind, Callable[[Path, str, ReadOptions], Items]] = {
    Kind.WARC: read_warc,
    Kind.ARC: read_arc,
    Kind.WACZ: read_wacz,
    Kind.JSONL: read_jsonl,
    Kind.PARQUET: read_parquet,
    Kind.CSV: read_csv,
    Kind.TSV: lambda path, name, options: read_csv(path, name, options, tabs=True),
    Kind.PLAIN: lambda path, name, options: read_text(path, name, options, "text/plain"),
    Kind.MARKDOWN: lambda path, name, options: read_text(path, name, options, "text/markdown"),
    Kind.HTML: lambda path, name, options: read_text(path, name, options, "text/html"),
}

# Lines of JSON that are looked at for the columns before a run begins.
FIRST_LINES = 10_000


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
    def read_options(self) -> ReadOptions:
        """The part that the readers need."""
        return ReadOptions(self.max_payload_bytes, self.map, self.unquoted)


@partitioned_source_step("ingest", version=9, writes=(Records, SetAside))
def ingest(
    source: InputSource | BarredSource, config: IngestConfig, downloads: Path
) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Read one input, part by part: its records, and what was set aside with the reason. At least one part.

    A file that lacks a column of the config is set aside whole, and so is a record that was taken down. A remote file
    is in ``downloads`` while it is read. Raises :class:`GristmillError` when a file is gone or cannot be downloaded, or
    the temporary folder is full.
    """
    parts = Parts(config.source, source.barred if isinstance(source, BarredSource) else Barred())
    for file in source.members:
        parts.begin_file()
        with file.opened(downloads) as path:
            for item in _items(path, file.name, config.read_options):
                if parts.bytes + bytes_of(item) > config.shard_bytes and parts.rows:
                    yield parts.take()
                parts.add(item)
        parts.end_file(file.name)
    if parts.rows or not parts.given:
        yield parts.take()


def _items(path: Path, name: str, options: ReadOptions) -> Items:
    """The items of a file, with the errors of its folder and of the temporary folder put into words."""
    try:
        yield from read_items(path, name, options)
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


def read_items(path: Path, name: str, options: ReadOptions) -> Items:
    """The items of a file, by its kind; for a kind that is not read, one item that says so."""
    kind, reason, detail = kind_of(path, name)
    if kind is None:
        return iter([Aside(name, reason, detail, unread=True)])
    return READERS[kind](path, name, options)


def columns_problem(path: Path, name: str, options: ReadOptions) -> ColumnsError | None:
    """What is wrong with the columns of a file, judged by its header or its first ``FIRST_LINES`` lines."""
    kind, _, _ = kind_of(path, name)
    try:
        if kind is Kind.JSONL:
            check_columns(path, name, options, FIRST_LINES)
        elif kind in (Kind.CSV, Kind.TSV, Kind.PARQUET):
            next(READERS[kind](path, name, options), None)
    except ColumnsError as error:
        return error
    return None
