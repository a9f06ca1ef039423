"""A lake for one process alone: nothing else runs on it, here or on another machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from gristmill.core.errors import GristmillError
from gristmill.core.files.scratch import FOREIGN_SECONDS
from gristmill.core.lake import Lake
from gristmill.flows.prefect.run_log import close_abandoned, open_record
from gristmill.flows.upkeep.lock import exclusive


@contextmanager
def alone(lake: Lake, hint: str) -> Iterator[None]:
    """Lock the lake for this process alone. Raises :class:`GristmillError` that names what is running, and ``hint``.

    Runs of other machines are known by their open records, because some file systems do not share locks; a record that
    is a week old is one of a machine that died.
    """
    try:
        with exclusive(lake):
            close_abandoned(lake)
            if running := _running(lake):
                raise GristmillError(f"{lake.root} is in use: {running}. {hint}")
            yield
    except BlockingIOError as error:
        raise GristmillError(f"{lake.root} is in use: {_running(lake) or 'a run is under way'}. {hint}") from error


def _running(lake: Lake) -> str:
    """The open records of the last week."""
    entries = [entry for path in (lake.root / "log" / "runs").glob("*.json") if (entry := open_record(path))]
    return ", ".join(
        f"{entry['flow']} {entry['name']} on {entry['process']['host']}, since {entry['started_at']}"
        for entry in entries
        if (datetime.now(UTC) - datetime.fromisoformat(str(entry["started_at"]))).total_seconds() < FOREIGN_SECONDS
    )
