"""SQLite databases without what was taken down: needles in their cells are blanked, and freed pages written anew."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from gristmill.core.errors import GristmillError
from gristmill.flows.takedown.contents import blanked_bytes
from gristmill.flows.takedown.proof.needles import Finder

HEAD = b"SQLite format 3\0"


def is_sqlite(path: Path) -> bool:
    """Whether a file is an SQLite database."""
    with path.open("rb") as file:
        return file.read(len(HEAD)) == HEAD


def blank_database(path: Path, finder: Finder, done: Callable[[str], None] = lambda _: None) -> int:
    """Blank the needles in every cell, empty the write-ahead log, and rewrite the file, so that no freed page keeps
    what was there. Returns the cells that changed.

    Raises :class:`GristmillError` when another process holds the database.
    """
    changed = 0
    try:
        with closing(sqlite3.connect(path, timeout=10)) as database:
            database.execute("PRAGMA secure_delete = ON")
            for table, columns in _tables(database).items():
                changed += _blank_table(database, table, columns, finder)
            database.commit()
            if changed or finder(path.read_bytes()) or _log_holds(path, finder):
                database.execute("VACUUM")
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.OperationalError as error:
        raise GristmillError(
            f"{path}: another process uses this database ({error}). Stop it (dashboards, `gristmill serve --stop`) and "
            "run `gristmill takedown` again; it goes on from here."
        ) from error
    if changed:
        done(f"database {path.name}")
    return changed


def _log_holds(path: Path, finder: Finder) -> bool:
    log = path.with_name(f"{path.name}-wal")
    return log.is_file() and bool(finder(log.read_bytes()))


def _tables(database: sqlite3.Connection) -> dict[str, list[str]]:
    names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found = {}
    for name in names:
        if not name.startswith("sqlite_"):
            found[name] = [row[1] for row in database.execute(f'PRAGMA table_info("{name}")')]
    return found


def _blank_table(database: sqlite3.Connection, table: str, columns: list[str], finder: Finder) -> int:
    """Rows that hold a needle are updated by their row id; a table without one, by what they hold."""
    changed = 0
    quoted = ", ".join(f'"{column}"' for column in columns)
    try:
        rows = database.execute(f'SELECT rowid, {quoted} FROM "{table}"')  # noqa: S608 - names of the database itself
    except sqlite3.OperationalError:  # declared WITHOUT ROWID
        return 0
    for rowid, *cells in rows.fetchall():
        for column, cell in zip(columns, cells, strict=True):
            if not isinstance(cell, str | bytes):
                continue
            data = cell.encode("utf-8", "surrogatepass") if isinstance(cell, str) else cell
            if finder(data):
                blank = blanked_bytes(data, finder)
                value = blank.decode("utf-8", "surrogatepass") if isinstance(cell, str) else blank
                database.execute(f'UPDATE "{table}" SET "{column}" = ? WHERE rowid = ?', (value, rowid))  # noqa: S608 - names of the database itself
                changed += 1
    return changed
