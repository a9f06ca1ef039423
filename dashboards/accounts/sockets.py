"""Events of pages: each must come from a socket whose session is alive and opened that very page.

NiceGUI finds the page of an event by an id in the message, whoever sent it. The id is random, yet a page outlives its
session for half a minute, so somebody who signs in again with a lesser role could go on using a page of before. Here
every event is checked first. Where no accounts exist, nothing is.

NiceGUI has one server for sockets a process, and so this is done once a process.
"""

from collections.abc import Callable, Mapping
from inspect import isawaitable
from typing import Any
from urllib.parse import parse_qs

from nicegui import Client, core
from socketio.exceptions import ConnectionRefusedError

from gristmill.dashboards.accounts.access import SESSION, Door
from gristmill.dashboards.accounts.sessions import Session

NAMESPACE = "/"
EVENTS = ("handshake", "event", "javascript_response", "ack", "log")
"""What a page sends. Of an unknown event NiceGUI has no handler."""
USED = "event"
"""The event that shows that somebody is there; the others come by themselves."""


def guard_events(door: Door) -> None:
    """Check every event of every socket of this process."""
    server = core.sio
    handlers = server.handlers[NAMESPACE]
    unknown = set(handlers) - {*EVENTS, "connect", "disconnect"}
    if unknown:
        raise RuntimeError(f"NiceGUI takes events that nothing checks: {', '.join(sorted(unknown))}")
    for name in EVENTS:
        server.on(name, _checked(door, name, handlers[name]), NAMESPACE)
    server.on("connect", _connecting(door, handlers["connect"]), NAMESPACE)


def _checked(door: Door, name: str, handle: Callable[..., Any]) -> Callable[..., Any]:
    async def checked(sid: str, message: Any = None) -> Any:
        client = message.get("client_id") if isinstance(message, Mapping) else None
        if door.closed:
            session = _session(core.sio.get_environ(sid))
            alive = None if session is None else door.sessions.alive(session.id)
            if alive is None or not _opened(str(client), alive):
                await core.sio.disconnect(sid)
                return False
            if name == USED:
                await door.used(alive)
        given = handle(sid, message)
        return await given if isawaitable(given) else given

    return checked


def _connecting(door: Door, handle: Callable[..., Any]) -> Callable[..., Any]:
    async def connecting(sid: str, environ: dict[str, Any], sent: Any = None) -> Any:
        if door.closed:
            session = _session(environ)
            named = parse_qs(environ.get("QUERY_STRING", "")).get("client_id", [])
            if session is None or not all(_opened(client, session) for client in named):
                raise ConnectionRefusedError("Implicit handshake failed")  # which makes the page load again
        given = handle(sid, environ, sent)
        return await given if isawaitable(given) else given

    return connecting


def _session(environ: Mapping[str, Any] | None) -> Session | None:
    """The session of the handshake of a socket."""
    found = (environ or {}).get("asgi.scope", {}).get(SESSION)
    return found if isinstance(found, Session) else None


def _opened(client: str, session: Session) -> bool:
    """Whether the page ``client`` was opened in this session."""
    page = Client.instances.get(client)
    opener = page.request.scope.get(SESSION) if page is not None else None
    return isinstance(opener, Session) and opener.id == session.id
