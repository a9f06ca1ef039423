"""Which process wrote something, and whether it still runs: pids are reused, and machines may share a lake."""

import os
import socket
from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class Process:
    """One process, identified for good by host, pid, and start time in milliseconds since 1970."""

    host: str
    pid: int
    started: int

    @property
    def name(self) -> str:
        """A file name that :func:`parse` reads."""
        return f"{self.pid}.{self.started}.{self.host}"

    @property
    def is_here(self) -> bool:
        """Whether it runs, or ran, on this machine."""
        return self.host == socket.gethostname()

    def is_alive(self) -> bool:
        """Whether it still runs; True for a process of another machine."""
        if not self.is_here:
            return True
        try:
            found = psutil.Process(self.pid)
            return _started(found) == self.started and found.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False


def this_process() -> Process:
    """The calling process."""
    return process_of(os.getpid())


def process_of(pid: int) -> Process:
    """The process with that pid on this machine. Raises ``psutil.NoSuchProcess`` when there is none."""
    return Process(socket.gethostname(), pid, _started(psutil.Process(pid)))


def parse(name: str) -> Process | None:
    """The process of that ``name``; None for a name of another form."""
    pid, _, rest = name.partition(".")
    started, _, host = rest.partition(".")
    return Process(host, int(pid), int(started)) if pid.isdigit() and started.isdigit() and host else None


def _started(process: psutil.Process) -> int:
    return int(process.create_time() * 1000)
