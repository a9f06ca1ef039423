"""The door of a lake's Prefect server: an ASGI application in front of it that lets no other web page in.

A browser on the same machine reaches loopback for every page it shows. Such a page is recognised in one of two ways:
its requests carry its own ``Origin``, or, when its name was made to resolve to this machine (DNS rebinding), its own
name as ``Host``. Requests and websockets with a foreign one are refused before Prefect sees them, and no page may show
this server's pages in a frame. Requests without an ``Origin`` (programs, navigation) pass; Prefect asks them for the
lake's credential. How both headers are read: :mod:`gristmill.core.hosts`. Cost: two regular expressions a request.
"""

import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from gristmill.core.hosts import LOOPBACK, Origin, host_address, origin_of

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

PROBES = ("/api/health", "/api/ready")
POLICY_VIOLATION = 1008
NO_FRAMES = [(b"x-frame-options", b"DENY"), (b"content-security-policy", b"frame-ancestors 'none'")]


@dataclass(frozen=True)
class Allowed:
    """Host names that the server answers to, whatever the port, and origins whose pages may call it."""

    hosts: frozenset[str]
    origins: frozenset[Origin]

    def refusal(self, headers: Iterable[tuple[bytes, bytes]]) -> str | None:
        """Why a request with these headers is refused; None when it is not."""
        found = [(name.lower(), value.decode("latin-1")) for name, value in headers]
        hosts = [value for name, value in found if name == b"host"]
        named = host_address(hosts[0]) if len(hosts) == 1 else None
        if named is None or named.name not in self.hosts:
            return f"This server does not answer to the host name {', '.join(hosts) or '(none)'}."
        foreign = [value for name, value in found if name == b"origin" and origin_of(value) not in self.origins]
        return f"Pages of {', '.join(foreign)} may not call this server." if foreign else None


def allowed(port: int, more_origins: Iterable[str] = ()) -> Allowed:
    """Loopback's names with ``port``, and the origins (``https://prefect.example.org``) of a proxy in front."""
    proxies = (origin_of(origin.strip().rstrip("/")) for origin in more_origins)
    own = {Origin("http", name, port) for name in LOOPBACK}
    origins = frozenset(own | {origin for origin in proxies if origin is not None})
    return Allowed(frozenset(origin.name for origin in origins), origins)


@dataclass
class Activity:
    """When the server was last used, in seconds of the monotonic clock, and how many requests and websockets are open.
    Probes of its health do not count."""

    last: float = field(default_factory=time.monotonic)
    open: int = 0

    def idle_seconds(self) -> float:
        """Seconds since the last use ended."""
        return 0.0 if self.open else time.monotonic() - self.last


class Guard:
    """``application`` behind the door. ``activity`` counts every request that passes."""

    def __init__(self, application: Application, allowed: Allowed, activity: Activity) -> None:
        self._application, self._allowed, self._activity = application, allowed, activity

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it: HTTP with 403 and the reason, a websocket before its handshake."""
        if scope["type"] not in ("http", "websocket"):
            await self._application(scope, receive, send)
            return
        reason = self._allowed.refusal(scope["headers"])
        if reason is not None:
            await _refuse(scope, send, reason)
            return
        if scope["path"] in PROBES:
            await self._application(scope, receive, send)
            return
        self._activity.open += 1
        try:
            await self._application(scope, receive, _without_frames(send))
        finally:
            self._activity.open -= 1
            self._activity.last = time.monotonic()


def _without_frames(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *NO_FRAMES]
        await send(message)

    return sending


async def _refuse(scope: Message, send: Send, reason: str) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": reason})
        return
    body = reason.encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})
