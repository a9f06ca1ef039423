"""The file of the accounts: SQLite, readable by its owner only.

It holds hashes alone (of passwords: Argon2id; of sessions and tokens: SHA-256 of 256 random bits), so whoever steals it
cannot sign in with what it says. It is a file of its own beside ``state.sqlite``, which others may read.
"""

import os
import secrets
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from gristmill.core.errors import GristmillError, UsageError
from gristmill.core.files.atomic import fsync
from gristmill.core.files.audit import AuditLog

VERSION = 1
BUSY_SECONDS = 30.0
SCHEMA = (
    """CREATE TABLE accounts (
        key TEXT PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL, password TEXT NOT NULL, created_at REAL NOT NULL
    ) STRICT""",
    """CREATE TABLE sessions (
        id TEXT PRIMARY KEY, account TEXT NOT NULL REFERENCES accounts ON DELETE CASCADE, role TEXT,
        label TEXT NOT NULL, address TEXT NOT NULL, created_at REAL NOT NULL, seen_at REAL NOT NULL,
        ends_at REAL NOT NULL
    ) STRICT""",
    "CREATE TABLE attempts (at REAL NOT NULL, name TEXT NOT NULL, address TEXT NOT NULL) STRICT",
    "CREATE INDEX attempts_at ON attempts (at)",
    "CREATE TABLE about (id TEXT NOT NULL) STRICT",
)


@dataclass(frozen=True)
class Store:
    """The file ``path``, which :meth:`create` makes. Safe to share between threads; processes share the file.

    ``audit`` is where changes are written down.
    """

    path: Path
    audit: AuditLog
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    @classmethod
    def of_lake(cls, root: Path) -> "Store":
        """The accounts of the lake at ``root``, in its folder ``state``."""
        return cls(root / "state" / "accounts.sqlite", AuditLog.of_lake(root))

    @classmethod
    def at(cls, path: Path) -> "Store":
        """Accounts in a file outside of a lake, for several lakes; the audit log stands beside it."""
        return cls(path, AuditLog(path.with_name(f"{path.name}.audit.jsonl")))

    @property
    def exists(self) -> bool:
        """Whether accounts were ever made here. Removing the last one leaves the file, and nobody can sign in."""
        return self.path.is_file()

    def create(self) -> None:
        """Make the file if there is none. Raises :class:`GristmillError` when it cannot be written."""
        if self.exists:
            return
        temporary = self.path.with_name(f".{self.path.name}.{secrets.token_hex(8)}.tmp")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            database = sqlite3.connect(temporary, isolation_level=None)
            try:
                for statement in SCHEMA:
                    database.execute(statement)
                database.execute("INSERT INTO about VALUES (?)", (secrets.token_hex(4),))
                database.execute(f"PRAGMA user_version = {VERSION}")
            finally:
                database.close()
            fsync(temporary)
            with suppress(FileExistsError):  # whoever comes second keeps the first one's
                os.link(temporary, self.path)
            fsync(self.path.parent)
        except (OSError, sqlite3.OperationalError) as error:
            raise GristmillError(f"{self.path} cannot be made: {error}. Check the folder's owner.") from error
        finally:
            temporary.unlink(missing_ok=True)

    @cached_property
    def id(self) -> str:
        """Eight hexadecimal digits that tell this file's cookies from another's on the same host. No secret."""
        return str(self.read("SELECT id FROM about")[0]["id"])

    def read(self, query: str, values: Sequence[object] = ()) -> list[sqlite3.Row]:
        """The rows of a query; none when there is no file."""
        if not self.exists:
            return []
        with self._held() as database:
            return database.execute(query, values).fetchall()

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A connection inside one transaction, which takes the write lock at its start."""
        if not self.exists:
            raise UsageError(
                f"there are no accounts at {self.path}. The first: gristmill accounts add NAME --role admin"
            )
        with self._held() as database:
            database.execute("BEGIN IMMEDIATE")
            try:
                yield database
            except BaseException:
                database.execute("ROLLBACK")
                raise
            database.execute("COMMIT")

    @contextmanager
    def _held(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._lock:
                yield self._database
        except sqlite3.OperationalError as error:
            raise GristmillError(f"{self.path} cannot be used: {error}. Check its owner and free space.") from error
        except sqlite3.IntegrityError:
            raise
        except sqlite3.DatabaseError as error:
            raise GristmillError(
                f"{self.path} is damaged: {error}. Restore it, or move it away and start anew."
            ) from error

    @cached_property
    def _database(self) -> sqlite3.Connection:
        """The one connection, opened at first use.

        Raises :class:`UsageError` for a file that others may read, or of another version.
        """
        if self.path.stat().st_mode & 0o077:
            raise UsageError(f"{self.path}: other users may read this file. Run: chmod 600 {self.path}")
        database = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        database.row_factory = sqlite3.Row
        version = database.execute("PRAGMA user_version").fetchone()[0]
        if version != VERSION:
            database.close()
            raise UsageError(
                f"{self.path}: made by another version of gristmill ({version}, not {VERSION}). Install that."
            )
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute("PRAGMA foreign_keys = ON")
        database.execute("PRAGMA secure_delete = ON")
        return database

    def close(self) -> None:
        """Close the connection. The next use opens another."""
        opened: Any = self.__dict__.pop("_database", None)
        if opened is not None:
            opened.close()
