"""A memory control group for one jail, if this machine lets us make one.

``RLIMIT_AS`` bounds each process; a control group bounds all of them together and the scratch file systems too.
Version 2 needs a group that we may divide and that has the memory controller; version 1 needs a memory hierarchy that
we may write (root in many containers and virtual machines). Without either, the jail has only the per-process limit,
and ``gristmill doctor`` says so.
"""

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

OWN_GROUPS = Path("/proc/self/cgroup")
MOUNTS = Path("/proc/self/mounts")
REMOVE_SECONDS = 10.0


@dataclass(frozen=True)
class MemoryGroups:
    """Where to make groups: ``parent`` is a directory in a control group file system of that ``version``."""

    parent: Path
    version: int


@dataclass(frozen=True)
class MemoryGroup:
    """One group; a process enters it by writing to the file ``procs``."""

    path: Path
    version: int

    @property
    def procs(self) -> Path:
        return self.path / "cgroup.procs"

    def out_of_memory_kills(self) -> int:
        """How many processes the kernel killed because the group was full."""
        report = self.path / ("memory.events" if self.version == 2 else "memory.oom_control")
        counts = dict(line.split() for line in report.read_text().splitlines())
        return int(counts.get("oom_kill", 0))


def find_memory_groups() -> MemoryGroups | None:
    """The nearest place below which this process can limit memory, tested by making a group there and removing it."""
    for candidate in _candidates():
        try:
            with memory_group(candidate, 64 << 20, f"probe-{os.getpid()}"):
                return candidate
        except OSError:
            continue  # we may not divide it: try the next one
    return None


def _candidates() -> Iterator[MemoryGroups]:
    mounts = [line.split() for line in MOUNTS.read_text().splitlines()]
    for line in OWN_GROUPS.read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        for _, place, kind, options, *_ in mounts:
            if kind == "cgroup" and controllers == "memory" and "memory" in options.split(","):
                yield MemoryGroups(Path(place + path), 1)
            if kind == "cgroup2" and not controllers:
                own = Path(place + path)
                yield MemoryGroups(own, 2)
                yield MemoryGroups(own.parent, 2)


@contextlib.contextmanager
def memory_group(groups: MemoryGroups, limit: int, name: str) -> Iterator[MemoryGroup]:
    """A group of at most ``limit`` bytes and no swap, removed afterwards. Raises OSError when that is refused."""
    group = MemoryGroup(groups.parent / f"gristmill-{name}", groups.version)
    group.path.mkdir()
    try:
        for file, value, required in _settings(group.version, limit):
            if required or (group.path / file).exists():
                (group.path / file).write_text(str(value))
        yield group
    finally:
        _remove(group.path)


def _settings(version: int, limit: int) -> list[tuple[str, int, bool]]:
    if version == 2:
        return [("memory.max", limit, True), ("memory.swap.max", 0, False)]
    # memory.memsw counts memory and swap together, and exists only with swap accounting.
    return [("memory.limit_in_bytes", limit, True), ("memory.memsw.limit_in_bytes", limit, False)]


def _remove(path: Path) -> None:
    """Remove a group; the kernel releases it a moment after its last process."""
    until = time.monotonic() + REMOVE_SECONDS
    while True:
        try:
            path.rmdir()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return
