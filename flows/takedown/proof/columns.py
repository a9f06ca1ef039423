"""Looking into what is stored in columns: Parquet, SQLite, DuckDB, and the text that tokens stand for."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pyarrow as pa

from gristmill.core.files.parquet import open_parquet, raised_as_damage
from gristmill.flows.takedown.proof.needles import Finder, Match
from gristmill.flows.takedown.proof.token_text import token_pieces

BATCH_ROWS = 512
Place = tuple[str, str | None, Match]
"""The place in a file, the document, the match."""


def of_parquet(path: Path, finder: Finder) -> Iterator[Place]:
    """Each column of texts or bytes, a batch of rows at a time, with the document of the row."""
    with open_parquet(path) as file, raised_as_damage(path):
        names = [field.name for field in file.schema_arrow if is_text(field.type)]
        identity = ["doc_id"] if "doc_id" in file.schema_arrow.names else []
        for name in names:
            for batch in file.iter_batches(BATCH_ROWS, columns=list(dict.fromkeys([name, *identity]))):
                for row, match in of_array(batch.column(name), finder):
                    yield f"column {name}", batch.column("doc_id")[row].as_py() if identity else None, match


def is_text(kind: pa.DataType) -> bool:
    """Whether a column holds texts, bytes, or lists of them."""
    value = kind.value_type if pa.types.is_list(kind) else kind
    return any(
        check(value)
        for check in (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
    )


def of_array(values: pa.Array, finder: Finder) -> Iterator[tuple[int, Match]]:
    """Rows of a column of texts, bytes or lists of them, and what is found in each.

    The bytes of all rows lie one after another, so they are looked at together, and only rows that may hold something
    are looked at alone.
    """
    import numpy as np

    if pa.types.is_list(values.type):
        parents = np.repeat(np.arange(len(values)), np.nan_to_num(np.array(_lengths(values), dtype=float)).astype(int))
        for row, match in of_array(values.flatten(), finder):
            yield int(parents[row]), match
        return
    wide = values.cast(pa.large_binary())
    _, ends, data = wide.buffers()
    if data is None or not len(wide):
        return
    offsets = np.frombuffer(ends, np.int64)[wide.offset : wide.offset + len(wide) + 1]
    view = memoryview(data)[int(offsets[0]) : int(offsets[-1])]
    rows = {
        int(np.searchsorted(offsets, offsets[0] + match.end - 1, side="right")) - 1 for match in finder.candidates(view)
    }
    for row in sorted(rows):
        low, high = int(offsets[row] - offsets[0]), int(offsets[row + 1] - offsets[0])
        for match in finder(view[low:high]):
            yield row, match


def _lengths(values: pa.Array) -> list[int | None]:
    import pyarrow.compute as pc

    lengths: list[int | None] = pc.list_value_length(values).to_pylist()
    return lengths


def of_sqlite(path: Path, finder: Finder) -> Iterator[Place]:
    """Each text and blob of every table, with what the write-ahead log holds."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        database.text_factory = bytes
        for table in _tables(database):
            cursor = database.execute(f'SELECT * FROM "{table}"')  # noqa: S608 - names of the database itself
            names = [entry[0] for entry in cursor.description]
            for row in cursor:
                for name, value in zip(names, row, strict=True):
                    if isinstance(value, bytes):
                        for match in finder(value):
                            yield f"table {table}, column {name}", None, match


def _tables(database: sqlite3.Connection) -> list[str]:
    rows = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    return [name.decode() if isinstance(name, bytes) else name for (name,) in rows]


def of_duckdb(path: Path, finder: Finder) -> Iterator[Place]:
    """Each column of texts of every table."""
    import duckdb

    with duckdb.connect(str(path), read_only=True) as database:
        columns = database.execute(
            "SELECT c.table_name, c.column_name FROM duckdb_columns() c JOIN duckdb_tables() t USING (table_oid) "
            "WHERE c.data_type LIKE 'VARCHAR%' OR c.data_type IN ('JSON', 'BLOB')"
        ).fetchall()
        for table, column in columns:
            rows = database.sql(f'SELECT "{column}" FROM "{table}"')  # noqa: S608 - names of the database itself
            for batch in rows.to_arrow_reader(BATCH_ROWS):
                for _, match in of_array(batch.column(0), finder):
                    yield f"table {table}, column {column}", None, match


def of_tokens(path: Path, finder: Finder) -> Iterator[Place]:
    """The text that the tokens of each document stand for."""
    for doc_id, text in token_pieces(path):
        for match in finder(text):
            yield "the text of the tokens", doc_id, match
