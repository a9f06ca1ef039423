"""The records that deduplication works on, as DuckDB tables that spill to disk.

``records``: one row per record that the policy kept (``part`` is the place of its shard in the lists of files), with
``first_record`` true for one record of each doc_id. ``texts``: one row per distinct text of those, numbered by ``idx``
in the order of doc_id, standing for all exact copies. Every tie is broken by content and names, never by the order of
the files, so any order of inputs gives the same rows.

Cost: two joins and a sort over one row of about 150 bytes a record; memory at most ``MEMORY``, the rest on disk.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from schemas.errors import GristmillError
from tasks.decide import STAGE as DECIDE

MEMORY = "2GB"
THREADS = 4


@contextmanager
def database(scratch: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB database in the folder ``scratch``, within ``MEMORY``, spilling into the same folder."""
    settings: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": MEMORY,
        "threads": THREADS,
        "temp_directory": str(scratch / "spill"),
        "preserve_insertion_order": False,
        "autoinstall_known_extensions": False,
    }
    with duckdb.connect(str(scratch / "dedup.duckdb"), config=settings) as connection:
        yield connection


def load_records(connection: duckdb.DuckDBPyConnection, documents: list[Path], verdicts: list[Path]) -> None:
    """Make the tables ``records`` and ``texts``. The i-th file of verdicts judges the i-th file of documents.

    Raises :class:`GristmillError` when the files do not belong together, and when two records of one doc_id also have
    the same record_uri, so that nothing could tell their fates apart: two input files share a name.
    """
    attach(connection, "documents_rows", documents)
    attach(connection, "verdicts_rows", verdicts)
    connection.execute(
        """
        CREATE TABLE records AS
        SELECT d.part, d.doc_id, d.source, d.record_uri, d.chars, d.text_hash,
               row_number() OVER (
                   PARTITION BY d.doc_id ORDER BY d.chars DESC, d.text_hash, d.record_uri
               ) = 1 AS first_record
        FROM documents_rows d
        JOIN verdicts_rows v ON v.part = d.part AND v.doc_id = d.doc_id
        WHERE v.stage = $stage AND v.kept
        """,
        {"stage": DECIDE},
    )
    _check_placed(connection)
    connection.execute(
        """
        CREATE TABLE texts AS
        SELECT row_number() OVER (ORDER BY doc_id) - 1 AS idx, doc_id, text_hash
        FROM (SELECT min(doc_id) AS doc_id, text_hash FROM records WHERE first_record GROUP BY text_hash)
        """
    )


def _check_placed(connection: duckdb.DuckDBPyConnection) -> None:
    """Every kept verdict has found its record, and every record can be told from the others."""
    found, expected = connection.execute(
        """
        SELECT (SELECT count(*) FROM records), (SELECT count(*) FROM verdicts_rows WHERE stage = $stage AND kept)
        """,
        {"stage": DECIDE},
    ).fetchall()[0]
    if found != expected:
        raise GristmillError(
            f"{expected:,} documents are kept by the verdicts and {found:,} of them are in the documents' files at the "
            "same places: give the files of both tables for the same shards, in the same order."
        )
    clash = connection.execute(
        "SELECT record_uri FROM records GROUP BY doc_id, record_uri HAVING count(*) > 1 ORDER BY ALL LIMIT 1"
    ).fetchone()
    if clash:
        raise GristmillError(
            f"two different input files are called {clash[0].partition('@')[0]!r} and hold the same record. "
            "Rename one of them, or give their common parent folder as the input."
        )


def attach(connection: duckdb.DuckDBPyConnection, name: str, paths: list[Path]) -> None:
    """Make the view ``name`` of the rows of Parquet files, with ``part``, the place of their file in ``paths``.

    File names are taken as they are: the characters of glob patterns in them mean nothing.
    """
    files = pa.table({"filename": [str(path) for path in paths], "part": pa.array(range(len(paths)), pa.int32())})
    connection.from_arrow(files).create(f"{name}_files")
    escaped = [re.sub(r"([*?\[])", r"[\1]", str(path)) for path in paths]
    rows = connection.read_parquet(escaped, filename=True)
    rows.join(connection.table(f"{name}_files"), "filename").create_view(name)
