"""Who may talk to the dashboards: requests under one of their names, from their own pages, with bodies of bounded size.

Listening on 127.0.0.1 keeps out other machines but not other web pages, and a login does not keep out what the browser
of somebody who has signed in is made to send (:mod:`gristmill.dashboards.accounts.access` says what else stands against
that). A page anywhere can make the browser on this machine send requests here. Under its own name it could even read
the answers, once that name resolves to 127.0.0.1 (DNS rebinding). So every request and every websocket handshake is
checked by two headers that a page cannot forge: ``Host`` must be one of our names, and ``Origin``, if present, must be
the page's own server. Host names are compared without their port, so that ``ssh -L 9000:localhost:8080`` works.

How both are read: :mod:`gristmill.core.hosts`. Cost: two regular expressions a request; a body is held in memory up to
``MOST_BODY``.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gristmill.core.errors import UsageError
from gristmill.core.hosts import DEFAULT_PORTS, LOOPBACK, Address, host_address, origin_of, plain_name

MOST_BODY = 1 << 20
"""Bytes of a request body, and of a websocket message."""
ANYWHERE = ("0.0.0.0", "::", "")  # noqa: S104 - recognised here, not listened on
SHOWN = 200
"""Characters of a header that a refusal repeats."""
POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",  # NiceGUI's pages are inline scripts and compiled templates
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
"""Nothing is fetched from elsewhere, even if text of a crawl were ever drawn as HTML: no picture, font or request."""
HEADERS = {
    "content-security-policy": POLICY,
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
}
"""Sent with every answer: no other site can frame our pages, embed our answers or learn addresses from links."""


@dataclass(frozen=True)
class Names:
    """The host names that the dashboards answer to.

    ``listening`` is the address they listen on. ``also`` are the names under which a proxy or another machine reaches
    them; a page of such a name counts as our own even if the proxy replaces ``Host``. The IP address that a connection
    arrived at is always a name, since rebinding needs a name that somebody else controls.
    """

    listening: str = "127.0.0.1"
    also: tuple[Address, ...] = ()

    @classmethod
    def parse(cls, listening: str, also: Iterable[str] = ()) -> "Names":
        """The names for ``--host`` and ``--allow-host``.

        Raises :class:`UsageError` for an ``--allow-host`` that is not a name, such as a URL or a wildcard.
        """
        return cls(listening, tuple(_allowed(text) for text in also))

    def refusal(self, scope: Scope) -> str | None:
        """Why the request or handshake of ``scope`` is refused; None if it is allowed."""
        headers = Headers(scope=scope)
        given = headers.getlist("host")
        host = host_address(given[0]) if len(given) == 1 else None
        if host is None:
            return "The Host header is missing or is not a host name."
        if not self._ours(host, scope):
            return (
                f"These dashboards do not answer to the name {host.name[:SHOWN]}. If they should, start them "
                f"with: gristmill dashboard --allow-host {host.name[:SHOWN]}"
            )
        for origin in headers.getlist("origin"):
            if not self._same_origin(origin, host, scope):
                return (
                    f"A page from {origin[:SHOWN]} may not use these dashboards. If that is their own address behind a "
                    "proxy, allow it with: gristmill dashboard --allow-host NAME"
                )
        return None

    def _ours(self, host: Address, scope: Scope) -> bool:
        arrived = scope.get("server")
        known = {*LOOPBACK, *(address.name for address in self.also)}
        if self.listening not in ANYWHERE:
            known.add(plain_name(self.listening))
        if arrived and arrived[0]:
            known.add(plain_name(str(arrived[0])))
        return host.name in known

    def _same_origin(self, origin: str, host: Address, scope: Scope) -> bool:
        page = origin_of(origin)
        if page is None:  # "null" among others: a sandboxed frame or a local file
            return False
        if scope["scheme"] in ("https", "wss") and page.scheme != "https":
            return False
        default = DEFAULT_PORTS[page.scheme]
        return any((page.name, page.port) == (own.name, own.port or default) for own in (host, *self.also))


class Guard:
    """ASGI middleware that refuses requests of others with 403 and bodies that are too large with 413."""

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
    """A ``receive`` that returns ``body`` first."""
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


def _allowed(text: str) -> Address:
    address = host_address(text.strip())
    if address is None or "*" in address.name:
        raise UsageError(
            f"--allow-host {text}: give one name as it appears in the browser's address bar, such as data.example.org "
            "or data.example.org:8443, without https:// and without wildcards."
        )
    try:
        plain = address.name.encode("idna").decode() if not address.name.isascii() else address.name
    except UnicodeError:
        raise UsageError(f"--allow-host {text}: this is not a host name.") from None
    return Address(plain, address.port)
