"""Politeness towards one web server, kept by all workers and processes that share a folder.

A server has a file that says when it may be asked next, and as many lock files as it may serve downloads at the same
time. Locks are the kernel's (``flock``), so a process that dies leaves none behind. Cost: a few system calls a request.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

POLL_SECONDS = 0.1


class Pace:
    """When a server may be asked, and how many may download from it. ``folder`` is created when it is needed."""

    def __init__(self, folder: Path, delay_seconds: float, connections: int) -> None:
        self.folder = folder
        self.delay_seconds = delay_seconds
        self.connections = connections

    def wait(self, host: str) -> None:
        """Sleep until the server may be asked, and note when it may be asked again."""
        with self._next(host) as file:
            now = time.time()
            slot = max(now, _moment(file))
            _note(file, slot + self.delay_seconds)
        time.sleep(max(0.0, slot - now))

    def stay_away(self, host: str, seconds: float) -> None:
        """Nobody asks the server for that long."""
        with self._next(host) as file:
            _note(file, max(_moment(file), time.time() + seconds))

    @contextmanager
    def connection(self, host: str) -> Iterator[None]:
        """Hold one of the server's connections; waits until one is free."""
        descriptor = self._free(host)
        try:
            yield
        finally:
            os.close(descriptor)  # which also unlocks it

    def _free(self, host: str) -> int:
        while True:
            for number in range(self.connections):
                descriptor = self._open(f"{_safe(host)}.{number}")
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    os.close(descriptor)
                else:
                    return descriptor
            time.sleep(POLL_SECONDS)

    @contextmanager
    def _next(self, host: str) -> Iterator[int]:
        descriptor = self._open(f"{_safe(host)}.next")
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield descriptor
        finally:
            os.close(descriptor)

    def _open(self, name: str) -> int:
        folder = self.folder / "hosts"
        folder.mkdir(parents=True, exist_ok=True)
        return os.open(folder / name, os.O_RDWR | os.O_CREAT, 0o644)


def _safe(host: str) -> str:
    return "".join(letter if letter.isalnum() or letter in ".-" else "_" for letter in host)[:100]


def _moment(descriptor: int) -> float:
    """The moment in the file; 0 for an empty one, and for one that a dying machine left half written."""
    try:
        return float(os.pread(descriptor, 64, 0))
    except ValueError:
        return 0.0


def _note(descriptor: int, moment: float) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{moment:.3f}".encode(), 0)
