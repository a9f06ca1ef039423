"""The Prefect servers of lakes that run on this machine, whichever copy of Gristmill started them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from gristmill.flows.prefect.home import place_of, read_record, users_of
from gristmill.flows.prefect.server import served_home


@dataclass(frozen=True)
class RunningServer:
    """One server: its process, the lake it was started for, its memory in bytes, and the pids of those that use it.
    ``known``: the lake is still there and its record names this server."""

    pid: int
    lake: Path
    memory: int
    users: tuple[int, ...]
    known: bool


def running_servers() -> list[RunningServer]:
    """The servers that this user may see, by lake. Cost: a look at every process of the machine, some milliseconds."""
    return sorted(_running(), key=lambda server: (str(server.lake), server.pid))


def _running() -> Iterator[RunningServer]:
    for process in psutil.process_iter():
        try:
            home = served_home(process)
            if home is None:
                continue
            memory = process.memory_info().rss
        except psutil.Error:
            continue
        record = read_record(home)
        known = record is not None and record.pid == process.pid and record.place == place_of(home)
        yield RunningServer(process.pid, home.parent, memory, tuple(user.pid for user in users_of(home)), known)
