"""Who may talk to the dashboards: requests under one of their names, from their own pages, with bodies of bounded size.

They have no accounts, and listening on 127.0.0.1 keeps out other machines but not other web pages. A page anywhere can
make the browser on this machine send requests here. Under its own name it could even read the answers, once that name
resolves to 127.0.0.1 (DNS rebinding). So every request and every websocket handshake is held to two headers that a page
cannot forge: ``Host`` must be one of our names, and ``Origin``, where there is one, must be the page's own server. Host
names are compared without their port, so that ``ssh -L 9000:localhost:8080`` works.

Source: RFC 6454 (origins), RFC 9110 7.2 (Host). Cost: two regular expressions a request; a body is held in memory up to
``MOST_BODY``.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import NamedTuple

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from schemas.errors import UsageError

MOST_BODY = 1 << 20
"""Bytes of a request body, and of a websocket message."""
LOOPBACK = ("localhost", "127.0.0.1", "::1")
ANYWHERE = ("0.0.0.0", "::", "")  # noqa: S104 - recognised here, not listened on
DEFAULT_PORTS = {"http": 80, "https": 443}
SHOWN = 200
"""Characters of a header that a refusal repeats."""
HEADERS = {
    "content-security-policy": "frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
}
"""Sent with every answer: no other site can frame our pages, embed our answers or learn addresses from links."""
_NETLOC = r"(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<name>[^\[\]:@/?#\\\s]+))(?::(?P<port>[0-9]{1,5}))?"
_HOST = re.compile(_NETLOC)
_ORIGIN = re.compile(rf"(?P<scheme>https?)://{_NETLOC}")


class Address(NamedTuple):
    """A host name or IP address in its plain form, and the port where one is given."""

    name: str
    port: int | None


@dataclass(frozen=True)
class Names:
    """The names that the dashboards answer to.

    ``listening`` is the address they listen on. ``also`` are the names under which a proxy or another machine reaches
    them; a page of such a name counts as our own even if the proxy replaces ``Host``. The IP address that a connection
    arrived at is always a name, since rebinding needs a name that somebody else controls.
    """

    listening: str = "127.0.0.1"
    also: tuple[Address, ...] = ()

    @classmethod
    def parse(cls, listening: str, also: Iterable[str] = ()) -> "Names":
        """The names for ``--host`` and ``--allow-host``.

        Raises :class:`UsageError` for an ``--allow-host`` that is no name, such as a URL or a wildcard.
        """
        return cls(listening, tuple(_allowed(text) for text in also))

    def refusal(self, scope: Scope) -> str | None:
        """Why the request or handshake of ``scope`` is refused; None when it is one of ours."""
        headers = Headers(scope=scope)
        given = headers.getlist("host")
        host = _address(_HOST.fullmatch(given[0].lower())) if len(given) == 1 else None
        if host is None:
            return "The Host header is missing or is not a host name."
        if not self._ours(host, scope):
            return (
                f"These dashboards do not answer to the name {host.name[:SHOWN]}. If it is one of theirs, start them "
                f"with: gristmill dashboard --allow-host {host.name[:SHOWN]}"
            )
        for origin in headers.getlist("origin"):
            if not self._same_origin(origin.lower(), host, scope):
                return (
                    f"A page of {origin[:SHOWN]} may not use these dashboards. If that is their own address behind a "
                    "proxy, name it with: gristmill dashboard --allow-host NAME"
                )
        return None

    def _ours(self, host: Address, scope: Scope) -> bool:
        arrived = scope.get("server")
        known = {*LOOPBACK, *(address.name for address in self.also)}
        if self.listening not in ANYWHERE:
            known.add(_plain(self.listening.lower()))
        if arrived and arrived[0]:
            known.add(_plain(str(arrived[0]).lower()))
        return host.name in known

    def _same_origin(self, origin: str, host: Address, scope: Scope) -> bool:
        found = _ORIGIN.fullmatch(origin)
        address = _address(found)
        if found is None or address is None:  # "null" among others: a sandboxed frame or a local file
            return False
        scheme = found["scheme"]
        if scope["scheme"] in ("https", "wss") and scheme != "https":
            return False
        default = DEFAULT_PORTS[scheme]
        port = address.port or default
        if (address.name, port) == (host.name, host.port or default):
            return True
        return any((address.name, port) == (known.name, known.port or default) for known in self.also)


class Guard:
    """ASGI middleware that refuses what is not ours with 403 and a body that is too large with 413."""

    def __init__(self, app: ASGIApp, names: Names, most: int = MOST_BODY) -> None:
        self.app = app
        self.names = names
        self.most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is allowed."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        refusal = self.names.refusal(scope)
        if refusal is not None:
            await _answer(scope, 403, refusal)(scope, receive, send)
            return
        if scope["type"] == "websocket":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        body = await self._body(scope, receive)
        if isinstance(body, Response):
            await body(scope, receive, send)
        elif body is not None:
            await self.app(scope, _replayed(body, receive), send_with_headers)

    async def _body(self, scope: Scope, receive: Receive) -> bytes | Response | None:
        """The whole body, or the answer to one that is too large; None when the client has gone."""
        too_large = _answer(scope, 413, f"The body of a request may have {self.most:,} bytes; this one has more.")
        too_large.headers["connection"] = "close"
        length = Headers(scope=scope).get("content-length", "")
        if length.isdecimal() and int(length[:20]) > self.most:
            return too_large
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            body += message.get("body", b"")
            if len(body) > self.most:
                return too_large
            if not message.get("more_body", False):
                return bytes(body)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """A ``receive`` that gives ``body`` first."""
    pending = [body]

    async def replay() -> Message:
        if pending:
            return {"type": "http.request", "body": pending.pop(), "more_body": False}
        return await receive()

    return replay


def _answer(scope: Scope, status: int, text: str) -> Response:
    if scope["path"].startswith("/api/"):
        return JSONResponse({"detail": text}, status, headers=HEADERS)
    return PlainTextResponse(text + "\n", status, headers=HEADERS)


def _address(found: re.Match[str] | None) -> Address | None:
    if found is None:
        return None
    port = int(found["port"]) if found["port"] else None
    if found["v6"]:
        try:
            return Address(_plain(str(IPv6Address(found["v6"]))), port)
        except ValueError:
            return None
    return Address(_plain(found["name"]), port)


def _plain(name: str) -> str:
    """A name without its trailing dot; an IP address in its shortest form, IPv4 inside IPv6 as IPv4."""
    name = name.removesuffix(".")
    try:
        address = ip_address(name)
    except ValueError:
        return name
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)


def _allowed(text: str) -> Address:
    address = _address(_HOST.fullmatch(text.strip().lower()))
    if address is None or "*" in address.name:
        raise UsageError(
            f"--allow-host {text}: give one name as it stands in the browser's address bar, such as data.example.org "
            "or data.example.org:8443, without https:// and without wildcards."
        )
    try:
        plain = address.name.encode("idna").decode() if not address.name.isascii() else address.name
    except UnicodeError:
        raise UsageError(f"--allow-host {text}: this is not a host name.") from None
    return Address(plain, address.port)
