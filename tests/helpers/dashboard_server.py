"""The dashboards as a process of their own, over a lake."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

START_SECONDS = 240.0
SERVER = """
import sys
from pathlib import Path
from gristmill.dashboards.accounts.store import Store
from gristmill.dashboards.app import run
from gristmill.dashboards.guard import Names
from gristmill.dashboards.services import Intake

intake = Intake(
    suites=("reading", "arithmetic", "python-basics", "heldout"),
    licences={"arithmetic": "CC-BY-NC-4.0"},
    servers=("http://models.example/v1",),
)
store = Store.at(Path(sys.argv[3])) if sys.argv[3] else None
run(Path(sys.argv[1]), Names.parse("127.0.0.1", sys.argv[4:]), port=int(sys.argv[2]), intake=intake, store=store)
"""


@dataclass(frozen=True)
class DashboardServer:
    """A running application."""

    process: "subprocess.Popen[bytes]"
    port: int

    @property
    def base(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def memory(self) -> int:
        """Resident bytes of the process."""
        return int(psutil.Process(self.process.pid).memory_info().rss)

    def connect(self) -> socket.socket:
        """A connection to it, for requests that no client would send."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=120)


@contextmanager
def running(root: Path, *allowed: str, accounts: Path | None = None) -> Iterator[DashboardServer]:
    """The application over the lake at ``root``, also under the names ``allowed``. A traceback in its output fails.

    ``accounts`` is the file of the accounts; the lake's own when left out.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(root), str(port), str(accounts or ""), *allowed],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    server = DashboardServer(process, port)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(server.base):
            assert process.poll() is None, f"the application ended: {process.communicate(timeout=120)[0].decode()}"
            assert time.monotonic() < deadline, "the application did not start"
            time.sleep(0.1)
        yield server
    finally:
        process.terminate()
        output = process.communicate(timeout=120)[0].decode()
    assert "Traceback" not in output, output


def _answers(base: str) -> bool:
    """Whether it answers: with what was asked, or that one has to sign in."""
    try:
        return httpx.get(base + "/api/overview", timeout=60).status_code in (200, 401)
    except httpx.TransportError:
        return False
