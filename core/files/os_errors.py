"""A full disk, a quota or an unwritable folder, reported so that the user knows what to do."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gristmill.core.errors import GristmillError


@contextmanager
def translate_os_errors(root: Path) -> Iterator[None]:
    """Turn a full disk, a quota and a read-only folder into errors that say what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise GristmillError(
                f"the disk of the lake {root} is full. Finished work is kept: free some space (or move the lake) and "
                "run the same command again; it resumes where it stopped."
            ) from error
        if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
            raise GristmillError(f"the lake {root} cannot be written: {error}. Check who owns the folder.") from error
        raise
