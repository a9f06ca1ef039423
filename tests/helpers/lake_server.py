"""Start the Prefect server of a lake in a test, as a command would, and see whether it still runs."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from gristmill.flows.cli.upkeep.doctor import servers
from gristmill.flows.prefect.home import home, read_credential, read_record

HOLD = """
import sys
from pathlib import Path
from gristmill.flows.prefect.server import connect_server
connect_server(Path(sys.argv[1]), held=sys.argv[2] == "hold")
print("up", flush=True)
sys.stdin.read()
"""
ENDS_WITHIN_S = 90.0


def plain_environment() -> dict[str, str]:
    """The environment of a user who runs no Prefect server of their own."""
    return {key: value for key, value in os.environ.items() if not key.startswith("PREFECT_")}


@dataclass(frozen=True)
class Running:
    """The process of a server, its address and its credential."""

    process: psutil.Process
    url: str
    credential: str


def running(lake: Path) -> Running:
    """The server that the lake's record names, which runs."""
    record = read_record(home(lake))
    assert record is not None, "no record"
    assert record.process.is_alive()
    return Running(psutil.Process(record.pid), record.api_url, read_credential(lake))


def start(lake: Path, *, hold: bool = False, **environment: str) -> "subprocess.Popen[str]":
    """A process that has the lake's server, started if need be, until its standard input is closed."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(lake), "hold" if hold else "use"],
        env=plain_environment() | environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    return process


def end(process: "subprocess.Popen[str]") -> None:
    """Let a process of :func:`start` end."""
    process.communicate(timeout=ENDS_WITHIN_S)


def ended(process: psutil.Process) -> bool:
    """Whether a process runs no more."""
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def until(what: Callable[[], bool], seconds: float = ENDS_WITHIN_S) -> bool:
    """Whether that becomes true within ``seconds``."""
    deadline = time.monotonic() + seconds
    while not what():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def listed() -> dict[str, str]:
    """What ``gristmill doctor`` says of the servers that run, by lake."""
    return {finding.what: finding.found for finding in servers()}
