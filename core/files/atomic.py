"""Atomic writes: to a temporary name that only this process uses, synced to disk, then renamed."""

import os
from pathlib import Path


def write_whole(path: Path, content: str | bytes) -> None:
    """Write ``content`` (text as UTF-8) to ``path`` in one rename. Concurrent writers never mix their contents."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_bytes(content.encode() if isinstance(content, str) else content)
    publish(temporary, path)


def publish(temporary: Path, path: Path) -> None:
    """fsync, rename to the final name, fsync the folder."""
    fsync(temporary)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary.replace(path)
    fsync(path.parent)


def fsync(path: Path) -> None:
    """Force a file's or folder's content to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
