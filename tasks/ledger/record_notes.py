"""What a run reports about its records besides their fates: ids shared by several texts, dates in no known form, and
pages that the crawler cut short.

None costs a record: the first has an identity from its id and its content, the second no ``fetched_at``, of the third
the beginning is read. But they mean that the input is not what it seems: files that number their rows from 0, a column
that is not a date, a crawl with a small limit. Cost: a scan of four columns of ``records``; 24 bytes an id, which spill
to disk.
"""

from collections.abc import Sequence
from pathlib import Path

import duckdb
from pydantic import Field

from gristmill.core.config import Config
from gristmill.core.files.parquet import check_pages
from gristmill.tasks.dedup.records import database

MEMORY = 512 << 20
COLUMNS = ["doc_id", "native_id", "date_text", "truncated"]
SHOWN_CHARACTERS = 60


class RecordNotes(Config):
    """Counts over all records of one source that ingest passed on, with an example of each."""

    colliding_ids: int = Field(default=0, description="ids of the input that stand for more than one text")
    colliding_id: str | None = Field(default=None, description="one of them")
    unknown_dates: int = Field(default=0, description="records whose date is in no known form")
    unknown_date: str | None = Field(default=None, description="one of these dates, as it is written")
    truncated: int = Field(default=0, description="pages of which the crawler stored only the beginning")

    def lines(self) -> list[str]:
        """Lines for people; empty if all is well."""
        said = []
        if self.colliding_ids:
            said.append(
                f"{_count(self.colliding_ids, 'id stands', 'ids stand')} for several texts, such as "
                f"{_short(self.colliding_id)}: each text is a record of its own. Do files number their rows from 0? "
                "--map id=COLUMN names another column."
            )
        if self.unknown_dates:
            said.append(
                f"{_count(self.unknown_dates, 'record has', 'records have')} a date in no known form, such as "
                f"{_short(self.unknown_date)}, which was left out. Dates are ISO 8601, RFC 2822 or numbers since 1970; "
                "--map date=COLUMN names them."
            )
        if self.truncated:
            said.append(
                f"{_count(self.truncated, 'page is', 'pages are')} cut short: the crawler stored only the beginning "
                "(WARC-Truncated), and that was read. The column truncated of records says which."
            )
        return said


def record_notes(records: Sequence[Path], scratch: Path, memory: int = MEMORY) -> RecordNotes:
    """The notes on the files of ``records`` of one source. The examples are the first in order.

    Raises :class:`gristmill.core.errors.DamageError` for a file that is damaged or missing.
    """
    if not records:
        return RecordNotes()
    for path in records:
        check_pages(path, COLUMNS)
    with database(scratch, memory) as connection:
        # a file of the lake has no wildcard in its name, but its folder may
        paths = [str(path).replace("[", "[[]").replace("*", "[*]").replace("?", "[?]") for path in records]
        connection.read_parquet(paths).create_view("records")
        connection.execute(
            """
            CREATE TABLE colliding AS
            SELECT hash(native_id) AS id FROM records WHERE native_id IS NOT NULL
            GROUP BY id HAVING min(hash(doc_id)) <> max(hash(doc_id))
            """
        )
        ids, first_id = _one(
            connection,
            """
            SELECT count(DISTINCT native_id), min(native_id) FROM records
            WHERE (SELECT count(*) FROM colliding) > 0 AND hash(native_id) IN (SELECT id FROM colliding)
            """,
        )
        dates, first_date = _one(connection, "SELECT count(date_text), min(date_text) FROM records")
        truncated, _ = _one(connection, "SELECT count(truncated), min(truncated) FROM records")
    return RecordNotes(
        colliding_ids=ids,
        colliding_id=first_id,
        unknown_dates=dates,
        unknown_date=first_date,
        truncated=truncated,
    )


def _one(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[int, str | None]:
    count, example = connection.execute(query).fetchall()[0]
    return count, example


def _count(number: int, one: str, more: str) -> str:
    return f"{number:,} {one if number == 1 else more}"


def _short(text: str | None) -> str:
    return repr((text or "")[:SHOWN_CHARACTERS])
