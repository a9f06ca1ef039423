"""A blank database for new lakes' Prefect servers, made once on each machine.

Prefect 3 makes its tables by running every migration it ever had, 7 of the 12 seconds that a first start takes. So the
database of the first server on a machine is copied as soon as that server answers, before anything has run on it, and
later lakes begin from the copy. It is made by Prefect's own migrations and belongs to one version of Prefect; the
server still migrates at its start, and finds nothing to do. Nothing depends on it: without it a start takes longer.
"""

import logging
import os
import sqlite3
from contextlib import closing, suppress
from importlib.metadata import version
from pathlib import Path

from gristmill.core.files.atomic import publish, write_whole

NAME = "prefect.db"
LOG = logging.getLogger(__name__)


def lay_down(home: Path) -> bool:
    """Give the server that keeps its things in ``home`` a blank database, if it has none and there is a whole copy.

    Returns whether it did. A write-ahead log without its database counts as one: it must not meet another.
    """
    blank = blank_path()
    if any(home.glob(f"{NAME}*")) or not is_whole(blank):
        return False
    write_whole(home / NAME, blank.read_bytes())
    return True


def put_damaged_aside(home: Path) -> Path | None:
    """Move the database in ``home`` out of the way where SQLite finds it damaged, for a server would not start on it.

    Returns where it is now, None where there is nothing wrong with it. Cost: one read of it, before a server starts.
    """
    path = home / NAME
    if not path.is_file() or not is_damaged(path):
        return None
    number = len(list(home.glob(f"damaged-*-{NAME}"))) + 1
    aside = home / f"damaged-{number}-{NAME}"
    for part in (f"{NAME}-shm", f"{NAME}-wal", NAME):  # a log without its database is never met by another
        with suppress(FileNotFoundError):
            (home / part).rename(home / f"damaged-{number}-{part}")
    LOG.warning(
        "The database of the lake's Prefect server is damaged. It is now %s, and a new one begins: what Prefect "
        "shows of earlier runs is gone, the lake itself is untouched (`gristmill verify` checks it).",
        aside,
    )
    return aside


def is_damaged(path: Path) -> bool:
    """Whether SQLite says that a database is malformed or none; one that is locked or does not open is not damaged."""
    try:
        with closing(sqlite3.connect(path)) as database:
            found: list[tuple[str]] = database.execute("PRAGMA quick_check(1)").fetchall()
    except sqlite3.OperationalError:
        return False
    except sqlite3.DatabaseError:
        return True
    return found != [("ok",)]


def keep(home: Path) -> None:
    """Copy the database of a server that has just come up for the first time. Where that fails there is no copy."""
    blank = blank_path()
    temporary = blank.with_name(f".{blank.name}.{os.getpid()}.tmp")
    try:
        blank.parent.mkdir(parents=True, exist_ok=True)
        with (
            closing(sqlite3.connect(f"file:{home / NAME}?mode=ro", uri=True)) as source,
            closing(sqlite3.connect(temporary)) as target,
        ):
            source.backup(target)
        publish(temporary, blank)
    except (OSError, sqlite3.Error) as error:
        LOG.info("no blank database for later lakes: %s: %s", blank, error)
        with suppress(OSError):
            temporary.unlink()


def is_whole(blank: Path) -> bool:
    """Whether there is a copy that SQLite finds nothing wrong with, migrated and without a run."""
    if not blank.is_file():
        return False
    try:
        with closing(sqlite3.connect(f"file:{blank}?mode=ro&immutable=1", uri=True)) as database:
            checked = database.execute("PRAGMA quick_check").fetchone()
            migrated = database.execute("SELECT count(*) FROM alembic_version").fetchone()
            runs = database.execute("SELECT count(*) FROM flow_run").fetchone()
    except sqlite3.Error:
        return False
    return (checked, migrated, runs) == (("ok",), (1,), (0,))


def blank_path() -> Path:
    """Where this user's copy for the installed Prefect is: in ``XDG_CACHE_HOME`` or ``~/.cache``."""
    folder = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(folder).expanduser() / "gristmill" / f"prefect-{version('prefect')}.db"
