"""What somebody without an account, or with a lesser one, gets from dashboards that have accounts: the login page.

The application here is ours but for NiceGUI's pages, which are attacked in ``test_dashboard_sessions.py``.
"""

from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from gristmill.core.lake import Lake
from gristmill.dashboards.accounts.access import PUBLIC, Access, Door, cookie_name, own_path
from gristmill.dashboards.accounts.login import MOST_FORM, serve_login
from gristmill.dashboards.accounts.people import Role
from gristmill.dashboards.accounts.sessions import IDLE_SECONDS, Sessions
from gristmill.dashboards.accounts.signing_in import MOST_OF_BOTH
from gristmill.dashboards.app import api_app
from gristmill.dashboards.guard import Guard, Names
from gristmill.dashboards.services import Services
from gristmill.warehouse.connection import Warehouse
from gristmill.warehouse.submissions import State
from tests.helpers.people import NAMES, PASSWORD, SomePeople, some_people

HTTP, HTTPS = "http://localhost", "https://data.example.org"
HTML = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def people(tmp_path: Path) -> SomePeople:
    return some_people(Lake.open(tmp_path / "lake").root)


@pytest.fixture
def app(people: SomePeople) -> FastAPI:
    services = Services(Warehouse.open(people.root), State(people.root))
    door = Door(people.accounts)
    app = api_app(services)
    serve_login(app, door)
    app.add_middleware(Access, door=door)
    app.add_middleware(Guard, names=Names.parse("127.0.0.1", ["data.example.org"]))
    return app


def browser(app: FastAPI, base: str = HTTP) -> TestClient:
    return TestClient(app, base_url=base, follow_redirects=False, client=("10.0.0.7", 50_000))


def login(client: TestClient, name: str, password: str = PASSWORD, then: str = "/", **headers: str) -> httpx.Response:
    """What the login page sends."""
    own = str(client.base_url).rstrip("/")
    fields = {"name": name, "password": password, "next": then}
    answer: httpx.Response = client.post("/login", data=fields, headers={"origin": own, **headers})
    return answer


def sending(cookies: dict[str, str]) -> dict[str, str]:
    """The header of a browser that has these cookies."""
    return {"cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}


def token(people: SomePeople, role: Role) -> dict[str, str]:
    owner = people.accounts.right(NAMES[role], PASSWORD)
    assert owner is not None
    secret = Sessions.of(people.accounts).make_token(owner, role, "", 9, "test", "test")
    return {"authorization": f"Bearer {secret}"}


def routes_of(app: FastAPI) -> list[tuple[str, str]]:
    """Every method and path of the application, of its routers and mounts too."""
    found = [("get", "/static/session.js"), ("get", "/docs"), ("get", "/openapi.json")]
    for path, methods in app.openapi()["paths"].items():
        found += [(method, path.replace("{", "").replace("}", "")) for method in methods]
    return found


def test_nothing_is_answered_without_a_session_but_the_login_page(app: FastAPI) -> None:
    client = browser(app)
    asked = routes_of(app)
    assert len(asked) > 25
    for method, path in asked:
        answer = client.request(method, path, headers={"origin": HTTP})
        assert answer.status_code == 401, path
        assert "detail" in answer.json() if path.startswith("/api/") else True
    assert {path: client.get(path).status_code for path in sorted(PUBLIC)} == dict.fromkeys(sorted(PUBLIC), 200)


@pytest.mark.parametrize(
    "path",
    [
        "//login",
        "/login/",
        "/login/../api/overview",
        "/login/%2e%2e/api/overview",
        "/./api/overview",
        "//api/overview",
        "/api//overview",
        "/API/overview",
        "/static/style.css/../session.js",
        "/static/style.css/%2e%2e/session.js",
        "/static/%2e%2e/static/session.js",
        "/static/style.css%00",
        "/static//style.css",
        "/login;/api/overview",
        "/login%2f..%2fapi/overview",
        "/\\login",
        "/login%20",
        "/%00/login",
        "/nothing",
        "*",
    ],
)
def test_no_spelling_of_a_path_gets_past_the_login(app: FastAPI, path: str) -> None:
    """Sent as it is: a client would tidy it up."""
    for headers in ({}, HTML):
        answer = raw(app, path, headers)
        assert answer[0] in (303, 401), answer
        assert b"totals" not in answer[1]


def raw(app: FastAPI, path: str, headers: dict[str, str], method: str = "GET") -> tuple[int, bytes]:
    """Status and body of a request with this very path, decoded once as servers do."""
    import asyncio
    from urllib.parse import unquote

    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    given = {"host": "localhost", **headers}
    scope = {
        "type": "http",
        "method": method,
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "http_version": "1.1",
        "server": ("127.0.0.1", 80),
        "client": ("10.0.0.7", 50_000),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in given.items()],
    }
    asyncio.run(app(scope, receive, send))
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


def test_a_login_gives_a_session_and_a_sign_out_takes_it(app: FastAPI, people: SomePeople) -> None:
    client = browser(app)
    asked = client.get("/openapi.json", headers=HTML)
    assert (asked.status_code, asked.headers["location"]) == (303, "/login?next=%2Fopenapi.json")
    welcome = login(client, "ann", then="/openapi.json")
    assert (welcome.status_code, welcome.headers["location"]) == (303, "/openapi.json")
    (cookie,) = welcome.headers.get_list("set-cookie")
    assert {part.strip().lower().partition("=")[0] for part in cookie.split(";")[1:]} == {
        "httponly",
        "max-age",
        "path",
        "samesite",
    }
    assert "samesite=strict" in cookie.lower()
    answer = client.get("/api/overview")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    kept = dict(client.cookies)
    out = client.post("/logout", headers={"origin": HTTP})
    assert (out.status_code, out.headers["location"]) == (303, "/login")
    assert dict(client.cookies) == {}
    assert client.get("/api/overview", headers=sending(kept)).status_code == 401, "the cookie is worth nothing any more"
    assert [line.what for line in list(people.accounts.store.audit.lines())[-2:]] == ["login", "sign-out"]


def test_by_https_the_cookie_is_for_https_and_this_host_only(app: FastAPI, people: SomePeople) -> None:
    for base in (HTTPS, "http://data.example.org"):  # the proxy speaks http with us
        client = browser(app, base)
        (cookie,) = login(client, "ann", origin=HTTPS).headers.get_list("set-cookie")
        assert cookie.startswith(cookie_name(people.accounts.store.id, secure=True) + "=")
        assert "; secure" in cookie.lower()
        assert "domain=" not in cookie.lower()


def test_a_session_given_by_somebody_else_is_never_taken_up(app: FastAPI, people: SomePeople) -> None:
    name = cookie_name(people.accounts.store.id, secure=False)
    client = browser(app)
    client.cookies.set(name, "chosen-by-an-attacker")
    first = login(client, "ann").cookies[name]
    assert first != "chosen-by-an-attacker"
    second = login(client, "ann").cookies[name]
    assert second != first
    assert browser(app).get("/api/overview", headers=sending({name: first})).status_code == 401, (
        "a login ends the one before"
    )
    assert browser(app).get("/api/overview", headers=sending({name: "chosen-by-an-attacker"})).status_code == 401


def test_a_cookie_of_https_wins_over_one_that_a_sibling_set(app: FastAPI, people: SomePeople) -> None:
    id = people.accounts.store.id
    secure, plain = cookie_name(id, secure=True), cookie_name(id, secure=False)
    client = browser(app, HTTPS)
    own = login(client, "ann").cookies[secure]
    planted = login(browser(app), "vera").cookies[plain]
    sent = {"cookie": f"{plain}={planted}; {secure}={own}", "origin": HTTPS}
    answer = browser(app, HTTPS).post("/api/submissions", headers=sent, json={})
    assert answer.status_code == 422, "as ann, who may submit"


@pytest.mark.parametrize("name", ["ann", "nobody", "", "a" * 5000, "\x00", "' OR 1=1 --", "磨"])
def test_an_answer_does_not_say_whether_the_name_exists(app: FastAPI, name: str) -> None:
    """But for the name that was typed, which is shown again."""
    known, other = login(browser(app), "vera", "wrong password"), login(browser(app), name, "wrong password")
    assert known.status_code == other.status_code == 401
    assert set(known.headers) == set(other.headers)
    assert "The name or the password is wrong." in other.text
    assert other.text.count("<input") == known.text.count("<input")


def test_guessing_ends_after_five_tries(app: FastAPI) -> None:
    client = browser(app)
    answers = [login(client, "ann", f"guess number {number}") for number in range(MOST_OF_BOTH)]
    answers.append(login(client, "ann"))
    assert [answer.status_code for answer in answers] == [401] * MOST_OF_BOTH + [429]
    assert answers[-1].headers["retry-after"] == "900"
    assert "Too many tries. The next one is possible in 15 minutes." in answers[-1].text
    assert "set-cookie" not in answers[-1].headers
    forwarded = login(client, "ann", **{"x-forwarded-for": "10.9.9.9", "forwarded": "for=10.9.9.9"})
    assert forwarded.status_code == 429, "what a client says about its address does not count"


@pytest.mark.parametrize(
    "then",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "\\\\evil.example/",
        "/\t/evil.example/",
        "\t//evil.example/",
        "javascript:alert(1)",
        "evil.example",
        "",
        "/a\r\nset-cookie: x=y",
        "/a\nb",
        "/login",
        "/logout",
        "/login?next=/",
        "http:/evil.example",
        "/ /evil.example",
        "/" + "a" * 9000,
    ],
)
def test_a_login_leads_nowhere_else(app: FastAPI, then: str) -> None:
    assert own_path(then) == "/"
    client = browser(app)
    answer = login(client, "ann", then=then)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert [name for name in answer.headers if name == "set-cookie"] == ["set-cookie"]
    signed_in = client.get("/login", params={"next": then})
    assert signed_in.headers["location"] == "/"


def test_a_login_leads_to_the_page_that_was_asked_for(app: FastAPI) -> None:
    asked = browser(app).get("/documents?query=磨坊&fate=kept", headers=HTML)
    client = browser(app)
    page = client.get(asked.headers["location"])
    then = "/documents?query=%E7%A3%A8%E5%9D%8A&amp;fate=kept"
    assert f'name="next" value="{then}"' in page.text
    answer = login(client, "ann", then=then.replace("&amp;", "&"))
    assert answer.headers["location"] == "/documents?query=%E7%A3%A8%E5%9D%8A&fate=kept"


def test_what_was_typed_is_shown_as_text(app: FastAPI) -> None:
    hostile = '"><script>alert(1)</script>'
    answer = login(browser(app), hostile, "wrong password", then=f"/{hostile}")
    assert "<script" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    shown = browser(app).get("/login", params={"next": f"/{hostile}"})
    assert "<script" not in shown.text


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"name=ann&password=" + b"x" * MOST_FORM, FORM, 400),
        (b"name=ann&name=vera&password=x", FORM, 400),
        (b"&".join(b"a%d=1" % number for number in range(5000)), FORM, 400),
        (b"name=%ff%fe&password=x", FORM, 400),
        (b'{"name": "ann"}', "application/json", 400),
        (b"name=ann", "text/plain", 400),
        (b"", FORM, 401),
        (b"name=ann&password=" + b"x" * 9000, FORM, 401),
        (b"x" * (2 << 20), FORM, 413),
    ],
)
def test_a_form_that_the_page_does_not_send(app: FastAPI, content: bytes, kind: str, status: int) -> None:
    answer = browser(app).post("/login", content=content, headers={"origin": HTTP, "content-type": kind})
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),  # no browser leaves it out where it matters
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://localhost:9999"}, 403),
        ({"origin": "http://sub.localhost"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "none"}, 403),
        ({"origin": HTTP}, 422),
        ({"sec-fetch-site": "same-origin"}, 422),
    ],
)
def test_a_post_that_another_site_caused_is_refused(app: FastAPI, headers: dict[str, str], status: int) -> None:
    client = browser(app)
    login(client, "ann")
    assert client.post("/api/submissions", headers=headers, json={}).status_code == status
    if status == 403:
        assert client.post("/logout", headers=headers).status_code == 403
        fields = {"name": "vera", "password": PASSWORD}
        assert client.post("/login", data=fields, headers=headers).status_code == 403, "nobody is signed in unasked"
        assert client.get("/api/overview").status_code == 200, "the session is as it was"


def test_a_link_on_another_site_opens_the_page_by_way_of_our_own(app: FastAPI) -> None:
    """The browser leaves the cookie out on the first request, and sends it on the second, which is ours."""
    headers = {**HTML, "sec-fetch-site": "cross-site"}
    first = browser(app).get('/documents?query="><script>', headers=headers)
    assert first.status_code == 200
    assert "<meta http-equiv='refresh' content='0; url=/documents?query=" in first.text
    assert "<script" not in first.text
    second = browser(app).get("/documents", headers={**HTML, "sec-fetch-site": "same-origin"})
    assert second.headers["location"] == "/login?next=%2Fdocuments"


@pytest.mark.parametrize("role", list(Role))
def test_a_role_does_what_it_may_and_no_more(app: FastAPI, people: SomePeople, role: Role) -> None:
    client = browser(app)
    login(client, NAMES[role])
    for path, methods in app.openapi()["paths"].items():
        for method, operation in methods.items():
            address = path.replace("{", "").replace("}", "")
            answer = client.request(method, address, headers={"origin": HTTP}, json={} if method == "post" else None)
            may = role.includes(Role(operation["x-role"]))
            assert (answer.status_code == 403) is not may, (method, path)
            if not may:
                assert f"needs the role {operation['x-role']}" in answer.json()["detail"]


def test_a_role_that_is_taken_away_is_gone_at_once(app: FastAPI, people: SomePeople) -> None:
    client = browser(app)
    login(client, "安娜")
    assert client.post("/api/submissions", headers={"origin": HTTP}, json={}).status_code == 422
    scripted = token(people, Role.EVALUATOR)
    people.accounts.set_role("安娜", Role.VIEWER, "ann", "test")
    assert client.post("/api/submissions", headers={"origin": HTTP}, json={}).status_code == 401
    assert browser(app).post("/api/submissions", headers=scripted, json={}).status_code == 403
    assert browser(app).get("/api/overview", headers=scripted).status_code == 200


def test_a_token_opens_the_api_and_nothing_else(app: FastAPI, people: SomePeople) -> None:
    headers, client = token(people, Role.EVALUATOR), browser(app)
    assert client.get("/api/overview", headers=headers).status_code == 200
    assert client.post("/api/submissions", headers=headers, json={}).status_code == 422
    for path in ("/static/session.js", "/docs", "/documents", "/_nicegui_ws/socket.io/"):
        assert client.get(path, headers=headers).status_code == 401
    secret = headers["authorization"].removeprefix("Bearer ")
    name = cookie_name(people.accounts.store.id, secure=False)
    assert client.get("/api/overview", headers=sending({name: secret})).status_code == 401, "not as a cookie"
    session = login(browser(app), "ann").cookies[name]
    assert client.get("/api/overview", headers={"authorization": f"Bearer {session}"}).status_code == 401


@pytest.mark.parametrize("given", ["", "Bearer", "Bearer ", "Bearer x", "Basic YW5uOng=", "Bearer " + "x" * 9000])
def test_a_wrong_token_is_not_helped_by_a_cookie(app: FastAPI, given: str) -> None:
    client = browser(app)
    login(client, "ann")
    answer = client.get("/api/overview", headers={"authorization": given})
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


def test_an_idle_session_is_over(app: FastAPI, people: SomePeople) -> None:
    client = browser(app)
    login(client, "ann")
    for _ in range(3):
        people.clock.now += IDLE_SECONDS - 1
        assert client.get("/api/overview").status_code == 200
    people.clock.now += IDLE_SECONDS + 1
    assert client.get("/api/overview").status_code == 401


@pytest.mark.parametrize(
    "cookie", ["", "=", ";;;", "a", '"', "x" * 60_000, "gristmill-{id}", "gristmill-{id}=", "\xff"]
)
def test_a_broken_cookie_is_none(app: FastAPI, people: SomePeople, cookie: str) -> None:
    sent = cookie.replace("{id}", people.accounts.store.id)
    assert raw(app, "/api/overview", {"cookie": sent})[0] == 401


def test_accounts_made_while_it_runs_close_the_door_and_taking_them_away_does_not_open_it(tmp_path: Path) -> None:
    root = Lake.open(tmp_path / "lake").root
    people = SomePeople(root, *made_later(root))
    door = Door(people.accounts)
    app = api_app(Services(Warehouse.open(root), State(root)))
    serve_login(app, door)
    app.add_middleware(Access, door=door)
    client = browser(app)
    assert client.get("/api/overview").status_code == 200
    people.accounts.add("ann", Role.ADMIN, PASSWORD, "test", "test")
    assert client.get("/api/overview").status_code == 401
    assert login(client, "ann").status_code == 303
    assert client.get("/api/overview").status_code == 200
    for file in (root / "state").iterdir():
        if file.name.startswith("accounts"):
            file.unlink()
    assert client.get("/api/overview").status_code == 401
    assert client.get("/login").status_code == 200


def made_later(root: Path) -> tuple[Any, Any, Any]:
    from gristmill.dashboards.accounts.accounts import Accounts
    from gristmill.dashboards.accounts.passwords import Passwords
    from gristmill.dashboards.accounts.store import Store
    from tests.helpers.people import CountedHasher, SetClock

    hasher, clock = CountedHasher(), SetClock()
    return Accounts(Store.of_lake(root), Passwords(hasher), clock), clock, hasher
