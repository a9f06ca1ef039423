"""One process at a time, over all that share a file system: a lock on a file, which the kernel frees when its holder
dies."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock on the file ``path``, in a folder that exists; waits for the one who has it.

    The file is made if it is missing, and stays.
    """
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
