"""The Prefect server that the command line uses: the one at ``PREFECT_API_URL``, else one local server for each lake.

A local server is started on loopback at first use and reused by every later command. It asks for the lake's credential
and turns other web pages away (``guard``), and ends by itself when nobody uses it (``process``), or by
``gristmill serve --stop``. It keeps its SQLite database in ``LAKE/prefect``; losing that folder loses the record of
what ran, never data. Starting takes 4 seconds and 250 MB, the first time on a machine 12 (see ``database``).
Prefect's ephemeral mode is never used: it starts a server for every process and fails under load (DECISIONS.md).
"""

import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from gristmill.core.errors import GristmillError
from gristmill.core.processes import process_of
from gristmill.flows.prefect import database
from gristmill.flows.prefect.home import (
    Record,
    forget_original,
    hold,
    home,
    make_credential,
    place_of,
    read_credential,
    read_record,
    record_path,
    server_lock,
    write_record,
)
from gristmill.flows.prefect.settings import OURS, QUIET, client_environment, server_environment
from gristmill.flows.prefect.watch import watch

START_SECONDS = 120.0
STOP_SECONDS = 15.0
ANSWERS_WITHIN_SECONDS = 60.0
"""Seconds of silence after which a running server counts as hung, and is replaced."""
BACKLOG = 512


@dataclass(frozen=True)
class Server:
    """A Prefect server. ``pid`` and ``credential`` (``user:password``) are None for one that somebody else runs."""

    api_url: str
    pid: int | None
    started_here: bool = False
    credential: str | None = field(default=None, repr=False)

    @property
    def ui_url(self) -> str:
        """Where a person looks at the runs."""
        return self.api_url.removesuffix("/api")


def ensure_server(lake_root: Path, beside: Sequence[str] = ("prefect.flows",)) -> Server:
    """The server to use, started when it does not run yet, held while this process lives, and started again, or the
    process ended with a message, when it is lost (:mod:`gristmill.flows.prefect.watch`).

    ``beside`` names modules that are imported while the server starts. Raises :class:`GristmillError` when
    ``PREFECT_API_URL`` does not answer or refuses the credential, or the local server does not come up.
    """
    server = connect_server(lake_root, held=True, beside=beside)
    watch(lake_root, server.api_url, None if server.pid is None else revive)
    return server


def connect_server(lake_root: Path, *, held: bool, beside: Sequence[str] = ()) -> Server:
    """The server to use, made the one this process and its children talk to. ``held``: it stays while this process
    lives. Otherwise as :func:`ensure_server`."""
    url = given_url()
    if url is not None:
        check_given(url)
        use(lake_root, Server(url, None))
        return Server(url, None)
    with server_lock(lake_root):
        server = find_server(lake_root) or start_server(lake_root, beside=beside)
        if held:
            hold(home(lake_root))
    use(lake_root, server)
    return server


def given_url() -> str | None:
    """The address of the server that the user named in ``PREFECT_API_URL``."""
    url = os.environ.get("PREFECT_API_URL")
    return url if url and url != os.environ.get(OURS) else None


def check_given(url: str) -> None:
    """Raises :class:`GristmillError` when no Prefect server answers at ``url``, or it wants a credential."""
    login, key = os.environ.get("PREFECT_API_AUTH_STRING", ""), os.environ.get("PREFECT_API_KEY")
    name, _, password = login.partition(":")
    headers = {"Authorization": f"Bearer {key}"} if key and not login else {}
    login_of = (name, password) if login else None
    try:
        healthy = is_healthy(url, timeout=10.0)
        answer = httpx.get(f"{url}/admin/version", headers=headers, auth=login_of, timeout=10.0) if healthy else None
    except httpx.HTTPError:
        answer = None
    if answer is None:
        raise GristmillError(
            f"PREFECT_API_URL is {url}, and no Prefect server answers there. Start it, or unset PREFECT_API_URL: "
            "then gristmill starts a server of its own for this lake."
        )
    if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        raise GristmillError(
            f"PREFECT_API_URL is {url}, and its Prefect server refuses this user (HTTP {answer.status_code}). Set "
            "PREFECT_API_AUTH_STRING to its user:password. For the server of a lake it is in LAKE/prefect/credential; "
            "without PREFECT_API_URL gristmill finds it there."
        )


def use(lake_root: Path, server: Server) -> None:
    """Make ``server`` the one that this process and its children talk to."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    os.environ.update(client_environment(home(lake_root), server.api_url, server.credential))
    if server.credential is not None:
        os.environ.pop("PREFECT_API_KEY", None)
    if "prefect" in sys.modules:  # it read its settings from the environment when it was imported
        from prefect.context import refresh_global_settings_context

        refresh_global_settings_context()


def find_server(lake_root: Path) -> Server | None:
    """The lake's running local server, or None. A record of a dead one, or of another lake's, is ignored."""
    record = read_record(home(lake_root))
    if record is None or record.place != place_of(home(lake_root)) or not record.process.is_here:
        return None
    if not record.process.is_alive() or not is_healthy(record.api_url, ANSWERS_WITHIN_SECONDS):
        return None
    return Server(record.api_url, record.pid, credential=read_credential(lake_root))


def start_server(lake_root: Path, port: int = 0, beside: Sequence[str] = ()) -> Server:
    """Start the lake's local server, at any free port or that one, and wait until it answers, importing the modules
    ``beside`` meanwhile. Use under :func:`server_lock`."""
    folder = home(lake_root)
    folder.mkdir(parents=True, exist_ok=True)
    stop_earlier(lake_root)
    forget_original(folder)
    database.put_damaged_aside(folder)
    database.lay_down(folder)
    makes_tables = not (folder / database.NAME).exists()
    credential = make_credential(lake_root)
    log = folder / "server.log"
    with socket.socket() as listener, log.open("ab") as output:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(BACKLOG)  # early clients wait
        port = listener.getsockname()[1]
        url = f"http://127.0.0.1:{port}/api"
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "gristmill.flows.prefect.process", str(folder), str(listener.fileno())],
            env=server_environment(os.environ, folder, url, credential),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            pass_fds=[listener.fileno()],
            cwd=folder,
        )
    started, place = process_of(process.pid), place_of(folder)
    if place is None:
        raise FileNotFoundError(folder)
    write_record(folder, Record(host=started.host, pid=started.pid, started=started.started, api_url=url, place=place))
    server = Server(url, process.pid, started_here=True, credential=credential)
    use(lake_root, server)
    for module in beside:  # while the server starts
        importlib.import_module(module)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise GristmillError(
                f"the Prefect server ended at once (exit code {process.returncode}). Its log ends: {tail(log)}"
            )
        if is_healthy(url, timeout=2.0):
            if makes_tables:
                database.keep(folder)
            return server
        time.sleep(0.1)
    stop_process(process.pid)
    raise GristmillError(f"the Prefect server did not answer within {START_SECONDS:.0f} s. Its log ends: {tail(log)}")


def revive(lake_root: Path, api_url: str) -> bool:
    """Start the lake's server again where it was, when its process died. False when it was stopped on purpose, or the
    lake is gone. Raises :class:`GristmillError` or :class:`OSError` when it does not come up."""
    record = read_record(home(lake_root))
    if record is not None and record.api_url == api_url and record.process.is_alive():
        return True
    if place_of(home(lake_root)) is None:
        return False
    with server_lock(lake_root):
        record = read_record(home(lake_root))
        if record is None or record.api_url != api_url:
            return False
        if not record.process.is_alive():
            start_server(lake_root, int(api_url.removesuffix("/api").rpartition(":")[2]))
    return True


def stop_server(lake_root: Path) -> bool:
    """Stop the lake's local server and everything it started. False when none was running."""
    with server_lock(lake_root):
        record = read_record(home(lake_root))
        if record is None or record.place != place_of(home(lake_root)) or not record.process.is_here:
            return stop_earlier(lake_root)
        running = record.process.is_alive()
        record_path(lake_root).unlink(missing_ok=True)  # first, so that nobody starts it again
        stop_process(record.pid if running else None)
        return running


def stop_earlier(lake_root: Path) -> bool:
    """Stop a server of this folder that is no longer used: the lake was moved, or an older Gristmill started it, which
    asks for no credential. Use under :func:`server_lock`."""
    folder = home(lake_root)
    try:
        record = json.loads((folder / "server.json").read_bytes())
        process = psutil.Process(int(record["pid"]))
        here, there = place_of(folder), record.get("place")
        ours = served_home(process) in (folder, Path(there["path"]) if there else folder)
        moved = there is None or (here is not None and (there["device"], there["inode"]) == (here.device, here.inode))
    except (FileNotFoundError, ValueError, KeyError, TypeError, psutil.Error):
        return False
    if ours and moved:
        stop_process(process.pid)
    return ours and moved


def served_home(process: psutil.Process) -> Path | None:
    """Where the Prefect server that a process is keeps its things, of this Gristmill or an older one; None for another
    process. Raises ``psutil.Error`` for one that has ended or is another user's."""
    words = process.cmdline()
    if "gristmill.flows.prefect.process" not in words and words[2:7] != [
        "prefect",
        "server",
        "start",
        "--host",
        "127.0.0.1",
    ]:
        return None
    folder = process.environ().get("PREFECT_HOME")
    return Path(folder) if folder else None


def stop_process(pid: int | None) -> None:
    """End a process and its descendants: politely, then by force after ``STOP_SECONDS``."""
    try:
        parent = psutil.Process(pid) if pid is not None else None
        family = [parent, *parent.children(recursive=True)] if parent is not None else []
    except psutil.NoSuchProcess:
        return
    for process in family:
        _signal(process, signal.SIGTERM)
    _, alive = psutil.wait_procs(family, timeout=STOP_SECONDS)
    for process in alive:
        _signal(process, signal.SIGKILL)
    psutil.wait_procs(alive, timeout=STOP_SECONDS)


def is_healthy(api_url: str, timeout: float) -> bool:
    """Whether a Prefect server answers at ``api_url`` within ``timeout`` seconds."""
    try:
        return httpx.get(f"{api_url}/health", timeout=timeout).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


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
