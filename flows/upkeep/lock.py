"""Who uses a lake: runs share it, and ``gristmill gc`` has it alone.

An advisory lock on ``log/in-use``, which the kernel frees when a process ends, however it ends.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from gristmill.core.lake import Lake

NAME = "in-use"


@contextmanager
def shared(lake: Lake) -> Iterator[None]:
    """Use the lake beside other runs; waits for a removal to end, which takes seconds."""
    with lake.log_path(NAME).open("a") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


@contextmanager
def exclusive(lake: Lake) -> Iterator[None]:
    """Lock the lake for this process alone. Raises ``BlockingIOError`` while a run uses it."""
    with lake.log_path(NAME).open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
