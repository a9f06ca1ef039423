"""The records that deduplication works on, as DuckDB tables that spill to disk.

``records``: one row per record that the policy kept; ``part`` is the index of its shard in the lists of files, and
``frozen`` says that an earlier curation's result stands for it. ``texts``: one row per text that is not an exact
duplicate (table Copies), numbered by ``idx`` in the order of doc_id. Every tie is broken by content and names, never by
the order of the files, so any order of inputs gives the same rows.

Cost: two joins and a sort over one row of about 150 bytes a record; memory at most the database's share of the budget,
the rest on disk.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from gristmill.core.errors import GristmillError
from gristmill.core.memory import database_share
from gristmill.schemas.stages import StageName

REPEATED = "repeated_"  # how the reasons of the cuts of repeated lines begin
THREADS = 2


@contextmanager
def database(scratch: Path, memory: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB database within its share of ``memory``; beyond it, tables and joins spill into ``scratch``."""
    settings: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{database_share(memory) >> 20}MiB",
        "threads": THREADS,
        "temp_directory": str(scratch / "spill"),
        "preserve_insertion_order": False,
        "autoinstall_known_extensions": False,
    }
    with duckdb.connect(config=settings) as connection:
        yield connection


def file_name(path: Path) -> str:
    """What ``frozen`` calls a file of documents of the lake: ``<shard>/<key>`` (see ``earlier_runs.frozen_name``)."""
    return f"{path.parent.name}/{path.stem}"


def load_records(
    connection: duckdb.DuckDBPyConnection, documents: list[Path], verdicts: list[Path], frozen: tuple[str, ...] = ()
) -> None:
    """Make the table ``records``. The i-th file of verdicts judges the i-th file of documents.

    Of the files of documents named in ``frozen`` (see :func:`file_name`) those records count that stage ``deduplicate``
    kept, of all others those that stage ``decide`` kept.

    Raises :class:`GristmillError` when the files do not belong together, and when two records of one doc_id also have
    the same record_uri, so that their fates could not be distinguished: two input files share a name.
    """
    attach(connection, "documents_rows", documents)
    attach(connection, "verdicts_rows", verdicts)
    states = pa.table(
        {
            "part": pa.array(range(len(documents)), pa.int32()),
            "frozen": pa.array([file_name(path) in frozen for path in documents], pa.bool_()),
        }
    )
    connection.from_arrow(states).create("parts")
    connection.execute(
        """
        CREATE TABLE kept_rows AS
        SELECT v.part, v.doc_id, p.frozen
        FROM verdicts_rows v JOIN parts p USING (part)
        WHERE v.kept AND v.stage = CASE WHEN p.frozen THEN $later ELSE $first END
        """,
        {"later": StageName.DEDUPLICATE, "first": StageName.DECIDE},
    )
    connection.execute(
        """
        CREATE TABLE records AS
        SELECT d.part, d.doc_id, d.source, d.record_uri, d.chars, d.text_hash, k.frozen
        FROM documents_rows d JOIN kept_rows k ON k.part = d.part AND k.doc_id = d.doc_id
        """
    )
    _check_placed(connection)


def load_texts(
    connection: duckdb.DuckDBPyConnection, copies: list[Path], cuts: list[Path], min_left: float = 0
) -> None:
    """Make the tables ``copied`` (part, doc_id, rule, speaker) and ``texts`` (idx, part, doc_id, lost).

    ``lost`` is true where the cuts of repeated lines leave less than ``min_left`` of the text: such a text takes no
    part in what follows. ``copies`` and ``cuts`` are files of the same shards as the records; ``cuts`` may be empty.
    """
    attach(connection, "copies_rows", copies)
    connection.execute(
        "CREATE TABLE copied AS SELECT part, doc_id, rule, speaker FROM copies_rows WHERE rule <> 'none'"
    )
    if cuts and min_left > 0:
        attach(connection, "cuts_rows", cuts)
        connection.execute(
            """
            CREATE TABLE cut_away AS
            SELECT part, doc_id, sum("end" - start) AS chars FROM cuts_rows
            WHERE starts_with(reason, $reason) GROUP BY part, doc_id
            """,
            {"reason": REPEATED},
        )
    else:
        connection.execute("CREATE TABLE cut_away (part INTEGER, doc_id VARCHAR, chars BIGINT)")
    connection.execute(
        """
        CREATE TABLE texts AS
        SELECT row_number() OVER (ORDER BY r.doc_id, r.part) - 1 AS idx, r.part, r.doc_id,
               coalesce((r.chars - x.chars) / r.chars < $min_left, false) AS lost
        FROM records r
        ANTI JOIN copied c ON c.part = r.part AND c.doc_id = r.doc_id
        LEFT JOIN cut_away x ON x.part = r.part AND x.doc_id = r.doc_id
        ORDER BY r.part
        """,
        {"min_left": min_left},
    )


def _check_placed(connection: duckdb.DuckDBPyConnection) -> None:
    """Check that every kept verdict has its record, and that every record is distinct."""
    found, expected = connection.execute(
        "SELECT (SELECT count(*) FROM records), (SELECT count(*) FROM kept_rows)"
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
            f"two different input files are called {clash[0].partition('@')[0]!r} and have the same record. "
            "Rename one of them, or give their common parent folder as the input."
        )


def attach(connection: duckdb.DuckDBPyConnection, name: str, paths: list[Path]) -> None:
    """Make the view ``name`` of the rows of Parquet files, with ``part``, the index of their file in ``paths``.

    File names are taken as they are: the characters of glob patterns in them mean nothing.
    """
    escaped = [re.sub(r"([*?\[])", r"[\1]", str(path)) for path in paths]
    connection.read_parquet(escaped).project("*, CAST(file_index AS INTEGER) AS part").create_view(name)
