"""The Prefect server that the command line uses: the one at ``PREFECT_API_URL``, else one local server for each lake.

A local server is started on loopback at first use, reused by every later command, and stopped by
``gristmill serve --stop``. It keeps its SQLite database in ``LAKE/prefect``; losing that folder loses the record of
what ran, never data. Starting takes 4 seconds and 250 MB, the first time on a machine 12 (see ``server_database``).
Prefect's ephemeral mode is never used: it starts a server for every process and fails under load (DECISIONS.md).
"""

import fcntl
import importlib
import json
import os
import signal
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

from flows import server_database
from schemas.errors import GristmillError
from schemas.files import write_whole

START_SECONDS = 120.0
STOP_SECONDS = 15.0

# No telemetry and no look-ups of hosts outside; events stay, since run states travel by them.
QUIET = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_LOGGING_LEVEL": "WARNING",
    "PREFECT_LOGGING_SERVER_LEVEL": "WARNING",
    "PREFECT_CLI_PROMPT": "false",
    "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
}

# Who waits for a place under a concurrency limit asks again after so many seconds instead of 30; each time is a row of
# the server's database, and an evaluation may take hours.
SOON = {"PREFECT_SERVER_DEPLOYMENTS_CONCURRENCY_SLOT_WAIT_SECONDS": "10"}


@dataclass(frozen=True)
class Server:
    """A Prefect server. ``pid`` is None for one that somebody else runs."""

    api_url: str
    pid: int | None
    started_here: bool = False

    @property
    def ui_url(self) -> str:
        """Where a person looks at the runs."""
        return self.api_url.removesuffix("/api")


def ensure_server(lake_root: Path) -> Server:
    """The server to use, started when it does not run yet, and made the one this process and its children talk to.

    Raises :class:`GristmillError` when ``PREFECT_API_URL`` does not answer, or the local server does not come up.
    """
    url = os.environ.get("PREFECT_API_URL")
    if url:
        if not is_healthy(url, timeout=10.0):
            raise GristmillError(
                f"PREFECT_API_URL is {url}, and no Prefect server answers there. Start it, or unset PREFECT_API_URL: "
                "then gristmill starts a server of its own for this lake."
            )
        server = Server(url, None)
    else:
        with server_lock(lake_root):
            server = find_server(lake_root) or start_server(lake_root)
    os.environ.update(QUIET)
    os.environ["PREFECT_API_URL"] = server.api_url
    os.environ["PREFECT_HOME"] = str(home(lake_root))
    if "prefect" in sys.modules:  # it read its settings from the environment when it was imported
        from prefect.context import refresh_global_settings_context

        refresh_global_settings_context()
    return server


def find_server(lake_root: Path) -> Server | None:
    """The lake's running local server, or None. A record of a dead one is ignored."""
    try:
        record = json.loads(record_path(lake_root).read_text(encoding="utf-8"))
        process = psutil.Process(record["pid"])
        same = abs(process.create_time() - record["created"]) < 1.0 and process.status() != psutil.STATUS_ZOMBIE
    except (FileNotFoundError, psutil.NoSuchProcess, json.JSONDecodeError):
        return None
    return Server(record["api_url"], record["pid"]) if same and is_healthy(record["api_url"], timeout=20.0) else None


def start_server(lake_root: Path) -> Server:
    """Start the lake's local server and wait until it answers. Use under :func:`server_lock`."""
    folder = home(lake_root)
    folder.mkdir(parents=True, exist_ok=True)
    server_database.lay_down(folder)
    makes_tables = not (folder / server_database.NAME).exists()
    port = free_port()
    url = f"http://127.0.0.1:{port}/api"
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("PREFECT_")}
    environment = inherited | QUIET | SOON | {"PREFECT_HOME": str(folder), "PREFECT_SERVER_UI_API_URL": url}
    log = folder / "server.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    record = {"pid": process.pid, "created": psutil.Process(process.pid).create_time(), "api_url": url}
    write_whole(record_path(lake_root), json.dumps(record))
    importlib.import_module("prefect.flows")  # who starts a server needs it, and the server takes its time
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise GristmillError(
                f"the Prefect server ended at once (exit code {process.returncode}). Its last words: {tail(log)}"
            )
        if is_healthy(url, timeout=2.0):
            if makes_tables:
                server_database.keep(folder)
            return Server(url, process.pid, started_here=True)
        time.sleep(0.2)
    stop_process(process.pid)
    raise GristmillError(f"the Prefect server did not answer within {START_SECONDS:.0f} s. Its last words: {tail(log)}")


def stop_server(lake_root: Path) -> bool:
    """Stop the lake's local server and everything it started. False when none was running."""
    with server_lock(lake_root):
        server = find_server(lake_root)
        if server is None or server.pid is None:
            return False
        stop_process(server.pid)
        record_path(lake_root).unlink(missing_ok=True)
        return True


def stop_process(pid: int) -> None:
    """End a process and its descendants: politely, then by force after ``STOP_SECONDS``."""
    try:
        parent = psutil.Process(pid)
        family = [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for process in family:
        _signal(process, signal.SIGTERM)
    _, alive = psutil.wait_procs(family, timeout=STOP_SECONDS)
    for process in alive:
        _signal(process, signal.SIGKILL)
    psutil.wait_procs(alive, timeout=STOP_SECONDS)


@contextmanager
def server_lock(lake_root: Path) -> Iterator[None]:
    """One process at a time starts or stops a lake's server; the kernel frees the lock when its holder dies."""
    home(lake_root).mkdir(parents=True, exist_ok=True)
    with (home(lake_root) / "server.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def is_healthy(api_url: str, timeout: float) -> bool:
    """Whether a Prefect server answers at ``api_url`` within ``timeout`` seconds."""
    try:
        return httpx.get(f"{api_url}/health", timeout=timeout).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def home(lake_root: Path) -> Path:
    """Where the lake's Prefect server keeps its things."""
    return lake_root.resolve() / "prefect"


def record_path(lake_root: Path) -> Path:
    """Which server runs for the lake."""
    return home(lake_root) / "server.json"


def free_port() -> int:
    """A TCP port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def tail(path: Path, characters: int = 600) -> str:
    """The end of a log file."""
    return path.read_text(encoding="utf-8", errors="replace")[-characters:].strip() or "(none)"


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return
