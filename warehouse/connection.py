"""Read the published warehouse: the file that CURRENT names, opened read-only by its real path.

DuckDB keeps one instance per path in a process, so a file replaced under the same name would stay stale forever.
Therefore every version has its own name and CURRENT is a link. A reader follows it at every query, keeps one handle on
the version it found, and takes a cursor for each query, so threads share the handle. A query sees one whole version.
No SQL can reach a file or change a setting: external access is off and the configuration is locked.
"""

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.core.errors import DamageError, UsageError
from gristmill.core.files.parquet import raised_as_damage
from gristmill.core.files.places import local_path
from gristmill.core.hints import on_lake
from gristmill.warehouse.beyond import hint

FOLDER = "warehouse"
CURRENT = "CURRENT"
# One configuration for every handle of a process: DuckDB refuses a second one for the same file.
CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": False,
    "autoload_known_extensions": False,
    "autoinstall_known_extensions": False,
    "python_enable_replacements": False,
    "memory_limit": "2GB",
    "lock_configuration": True,
}
ATTEMPTS = 5
#: What DuckDB says when a checksum is wrong, when the file ends early, and when it is not a database.
DAMAGE = ("Corrupt database file", "Could not read enough bytes", "not a valid DuckDB database file")

Parameters = Sequence[Any] | Mapping[str, Any]


class Warehouse:
    """The warehouse of one lake. Safe to share between threads."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lock = threading.Lock()
        self._path: str | None = None
        self._connection: duckdb.DuckDBPyConnection | None = None

    @classmethod
    def open(cls, lake_root: Path) -> "Warehouse":
        """The warehouse of the lake at ``lake_root``, published or not.

        Raises :class:`UsageError` when the folder does not exist or is not a lake.
        """
        lake_root = local_path(lake_root, "--lake")
        if not lake_root.is_dir():
            raise UsageError(
                f"--lake {lake_root}: there is no such folder. `{on_lake('gristmill demo', lake_root)}` makes a lake."
            )
        if not (lake_root / "lake.json").is_file() and any(lake_root.iterdir()):
            raise UsageError(
                f"--lake {lake_root}: this folder is not a lake (it has no lake.json). Name the lake's folder."
            )
        return cls(lake_root.resolve())

    @property
    def pointer(self) -> Path:
        """The link to the current version."""
        return self.root / FOLDER / CURRENT

    @property
    def version(self) -> str | None:
        """Name of the current version, or None when nothing has been published."""
        return Path(os.path.realpath(self.pointer)).stem.removeprefix("warehouse-") if self.published else None

    @property
    def published(self) -> bool:
        """Whether there is a version to read."""
        return self.pointer.is_file()

    @property
    def empty_hint(self) -> str:
        """The commands to type when nothing has been published."""
        return (
            f"Nothing has been published yet. `{self.command('gristmill demo')}` fills the lake from an embedded "
            f"crawl, "
            f"`{self.command('gristmill curate --input PATH --source NAME')}` from yours; "
            f"`{self.command('gristmill warehouse rebuild')}` publishes what the lake already has."
        )

    def command(self, command: str) -> str:
        """``command`` with the options that point it at this lake."""
        return on_lake(command, self.root)

    def table(self, sql: str, parameters: Parameters = (), limit: int | None = None) -> pa.Table:
        """The result of one SQL statement as an Arrow table, without columns or rows when nothing is published.

        ``parameters`` fill ``?`` (a list) or ``$name`` (a mapping); at most ``limit`` rows are computed. Raises
        ``duckdb.Error`` for wrong SQL, and :class:`gristmill.core.errors.DamageError` when the file is damaged.
        """
        connection = self._current()
        if connection is None:
            return pa.table({})
        with self._raised_as_damage(), connection.cursor() as cursor:
            relation = cursor.sql(sql, params=parameters) if parameters else cursor.sql(sql)
            if relation is None:  # a statement without a result
                return pa.table({})
            return _in_utc((relation if limit is None else relation.limit(limit)).to_arrow_table())

    def query(self, sql: str, parameters: Parameters = ()) -> list[dict[str, Any]]:
        """The rows of one SQL statement; none when nothing is published."""
        rows: list[dict[str, Any]] = self.table(sql, parameters).to_pylist()
        return rows

    def ask(self, sql: str, limit: int | None = None) -> pa.Table:
        """The answer to SQL that a person wrote, at most ``limit`` rows.

        Raises :class:`UsageError` with DuckDB's message for wrong SQL, and with a hint when nothing is published.
        """
        if not self.published:
            raise UsageError(self.empty_hint)
        try:
            statements = duckdb.extract_statements(sql)
            if not statements:
                raise UsageError("there is no SQL here. Give one SELECT; SHOW TABLES lists the tables.")
            if len(statements) > 1:
                raise UsageError("give one statement at a time: these are several.")
            return self.table(sql, limit=limit)
        except duckdb.Error as error:
            reason = "\n".join(part for part in (str(error), hint(str(error), sql, self.root)) if part)
            raise UsageError(f"the warehouse cannot answer this: {reason}") from error

    def document_text(self, file: str, doc_id: str) -> str | None:
        """The text of a document from the Parquet file that its row names; None when that file is gone.

        ``file`` is relative to the lake. Files are sorted by ``doc_id``, so statistics rule out most row groups.
        Raises :class:`gristmill.core.errors.DamageError` for a damaged file.
        """
        path = (self.root / file).resolve()
        if not path.is_relative_to(self.root / "data") or not path.is_file():
            return None
        with raised_as_damage(path):
            found = pq.read_table(
                path, columns=["text"], filters=[("doc_id", "=", doc_id)], page_checksum_verification=True
            )
        return found.column("text")[0].as_py() if found.num_rows else None

    def _current(self) -> duckdb.DuckDBPyConnection | None:
        """A handle on the version that CURRENT names now."""
        with self._lock:
            for attempt in range(ATTEMPTS):
                if not self.published:
                    return None
                path = os.path.realpath(self.pointer)
                if path == self._path:
                    return self._connection
                try:
                    # drop the old handle without closing it: other threads' cursors still read the old version
                    with self._raised_as_damage():
                        self._connection = duckdb.connect(path, read_only=True, config=CONFIG)
                except duckdb.IOException:
                    # removed between reading CURRENT and opening the file: CURRENT names a newer one by now
                    if Path(path).exists() or attempt == ATTEMPTS - 1:
                        raise
                    continue
                self._path = path
                return self._connection
        return None

    @contextmanager
    def _raised_as_damage(self) -> Iterator[None]:
        """Turn DuckDB's errors about a damaged file into :class:`DamageError`.

        DuckDB verifies the checksum of every block it reads, but has no exception class for a wrong one.
        """
        try:
            yield
        except duckdb.Error as error:
            said = str(error).partition("\n")[0]
            if not any(words in said for words in DAMAGE):
                raise
            hint = f"Run `{self.command('gristmill warehouse rebuild')}`, which rebuilds it from the lake."
            raise DamageError(Path(os.path.realpath(self.pointer)), said, hint) from error


def _in_utc(rows: pa.Table) -> pa.Table:
    """Timestamps in UTC: DuckDB answers in the machine's time zone."""
    fields = [
        pa.field(field.name, pa.timestamp(field.type.unit, tz="UTC"))
        if pa.types.is_timestamp(field.type) and field.type.tz
        else field
        for field in rows.schema
    ]
    return rows.cast(pa.schema(fields))
