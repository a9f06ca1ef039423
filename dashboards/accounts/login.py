"""The login page and the sign-out: plain HTML without a script, so that nothing of the application is served before it.

The page takes a name, a password and the address to go to next, which must be one of these dashboards' own. What is
wrong with a login is never said more exactly than "the name or the password".
"""

from asyncio import Semaphore, to_thread
from html import escape
from math import ceil
from urllib.parse import parse_qs

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from gristmill.core.errors import GristmillError
from gristmill.core.files.audit import Act
from gristmill.core.hosts import origin_of
from gristmill.dashboards.accounts.access import LOGIN, LOGOUT, SESSION, Door, address_of, cookie_name, own_path
from gristmill.dashboards.accounts.sessions import LONGEST_SECONDS, Session
from gristmill.dashboards.accounts.signing_in import Refused, sign_in

MOST_FORM = 16_384
"""Bytes of the form."""
MOST_FIELDS = 10
AT_ONCE = 2
"""Logins that are hashed at the same time, each in 64 MiB."""
MOST_WAITING = 32
WRONG = "The name or the password is wrong."
BUSY = "Many people are signing in right now. Try again in a moment."
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def serve_login(app: FastAPI, door: Door) -> None:
    """Add the routes ``/login`` and ``/logout`` to ``app``."""
    places = Semaphore(AT_ONCE)
    waiting: set[object] = set()

    @app.get(LOGIN, include_in_schema=False)
    def login_page(request: Request) -> Response:
        then = own_path(request.query_params.get("next", "/"))
        if not door.closed or _session(request) is not None:
            return RedirectResponse(then, 303)
        return _page(request, then)

    @app.post(LOGIN, include_in_schema=False)
    async def login(request: Request) -> Response:
        if not door.closed:
            return RedirectResponse("/", 303)
        form = _form(request, await request.body())
        if form is None:
            return PlainTextResponse("This is not the form of the login page.\n", 400)
        if len(waiting) >= MOST_WAITING:
            return _page(request, own_path(form["next"]), form["name"], BUSY, 503)
        place = object()
        waiting.add(place)
        try:
            async with places:
                return await to_thread(_login, request, door, form)
        finally:
            waiting.discard(place)

    @app.post(LOGOUT, include_in_schema=False)
    def logout(request: Request) -> Response:
        session = _session(request)
        if session is not None:
            door.sessions.end(session, Act.SIGN_OUT, session.person.name, address_of(request))
        answer = RedirectResponse(LOGIN if door.closed else "/", 303)
        if door.accounts.store.exists:
            for secure in (True, False):
                name = cookie_name(door.accounts.store.id, secure=secure)
                answer.delete_cookie(name, path="/", secure=secure, httponly=True, samesite="strict")
        answer.headers["clear-site-data"] = '"cache"'
        return answer


def _login(request: Request, door: Door, form: dict[str, str]) -> Response:
    """The answer to a filled-in form. Hashes a password, so it runs in a thread."""
    next_page = own_path(form["next"])
    try:
        tried = sign_in(door.accounts, form["name"], form["password"], address_of(request), _session(request))
    except GristmillError as error:
        return _page(request, next_page, form["name"], str(error), 500)
    if isinstance(tried, Refused) and tried.wait:
        minutes = ceil(tried.wait / 60)
        told = f"Too many tries. The next one is possible in {minutes} minute{'s' if minutes > 1 else ''}."
        answer = _page(request, next_page, form["name"], told, 429)
        answer.headers["retry-after"] = str(ceil(tried.wait))
        return answer
    if isinstance(tried, Refused):
        return _page(request, next_page, form["name"], WRONG, 401)
    secure = _by_https(request)
    welcome = RedirectResponse(next_page, 303)
    welcome.set_cookie(
        cookie_name(door.accounts.store.id, secure=secure),
        tried.secret,
        max_age=int(LONGEST_SECONDS),
        path="/",
        secure=secure,
        httponly=True,
        samesite="strict",
    )
    return welcome


def _by_https(request: Request) -> bool:
    """Whether the reader's browser speaks https, with us or with a proxy whose name was allowed.

    ``Origin`` is what the browser itself says, and the guard has compared it with our names.
    """
    origin = origin_of(request.headers.get("origin", ""))
    return request.url.scheme == "https" or (origin is not None and origin.scheme == "https")


def _form(request: Request, body: bytes) -> dict[str, str] | None:
    """The fields that were sent; None if it is not the form."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded" or len(body) > MOST_FORM:
        return None
    try:
        sent = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
    except ValueError:
        return None
    if any(len(values) != 1 for values in sent.values()):
        return None
    return {name: sent.get(name, [""])[0] for name in ("name", "password", "next")}


def _session(request: Request) -> Session | None:
    found = request.scope.get(SESSION)
    return found if isinstance(found, Session) else None


def _page(request: Request, next_page: str, name: str = "", wrong: str = "", status: int = 200) -> HTMLResponse:
    dark = " body--dark" if request.cookies.get("theme") == "dark" else ""
    told = f"<p class='login-wrong' role='alert'>{escape(wrong)}</p>" if wrong else ""
    where = "" if name else " autofocus"
    then = " autofocus" if name else ""
    page = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Sign in · Gristmill</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="/static/favicon.svg"><link rel="stylesheet" href="/static/style.css"></head>
<body class="login{dark}"><main class="card">
<div class="brand"><img src="/static/favicon.svg" alt="">Gristmill</div>
<h1 class="page-title">Sign in</h1>{told}
<form method="post" action="{LOGIN}">
<input type="hidden" name="next" value="{escape(next_page)}">
<label>Name <input name="name" value="{escape(name[:64])}" maxlength="64" autocomplete="username" autocapitalize="none"
 spellcheck="false" dir="auto" required{where}></label>
<label>Password <input name="password" type="password" maxlength="1024" autocomplete="current-password"
 required{then}></label>
<button>Sign in</button></form>
<p class="login-help">No account, or a forgotten password? Ask whoever runs these dashboards.</p>
</main></body></html>"""
    return HTMLResponse(page, status, headers={"content-security-policy": POLICY, "cache-control": "no-store"})
