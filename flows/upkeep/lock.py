"""Who uses a lake: runs share it, and ``gristmill gc`` and ``gristmill takedown`` have it alone.

An advisory lock on ``log/in-use``, which the kernel frees when a process ends, however it ends.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from gristmill.core.errors import GristmillError
from gristmill.core.hints import on_lake
from gristmill.core.lake import Lake

NAME = "in-use"


@contextmanager
def shared(lake: Lake) -> Iterator[None]:
    """Use the lake beside other runs; waits for a removal to end.

    Raises :class:`GristmillError` where a takedown was interrupted, because the lake is half rewritten then.
    """
    with lake.log_path(NAME).open("a") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        refuse_unfinished(lake)
        yield


@contextmanager
def exclusive(lake: Lake) -> Iterator[None]:
    """Lock the lake for this process alone. Raises ``BlockingIOError`` while a run uses it."""
    with lake.log_path(NAME).open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def refuse_unfinished(lake: Lake) -> None:
    """Raises :class:`GristmillError` where a takedown was begun and not finished."""
    if any((lake.root / "takedowns").glob("*/journal.json")):
        command = on_lake("gristmill takedown --resume", lake.root)
        raise GristmillError(
            f"a takedown of {lake.root} was interrupted. `{command}` finishes it; then run this again."
        )
