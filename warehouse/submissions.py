"""What people submit, in small transactions. SQLite in WAL mode, so that many processes read while one writes.

The first write creates the file, in a folder of its own (``state/``), so dashboards may run as a user who can read
the lake and write only there. The file is not part of the warehouse, because it cannot be rebuilt.
"""

import json
import os
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gristmill.core.errors import DamageError, GristmillError
from gristmill.core.printable import printable
from gristmill.schemas.submission import Status, StoredSubmission, Submission
from gristmill.warehouse.build.migrate import Migration, pending, read_migrations

MIGRATIONS = Path(__file__).parent / "sql" / "submissions"
BUSY_SECONDS = 30.0
JSON_COLUMNS = ("suites", "accept_licences", "backend")
HINT = "Use the version of gristmill that wrote this lake's state, or move state/state.sqlite aside."


@dataclass(frozen=True)
class State:
    """The state database of the lake at ``root``. Cheap to create; safe to share between threads and processes."""

    root: Path

    @property
    def path(self) -> Path:
        """The database file; it does not exist before the first write."""
        return self.root / "state" / "state.sqlite"

    def submit(self, submission: Submission, submitted_by: str) -> StoredSubmission:
        """Store a submission with status ``queued``. Raises :class:`GristmillError` when it cannot be written."""
        now = _now()
        stored = StoredSubmission(
            **submission.model_dump(),
            id=uuid.uuid4().hex,
            submitted_by=submitted_by,
            status="queued",
            created_at=now,
            updated_at=now,
            flow_run=None,
            error=None,
        )
        row = _encoded(stored.model_dump(mode="json"))
        names = ", ".join(row)
        marks = ", ".join(f":{name}" for name in row)
        with self._write() as database:
            database.execute(f"INSERT INTO submissions ({names}) VALUES ({marks})", row)  # noqa: S608 - model fields
        return stored

    def update(self, id: str, status: Status, *, flow_run: str | None = None, error: str | None = None) -> None:
        """Set the status and the error of a submission; its flow run stays as it was when none is given.

        Raises :class:`GristmillError` when there is no such submission.
        """
        self._change("status = ?, error = ?, flow_run = coalesce(?, flow_run)", (status, error, flow_run), id)

    def attach(self, id: str, flow_run: str) -> None:
        """Note which flow run evaluates a submission. Raises as :meth:`update`."""
        self._change("flow_run = ?", (flow_run,), id)

    def submission(self, id: str) -> StoredSubmission | None:
        """One submission, or None."""
        return next(iter(self._read("WHERE id = ?", (id,))), None)

    def submissions(self, limit: int = 200, status: Status | None = None) -> list[StoredSubmission]:
        """The newest submissions first, all or those of one status."""
        if status is None:
            return self._read("ORDER BY created_at DESC, id LIMIT ?", (limit,))
        return self._read("WHERE status = ? ORDER BY created_at DESC, id LIMIT ?", (status, limit))

    def _change(self, assignments: str, values: tuple[object, ...], id: str) -> None:
        with self._write() as database:
            changed = database.execute(
                f"UPDATE submissions SET {assignments}, updated_at = ? WHERE id = ?",  # noqa: S608 - our assignments
                (*values, _now().isoformat(), id),
            ).rowcount
        if changed != 1:
            raise GristmillError(f"there is no submission {id}")

    def _read(self, clause: str, values: tuple[object, ...]) -> list[StoredSubmission]:
        if not self.path.is_file():
            return []
        query = f"SELECT * FROM submissions {clause}"  # noqa: S608 - our clauses
        try:
            with closing(self._connect()) as database, database:
                rows = database.execute(query, values).fetchall()
            return [StoredSubmission.model_validate(_decoded(dict(row))) for row in rows]
        except sqlite3.OperationalError as error:
            raise GristmillError(f"{self.path} cannot be read: {error}. Check the folder's owner.") from error
        except (sqlite3.DatabaseError, ValueError) as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> DamageError:
        hint = (
            "It has only the submissions: restore it from a backup, or move it away to start with an empty list. "
            "Scores are stored elsewhere."
        )
        return DamageError(self.path, str(error).partition("\n")[0], hint)

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        """A connection inside one transaction, which takes the write lock at its start."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(self._connect()) as database:
                database.execute("BEGIN IMMEDIATE")
                try:
                    yield database
                except BaseException:
                    database.execute("ROLLBACK")
                    raise
                database.execute("COMMIT")
        except (sqlite3.OperationalError, OSError) as error:
            raise GristmillError(
                f"{self.path} cannot be written: {error}. Check the folder's owner and free space."
            ) from error
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.IntegrityError):
                raise
            raise self._damaged(error) from error

    def _connect(self) -> sqlite3.Connection:
        """Open, create and migrate. Two processes that do so at once wait for each other."""
        database = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None)
        database.row_factory = sqlite3.Row
        migrations = read_migrations(MIGRATIONS)
        if database.execute("PRAGMA user_version").fetchone()[0] == len(migrations):
            pending(migrations, _applied(database), HINT)
        else:
            _migrate(database, migrations)
        database.execute("PRAGMA synchronous = FULL")
        return database


def submitter() -> str:
    """Who runs this process, as a name for ``submitted_by``."""
    return os.environ.get("USER") or f"uid {os.getuid()}"


def _migrate(database: sqlite3.Connection, migrations: list[Migration]) -> None:
    """Apply what is missing, in one transaction."""
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("BEGIN IMMEDIATE")
    database.execute("CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY, digest TEXT NOT NULL) STRICT")
    for migration in pending(migrations, _applied(database), HINT):
        for statement in _statements(migration.sql):
            database.execute(statement)
        database.execute("INSERT INTO migrations VALUES (?, ?)", (migration.name, migration.digest))
    database.execute(f"PRAGMA user_version = {len(migrations)}")
    database.execute("COMMIT")


def _applied(database: sqlite3.Connection) -> dict[str, str]:
    return {row["name"]: row["digest"] for row in database.execute("SELECT name, digest FROM migrations")}


def _statements(sql: str) -> Iterator[str]:
    """The statements of a script one by one: ``executescript`` would commit the open transaction."""
    statement = ""
    for line in sql.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _encoded(row: dict[str, Any]) -> dict[str, Any]:
    return row | {name: json.dumps(row[name], ensure_ascii=False) for name in JSON_COLUMNS}


def _decoded(row: dict[str, Any]) -> dict[str, Any]:
    """The row as values. Earlier versions accepted unprintable characters in names; they are dropped here."""
    decoded = row | {name: json.loads(row[name]) for name in JSON_COLUMNS}
    backend = decoded["backend"]
    names = {name: printable(decoded[name], keep="") for name in ("checkpoint", "label", "data")}
    return decoded | names | {"backend": backend | {"model": printable(backend.get("model", ""), keep="")}}


def _now() -> datetime:
    return datetime.now(UTC)
