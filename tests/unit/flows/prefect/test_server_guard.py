"""The door of a lake's Prefect server: which Host and Origin pass, for requests and websockets."""

import asyncio
from typing import Any

import pytest

from gristmill.flows.prefect.guard import Activity, Guard, Message, allowed

PORT = 4711
DOORS = allowed(PORT, ["https://prefect.example.org", "*", ""])
HOST = ("host", f"127.0.0.1:{PORT}")


def headers(*pairs: tuple[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in pairs]


@pytest.mark.parametrize(
    "host",
    [
        f"127.0.0.1:{PORT}",
        f"localhost:{PORT}",
        "LOCALHOST",
        f"[::1]:{PORT}",
        "prefect.example.org",
        "localhost:80",
        "localhost.",
    ],
)
def test_its_own_names_pass(host: str) -> None:
    assert DOORS.refusal(headers(("Host", host))) is None


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        f"evil.example:{PORT}",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evil.example#@127.0.0.1",
        "127.0.0.1@evil.example",
        "user@127.0.0.1",
        "127.0.0.1:port",
        "127.0.0.1/evil",
        "127.0.0.2",
        "0.0.0.0",  # noqa: S104
        "[::ffff:127.0.0.2]",
        "localhost:65536",
        "[::1",
        "*",
        "",
    ],
)
def test_other_names_do_not(host: str) -> None:
    assert DOORS.refusal(headers(("host", host))) is not None


def test_a_request_names_one_host() -> None:
    assert DOORS.refusal([]) is not None
    assert DOORS.refusal(headers(HOST, ("Host", "evil.example"))) is not None
    assert DOORS.refusal(headers(HOST, HOST)) is not None


@pytest.mark.parametrize(
    "origin", [f"http://127.0.0.1:{PORT}", f"http://LOCALHOST:{PORT}", "https://prefect.example.org"]
)
def test_its_own_pages_may_call_it(origin: str) -> None:
    assert DOORS.refusal(headers(HOST, ("origin", origin))) is None


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "*",
        "",
        "http://evil.example",
        "http://127.0.0.1",
        f"http://127.0.0.1:{PORT + 1}",
        f"https://127.0.0.1:{PORT}",
        f"http://127.0.0.1:{PORT}.evil.example",
        "http://prefect.example.org",
        "file://",
    ],
)
def test_other_pages_may_not(origin: str) -> None:
    assert DOORS.refusal(headers(HOST, ("Origin", origin))) is not None
    assert DOORS.refusal(headers(HOST, ("origin", f"http://127.0.0.1:{PORT}"), ("Origin", origin))) is not None


def exchange(scope: dict[str, Any], activity: Activity) -> tuple[list[Message], int]:
    """What the guard sends, and how many requests reached the application."""
    sent: list[Message] = []
    reached = 0

    async def application(_scope: Message, _receive: Any, send: Any) -> None:
        nonlocal reached
        reached += 1
        assert activity.open == (0 if scope["path"].endswith("/health") else 1)
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        raise AssertionError("nothing of a request is read here")

    asyncio.run(Guard(application, DOORS, activity)(scope, receive, send))
    return sent, reached


def test_what_passes_reaches_prefect_and_shows_in_no_frame() -> None:
    activity = Activity(last=0.0)
    sent, reached = exchange({"type": "http", "path": "/api/flows/", "headers": headers(HOST)}, activity)
    assert reached == 1
    assert (b"x-frame-options", b"DENY") in sent[0]["headers"]
    assert activity.open == 0
    assert activity.last > 0


def test_a_probe_of_its_health_is_no_use() -> None:
    activity = Activity(last=0.0)
    _, reached = exchange({"type": "http", "path": "/api/health", "headers": headers(HOST)}, activity)
    assert (reached, activity.last) == (1, 0.0)


@pytest.mark.parametrize("path", ["/api/flows/", "/api/health", "/", "/ui-settings"])
def test_what_is_refused_reaches_nothing(path: str) -> None:
    activity = Activity(last=0.0)
    wrong = headers(("host", "evil.example"))
    sent, reached = exchange({"type": "http", "path": path, "headers": wrong}, activity)
    assert (reached, activity.last) == (0, 0.0)
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert sent[0]["status"] == 403
    assert not any(name == b"access-control-allow-origin" for name, _ in sent[0]["headers"])
    handshake = {"type": "websocket", "path": path, "headers": headers(HOST, ("origin", "http://evil.example"))}
    sent, reached = exchange(handshake, activity)
    assert (reached, [message["type"] for message in sent]) == (0, ["websocket.close"])
