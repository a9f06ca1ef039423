"""Which requests the dashboards answer: by Host, Origin and the size of the body."""

import asyncio
from typing import Any

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from gristmill.core.errors import UsageError
from gristmill.dashboards.guard import Guard, Names

LOCAL = Names.parse("127.0.0.1")
PROXIED = Names.parse("127.0.0.1", ["data.example.org", "other.example.org:8443", "数据.example"])


def scope_of(
    *headers: tuple[str, str], kind: str = "http", scheme: str = "http", arrived: str = "127.0.0.1", path: str = "/"
) -> Scope:
    return {
        "type": kind,
        "path": path,
        "scheme": scheme,
        "server": (arrived, 8080),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
    }


@pytest.mark.parametrize(
    ("host", "names"),
    [
        ("localhost", LOCAL),
        ("LocalHost:8080", LOCAL),
        ("localhost.:8080", LOCAL),
        ("127.0.0.1:9000", LOCAL),  # a forwarded port
        ("[::1]:8080", LOCAL),
        ("[0:0:0:0:0:0:0:1]", LOCAL),
        ("data.example.org", PROXIED),
        ("xn--fs5a11q.example", PROXIED),
        ("gpu7:8080", Names.parse("gpu7")),
    ],
)
def test_our_names_are_answered(host: str, names: Names) -> None:
    if host.startswith("xn--"):
        host = "数据.example".encode("idna").decode()
    assert names.refusal(scope_of(("host", host))) is None


@pytest.mark.parametrize(
    "host",
    [
        "rebound.example",
        "rebound.example:8080",
        "localhost.rebound.example",
        "127.0.0.1.rebound.example",
        "localhost:8080@rebound.example",
        "user@localhost",
        "192.168.1.7:8080",
        "0.0.0.0:8080",
        "[::]:8080",
        "",
        " ",
        "local host",
        "localhost:port",
        "localhost/",
        "[localhost]",
        "localhost\u00e9",
    ],
)
def test_other_names_are_refused(host: str) -> None:
    assert LOCAL.refusal(scope_of(("host", host)))
    assert LOCAL.refusal(scope_of(("host", host), kind="websocket", scheme="ws"))


def test_no_host_and_two_hosts_are_refused() -> None:
    assert LOCAL.refusal(scope_of())
    assert LOCAL.refusal(scope_of(("host", "localhost"), ("host", "rebound.example")))


def test_the_address_a_connection_arrived_at_is_a_name() -> None:
    everywhere = Names.parse("0.0.0.0")  # noqa: S104 - nothing listens
    assert everywhere.refusal(scope_of(("host", "192.168.1.7:8080"), arrived="192.168.1.7")) is None
    assert everywhere.refusal(scope_of(("host", "192.168.1.7:8080"), arrived="::ffff:192.168.1.7")) is None
    assert everywhere.refusal(scope_of(("host", "192.168.1.8:8080"), arrived="192.168.1.7"))
    assert everywhere.refusal(scope_of(("host", "rebound.example"), arrived="192.168.1.7"))
    assert everywhere.refusal(scope_of(("host", "0.0.0.0:8080"), arrived="192.168.1.7"))


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    ("host", "origin", "allowed"),
    [
        ("localhost:8080", "http://localhost:8080", True),
        ("127.0.0.1:8080", "http://127.0.0.1:8080", True),
        ("[::1]:8080", "http://[::1]:8080", True),
        ("localhost", "http://localhost:80", True),
        ("data.example.org", "https://data.example.org", True),
        ("data.example.org:443", "https://data.example.org", True),
        ("127.0.0.1:8080", "https://data.example.org", True),  # a proxy that replaces Host
        ("127.0.0.1:8080", "https://other.example.org:8443", True),
        ("127.0.0.1:8080", "https://other.example.org", False),
        ("127.0.0.1:8080", "https://data.example.org:9000", False),
        ("localhost:8080", "http://localhost:3000", False),  # another server on this machine
        ("localhost:8080", "http://127.0.0.1:8080", False),
        ("localhost:8080", "http://elsewhere.example", False),
        ("localhost:8080", "http://localhost:8080.elsewhere.example", False),
        ("localhost:8080", "http://localhost:8080@elsewhere.example", False),
        ("localhost:8080", "http://elsewhere.example/http://localhost:8080", False),
        ("localhost:8080", "null", False),
        ("localhost:8080", "", False),
        ("localhost:8080", "file://", False),
        ("localhost:8080", "chrome-extension://localhost:8080", False),
    ],
)
def test_pages_of_another_origin_are_refused(kind: str, host: str, origin: str, allowed: bool) -> None:
    scheme = "http" if kind == "http" else "ws"
    refusal = PROXIED.refusal(scope_of(("host", host), ("origin", origin), kind=kind, scheme=scheme))
    assert (refusal is None) is allowed, refusal


def test_a_plain_page_may_not_drive_the_one_behind_tls() -> None:
    plain = (("host", "data.example.org"), ("origin", "http://data.example.org"))
    assert PROXIED.refusal(scope_of(*plain, scheme="https"))
    assert PROXIED.refusal(scope_of(*plain, scheme="wss", kind="websocket"))


@pytest.mark.parametrize("text", ["https://data.example.org", "*.example.org", "*", "a b", "data.example.org/x", ""])
def test_what_is_no_name_cannot_be_allowed(text: str) -> None:
    with pytest.raises(UsageError, match="give one name"):
        Names.parse("127.0.0.1", [text])


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Says how long the body was, and reads once more after its end."""
    message = await receive()
    assert message["more_body"] is False
    await PlainTextResponse(str(len(message["body"])))(scope, receive, send)


def answer(chunks: list[bytes], *headers: tuple[str, str], most: int = 100) -> tuple[int, dict[str, str], str, int]:
    """Status, headers and text of the answer to a body in chunks, and how many chunks were left unread."""
    pending: list[dict[str, Any]] = [
        {"type": "http.request", "body": chunk, "more_body": place < len(chunks) - 1}
        for place, chunk in enumerate(chunks)
    ]
    sent: list[Message] = []

    async def receive() -> Message:
        return pending.pop(0) if pending else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = scope_of(("host", "localhost"), *headers) | {"method": "POST"}
    asyncio.run(Guard(app, LOCAL, most)(scope, receive, send))
    head = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], head, b"".join(part.get("body", b"") for part in sent[1:]).decode(), len(pending)


def test_a_body_of_the_bound_is_passed_on_whole() -> None:
    assert answer([b"x" * 60, b"", b"x" * 40])[::2] == (200, "100")
    assert answer([b""])[::2] == (200, "0")


def test_a_body_without_a_length_ends_at_the_bound() -> None:
    status, headers, text, unread = answer([b"x" * 60, b"x" * 41, b"x" * 60, b"x" * 60])
    assert (status, headers["connection"], unread) == (413, "close", 2)
    assert "100 bytes" in text


@pytest.mark.parametrize("length", ["101", "300000000", "9" * 4000])
def test_a_body_of_a_stated_length_is_refused_unread(length: str) -> None:
    assert answer([b"x"], ("content-length", length))[::3] == (413, 1)


def test_every_answer_keeps_other_sites_out() -> None:
    for chunks in ([b""], [b"x" * 101]):
        headers = answer(chunks)[1]
        assert headers["cross-origin-resource-policy"] == "same-origin"
        policy = headers["content-security-policy"].split("; ")
        assert {"frame-ancestors 'none'", "default-src 'self'", "form-action 'self'", "base-uri 'none'"} <= {*policy}
        assert headers["x-content-type-options"] == "nosniff"
