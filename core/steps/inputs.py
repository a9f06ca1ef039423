"""What one run of a step reads: lake files, folders of files, or a source from outside the lake."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from gristmill.core.digests import digest_digests, digest_text
from gristmill.core.errors import GristmillError
from gristmill.core.lake import Lake
from gristmill.core.manifest import FilesRef, Input, Ref
from gristmill.core.table import Table

TEXTS = frozenset({"text", "payload"})

Group = tuple[Table, ...]
"""Tables that a step takes as one argument: a mapping by table name."""


class Source(Protocol):
    """Something outside the lake. Its name and digest are part of the keys of outputs made from it; its path is not."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def digest(self) -> str:
        """Digest of its content, or of what is declared about its content."""

    @property
    def shard(self) -> str:
        """See :func:`source_shard`."""


@dataclass(frozen=True)
class SourceFile:
    """A file or folder from outside the lake."""

    path: Path
    name: str
    digest: str

    @property
    def shard(self) -> str:
        """See :func:`source_shard`."""
        return source_shard(self.name, self.digest)


def source_shard(name: str, digest: str) -> str:
    """A shard name made from content and name, not from a position in a list, so adding an input renames nothing."""
    return digest_text(f"{name}\n{digest}")[:16]


@dataclass(frozen=True)
class Inputs:
    """What one run of a step reads: lake files, folders of files, or a file from outside."""

    refs: tuple[Ref, ...] = ()
    files: tuple[FilesRef, ...] = ()
    source: Source | None = None

    def entries(self) -> tuple[Input, ...]:
        """Names and digests of everything read, which go into the output's key."""
        entries = [Input(table=ref.table, shard=ref.shard, digest=ref.digest) for ref in self.refs]
        entries += [Input(table=f"files/{ref.name}", shard=ref.shard, digest=ref.digest) for ref in self.files]
        entries.sort(key=lambda entry: (entry.table, entry.shard, entry.digest))
        if self.source is not None:
            digest = digest_digests([self.source.name, self.source.digest])
            entries.append(Input(table="source", shard=self.source.shard, digest=digest))
        return tuple(entries)

    def rows(self) -> dict[str, int]:
        """Rows read by table."""
        counts: dict[str, int] = {}
        for ref in self.refs:
            counts[ref.table] = counts.get(ref.table, 0) + ref.rows
        return counts

    def check(self, lake: Lake, reads: Sequence[Table], *, tables: bool, texts: bool) -> None:
        """Check what is passed on as paths: folders of files, and ``tables`` where DuckDB or polars may read them.

        Files are compared with their digests. Texts are most of the bytes of a table, so unless DuckDB reads ``texts``
        too, only the page checksums of the other columns are checked; whoever reads the texts does so with
        ``gristmill.core.files.parquet``, which checks every page. Raises :class:`gristmill.core.errors.DamageError`.
        Cost: one read, 2 GB/s or the disk's speed.
        """
        for files in self.files:
            lake.check_files(files)
        columns = {table.name: table.schema.names for table in reads}
        for ref in self.refs if tables else ():
            names = columns.get(ref.table, ())
            if texts or not TEXTS & set(names):
                lake.check(ref)
            else:
                lake.check_columns(ref, [name for name in names if name not in TEXTS])

    def tables(self, lake: Lake, takes: Sequence[Table | Group]) -> list[pa.Table | dict[str, pa.Table]]:
        """One Arrow table for each table of ``takes``, in that order, and a mapping of them for each group.

        An optional table that was left out is empty.
        """

        def read(table: Table) -> pa.Table:
            return pa.concat_tables(
                [table.schema.empty_table(), *(_rows(lake, table, ref) for ref in self.shards(table))]
            )

        return [
            read(entry) if isinstance(entry, Table) else {table.name: read(table) for table in entry} for entry in takes
        ]

    def paths(self, lake: Lake, takes: Sequence[Table | Group]) -> list[list[Path] | dict[str, list[Path]]]:
        """For each table of ``takes`` its Parquet files by shard name, and a mapping of them for each group."""

        def paths(table: Table) -> list[Path]:
            return [lake.path(ref) for ref in self.shards(table)]

        return [
            paths(entry) if isinstance(entry, Table) else {table.name: paths(table) for table in entry}
            for entry in takes
        ]

    def folders(self, lake: Lake) -> list[Path]:
        """The folders of files, in the order given."""
        return [lake.files_path(ref) for ref in self.files]

    def shards(self, table: Table) -> list[Ref]:
        """The files of ``table`` by shard name. Two files of one shard name keep the order they were given in."""
        found = sorted((ref for ref in self.refs if ref.table == table.name), key=lambda ref: ref.shard)
        if not found and not table.optional:
            raise GristmillError(f"no shard of table {table.name} was given")
        return found


def _rows(lake: Lake, table: Table, ref: Ref) -> pa.Table:
    """The rows of ``ref``. Raises :class:`GristmillError` when an earlier version wrote it with other columns."""
    rows = lake.read(ref)
    if rows.schema.names != table.schema.names:
        raise GristmillError(
            f"table {table.name}, shard {ref.shard}: its columns are those of an earlier version of gristmill. Run the "
            "same command again for the source of this shard: it makes this table again and keeps what has not changed."
        )
    return rows
