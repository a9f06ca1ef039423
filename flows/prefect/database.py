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
