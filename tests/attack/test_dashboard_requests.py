"""What another web page, or a stranger with a socket, can ask of running dashboards: nothing."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx
import pytest

from gristmill.core.lake import Lake
from gristmill.warehouse.submissions import State
from tests.helpers.dashboard_server import DashboardServer, running

BODY_GROWTH = 64 << 20
HANDSHAKE = "/_nicegui_ws/socket.io/?EIO=4&transport="


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return Lake.open(tmp_path_factory.mktemp("requests") / "lake")


@pytest.fixture(scope="module")
def server(lake: Lake) -> Iterator[DashboardServer]:
    with running(lake.root, "data.example.org") as server:
        yield server


def submission(lake: Lake) -> bytes:
    folder = lake.root / "checkpoint"
    folder.mkdir(exist_ok=True)
    (folder / "model.safetensors").write_bytes(b"")
    return json.dumps({"checkpoint": str(folder), "suites": ["reading"]}).encode()


def exchange(server: DashboardServer, request: bytes) -> str:
    """The first bytes of the answer to raw bytes."""
    with server.connect() as connection:
        connection.sendall(request)
        return connection.recv(4096).decode("latin-1")


def handshake(host: str, origin: str) -> bytes:
    lines = [
        f"GET {HANDSHAKE}websocket HTTP/1.1",
        f"Host: {host}",
        f"Origin: {origin}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def upgrade(server: DashboardServer, host: str, origin: str) -> str:
    return exchange(server, handshake(host, origin)).splitlines()[0]


@pytest.mark.parametrize(
    "path", ["/", "/documents", "/api/overview", "/docs", "/static/style.css", "/nothing", HANDSHAKE + "polling"]
)
def test_nothing_is_read_under_another_name(server: DashboardServer, path: str) -> None:
    refused = httpx.get(server.base + path, headers={"host": f"rebound.example:{server.port}"})
    assert refused.status_code == 403
    assert "--allow-host rebound.example" in refused.text
    for name in (f"127.0.0.1:{server.port}", f"localhost:{server.port}", "data.example.org"):
        assert httpx.get(server.base + path, headers={"host": name}).status_code != 403


def test_nothing_is_handed_in_from_another_origin(server: DashboardServer, lake: Lake) -> None:
    url, body = server.base + "/api/submissions", submission(lake)
    for origin in ("http://elsewhere.example", f"http://localhost:{server.port}", "null"):
        for kind in ("application/json", "text/plain"):
            refused = httpx.post(url, content=body, headers={"origin": origin, "content-type": kind})
            assert refused.status_code == 403, origin
            assert refused.json()["detail"]
    assert State(lake.root).submissions() == []
    own = {"origin": server.base, "content-type": "application/json"}
    assert httpx.post(url, content=body, headers=own).status_code == 201
    assert len(State(lake.root).submissions()) == 1


def test_a_websocket_opens_for_our_own_pages_only(server: DashboardServer) -> None:
    host = f"127.0.0.1:{server.port}"
    assert " 101 " in upgrade(server, host, f"http://{host}")
    assert " 101 " in upgrade(server, "data.example.org", "https://data.example.org")
    for name, origin in (
        (host, "http://elsewhere.example"),
        (host, "null"),
        (host, "http://127.0.0.1:1"),
        (f"rebound.example:{server.port}", f"http://rebound.example:{server.port}"),
    ):
        assert " 403 " in upgrade(server, name, origin), origin


def test_a_body_of_a_stated_length_is_refused_at_once(server: DashboardServer) -> None:
    head = f"POST /api/submissions HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nContent-Length: 300000000\r\n\r\n"
    assert " 413 " in exchange(server, head.encode()).splitlines()[0]


@pytest.mark.parametrize("path", ["/api/submissions", "/", "/static/style.css", HANDSHAKE + "polling"])
def test_a_body_without_a_length_is_not_collected(server: DashboardServer, path: str) -> None:
    before = server.memory()
    piece = b"%x\r\n" % (1 << 20) + b" " * (1 << 20) + b"\r\n"
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nTransfer-Encoding: chunked\r\n\r\n"
    sent = 0
    with server.connect() as connection:
        connection.sendall(head.encode())
        try:
            while sent < 300:
                connection.sendall(piece)
                sent += 1
        except OSError:  # the server has hung up
            pass
    assert sent < 32, "the server read on"
    assert server.memory() - before < BODY_GROWTH
    assert httpx.get(server.base + "/api/overview").status_code == 200


def test_a_request_line_and_headers_are_bounded(server: DashboardServer) -> None:
    for start in (b"GET /", b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: "):
        before = server.memory()
        with server.connect() as connection:
            try:
                connection.sendall(start + b"a" * (40 << 20))
                answered = connection.recv(4096)
            except OSError:
                answered = b""
        assert answered.split(b"\r\n")[0] in (b"", b"HTTP/1.1 400 Bad Request")
        assert server.memory() - before < BODY_GROWTH // 4


def test_a_websocket_message_is_bounded(server: DashboardServer) -> None:
    host = f"127.0.0.1:{server.port}"
    with server.connect() as connection:
        connection.sendall(handshake(host, f"http://{host}"))
        assert b" 101 " in connection.recv(4096)
        connection.sendall(b"\x81\xff" + (8 << 20).to_bytes(8, "big") + b"\0\0\0\0")
        assert ended(connection), "a message of 8 MiB was waited for"


def ended(connection: socket.socket) -> bool:
    """Whether the server hangs up without being sent anything more."""
    try:
        while connection.recv(4096):
            pass
    except TimeoutError:
        return False
    except OSError:
        return True
    return True


def test_the_command_line_says_which_names_are_answered(lake: Lake) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable,
        "-c",
        "from gristmill.flows.cli.app import main; main()",
        "dashboard",
        "--lake",
        str(lake.root),
    ]
    allowed = ["--port", str(port), "--allow-host", "data.example.org", "--allow-host", "gpu7:9000"]
    process = subprocess.Popen([*command, *allowed], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        answers = {}
        for name in (f"localhost:{port}", "data.example.org", "gpu7", "rebound.example"):
            answers[name] = status_within(120.0, process, f"http://127.0.0.1:{port}/api/overview", name)
    finally:
        process.terminate()
        output = process.communicate(timeout=120)[0].decode()
    assert list(answers.values()) == [200, 200, 200, 403], output
    refused = subprocess.run([*command, "--allow-host", "https://data.example.org"], capture_output=True, check=False)
    assert refused.returncode == 2
    assert b"give one name" in b" ".join(refused.stderr.split())


def status_within(seconds: float, process: "subprocess.Popen[bytes]", url: str, host: str) -> int:
    """The status of an answer, once there is one."""
    deadline = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < deadline:
        try:
            return httpx.get(url, headers={"host": host}, timeout=120).status_code
        except httpx.ConnectError:
            time.sleep(0.2)
    return 0
