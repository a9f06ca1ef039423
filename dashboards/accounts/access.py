"""Access: where accounts exist, every request and every websocket needs a session, or a token for the API.

It stands in front of the whole application and refuses by default: only the paths of :data:`PUBLIC`, letter for
letter, are answered without one. What is refused never reaches a route, so no page, file, mount or spelling of an
address can be forgotten. The role that a page or route needs is checked where it is served
(:mod:`gristmill.dashboards.accounts.roles`).

Requests that another site caused (CSRF) fail three times over. The cookie is ``SameSite=Strict``, so the browser does
not send it with them. That leaves sites that a browser counts as the same one (another port of this host, a sibling of
its domain): what changes something, and every websocket, must also carry an ``Origin``, which a page cannot forge and
:mod:`gristmill.dashboards.guard` compares with the server's own, port and all; one without it is refused here. And
reading changes nothing. A token travels in ``Authorization``, which no browser adds by itself, so it needs no
``Origin``.

A session that ends closes its sockets within ``CHECK_SECONDS``; an event of a page is refused at once
(:mod:`gristmill.dashboards.accounts.sockets`).
"""

import asyncio
import re
from dataclasses import dataclass, field
from html import escape
from http.cookies import CookieError, SimpleCookie
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gristmill.dashboards.accounts.accounts import Accounts
from gristmill.dashboards.accounts.people import PERSON, local_person
from gristmill.dashboards.accounts.sessions import Session, Sessions

SESSION = "gristmill.session"
"""The key of an ASGI scope under which the session or token is found that a request belongs to."""
LOGIN = "/login"
LOGOUT = "/logout"
PUBLIC = frozenset({LOGIN, "/static/style.css", "/static/favicon.svg"})
"""What the login page needs."""
SOCKET = "/_nicegui_ws/"
READING = frozenset({"GET", "HEAD"})
CHECK_SECONDS = 2.0
POLICY_VIOLATION = 1008
RELOAD = '42["try_reconnect",{}]'
"""Socket.IO's packet of NiceGUI's event that makes a page load itself again, which leads to the login page."""
SIGN_IN_FIRST = "Sign in first: this needs a session, or a token in the header Authorization: Bearer TOKEN."
NO_ORIGIN = "A request that changes something must say which page it comes from (the header Origin)."
OWN_PATH = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f]{0,2000}")


@dataclass
class Door:
    """Whether the accounts are asked for, and whose session a request has.

    They are asked for from the moment that their file exists: also when it is made while the dashboards run, and still
    when it is then taken away.
    """

    accounts: Accounts
    seen: bool = field(default=False, init=False)

    @property
    def closed(self) -> bool:
        """Whether a session is needed."""
        self.seen = self.seen or self.accounts.store.exists
        return self.seen

    def prepare(self) -> None:
        """Before the first request: open the store, and make the hash that stands for accounts that do not exist.

        Raises :class:`gristmill.core.errors.UsageError` for a file that others may read.
        """
        if self.closed:
            self.accounts.all()
            _ = self.accounts.passwords.decoy

    @property
    def sessions(self) -> Sessions:
        """The sessions of the accounts."""
        return Sessions.of(self.accounts)

    async def used(self, session: Session) -> None:
        """Note that the session is in use."""
        if self.sessions.untouched(session):
            await asyncio.to_thread(self.sessions.touch, session)

    def session_of(self, connection: HTTPConnection) -> Session | None:
        """The session of a request by its cookie, or its token. One with a token is never looked up by its cookie."""
        given = connection.headers.getlist("authorization")
        if given:
            scheme, _, secret = given[0].partition(" ")
            api = connection.url.path.startswith("/api/") or connection.url.path == "/openapi.json"
            if len(given) != 1 or scheme.lower() != "bearer" or not api:
                return None
            found = self.sessions.session(secret.strip())
            return found if found is not None and found.token else None
        if not self.accounts.store.exists:
            return None
        for secret in self._cookies(connection.headers.getlist("cookie")):
            found = self.sessions.session(secret)
            if found is not None and not found.token:
                return found
        return None

    def _cookies(self, headers: list[str]) -> list[str]:
        """The secrets that the browser sent, the one first that only https can have set."""
        sent = SimpleCookie()
        for header in headers:
            try:
                sent.load(header)
            except CookieError:
                return []
        names = [cookie_name(self.accounts.store.id, secure=secure) for secure in (True, False)]
        return [sent[name].value for name in names if name in sent]


class Access:
    """ASGI middleware that lets nobody in without a session, where accounts exist."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self.app = app
        self.door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Say in the scope who asks, and pass on what is allowed."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
        elif not self.door.closed:
            await self.app({**scope, PERSON: local_person()}, receive, send)
        elif scope["type"] == "websocket":
            await self._socket(scope, receive, send)
        else:
            await self._request(scope, receive, send)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        session = self.door.session_of(HTTPConnection(scope))
        refused = self._refusal(scope, session)
        if refused is not None:
            await refused(scope, receive, send)
            return
        if session is not None:
            await self.door.used(session)

        async def uncached(message: Message) -> None:
            if message["type"] == "http.response.start" and not scope["path"].startswith("/static/"):
                MutableHeaders(scope=message).setdefault("cache-control", "no-store")
            await send(message)

        await self.app(_known(scope, session), receive, uncached)

    def _refusal(self, scope: Scope, session: Session | None) -> Response | None:
        """The answer to a request that is not passed on."""
        headers = Headers(scope=scope)
        reads = scope["method"] in READING
        own_page = "origin" in headers or headers.get("sec-fetch-site") == "same-origin"
        if not reads and not own_page and "authorization" not in headers:
            return _answer(scope, 403, NO_ORIGIN)
        if scope["path"] in PUBLIC:
            return None
        if session is None:
            return _to_login(scope, headers) if reads else _answer(scope, 401, SIGN_IN_FIRST)
        if scope["path"].startswith(SOCKET):
            return _answer(scope, 403, "Pages are connected by websocket only: a proxy in between must pass them.")
        return None

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        session = self.door.session_of(HTTPConnection(scope))
        if session is None or session.token or "origin" not in headers:
            await receive()
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})  # before it was accepted: 403
            return
        over = asyncio.Event()

        async def send_until_over(message: Message) -> None:
            if not over.is_set():
                await send(message)

        watch = asyncio.create_task(self._close_when_over(session, over, send))
        try:
            await self.app(_known(scope, session), receive, send_until_over)
        finally:
            watch.cancel()

    async def _close_when_over(self, session: Session, over: asyncio.Event, send: Send) -> None:
        while self.door.sessions.alive(session.id) is not None:
            await asyncio.sleep(CHECK_SECONDS)
        over.set()
        await send({"type": "websocket.send", "text": RELOAD})
        await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": "signed out"})


def cookie_name(id: str, *, secure: bool) -> str:
    """The name of the session's cookie. Ports share cookies, so every file of accounts has a name of its own.

    With the prefix ``__Host-`` a browser takes it from https only, and from this host only: no sibling of its domain
    can put another one in.
    """
    return f"{'__Host-' if secure else ''}gristmill-{id}"


def own_path(text: str) -> str:
    """``text`` if it is an address of these dashboards, for use after a login; else the first page."""
    return text if OWN_PATH.fullmatch(text) and not text.startswith((LOGIN, LOGOUT)) else "/"


def address_of(connection: HTTPConnection) -> str:
    """The address that a request came from."""
    return connection.client.host if connection.client else "unknown"


def _known(scope: Scope, session: Session | None) -> Scope:
    """The scope with the one who asks: nobody where there is no session."""
    return {**scope, PERSON: None if session is None else session.person, SESSION: session}


def _to_login(scope: Scope, headers: Headers) -> Response:
    """The answer to a reader without a session: the login page for people, and 401 for everything else.

    A link on another site arrives without the cookie, since that is ``SameSite=Strict``. A page that only loads the
    address again makes it a request of our own, with the cookie if there is one.
    """
    if scope["path"].startswith("/api/") or "text/html" not in headers.get("accept", ""):
        return _answer(scope, 401, SIGN_IN_FIRST)
    query = scope.get("query_string", b"").decode("latin-1")
    wanted = own_path(quote(scope["path"]) + (f"?{quote(query, safe='=&%+/:,;@')}" if query else ""))
    if headers.get("sec-fetch-site") in ("cross-site", "same-site"):
        again = f"<meta http-equiv='refresh' content='0; url={escape(wanted)}'>"
        return HTMLResponse(f"<!doctype html><title>Gristmill</title>{again}", headers={"cache-control": "no-store"})
    next_page = "" if wanted == "/" else f"?next={quote(wanted, safe='')}"
    return RedirectResponse(f"{LOGIN}{next_page}", 303, headers={"cache-control": "no-store"})


def _answer(scope: Scope, status: int, text: str) -> Response:
    headers = {"cache-control": "no-store"} | ({"www-authenticate": "Bearer"} if status == 401 else {})
    if scope["path"].startswith("/api/"):
        return JSONResponse({"detail": text}, status, headers=headers)
    return PlainTextResponse(text + "\n", status, headers=headers)
