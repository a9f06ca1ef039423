"""Folders under a lake's ``tmp/`` for files being written, each named after its writer, and their removal."""

import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gristmill.core.files.os_errors import translate_os_errors
from gristmill.core.processes import parse, this_process

FOREIGN_SECONDS = 7 * 86_400


@contextmanager
def temporary_folder(root: Path) -> Iterator[Path]:
    """A folder on the file system of the lake at ``root``; removed afterwards."""
    folder = root / "tmp" / this_process().name / uuid.uuid4().hex
    with translate_os_errors(root):
        folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_abandoned(root: Path) -> None:
    """Remove the folders of dead writers, and week-old ones of writers on other machines."""
    base = root / "tmp"
    if not base.is_dir():
        return
    for folder in base.iterdir():
        writer = parse(folder.name)
        if writer is None or not writer.is_alive() or (not writer.is_here and _age(folder) > FOREIGN_SECONDS):
            shutil.rmtree(folder, ignore_errors=True)


def _age(folder: Path) -> float:
    """Seconds since something was last created or removed in ``folder``; 0 when it has just gone."""
    try:
        return time.time() - folder.stat().st_mtime
    except FileNotFoundError:
        return 0.0
