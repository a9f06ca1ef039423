"""Running dashboards that have accounts, attacked at their pages and their websockets."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from gristmill.core.errors import UsageError
from gristmill.core.lake import Lake
from gristmill.dashboards.accounts.access import cookie_name
from gristmill.dashboards.accounts.people import Role
from gristmill.dashboards.app import run
from gristmill.dashboards.guard import Names
from gristmill.dashboards.pages import PAGES
from gristmill.dashboards.services import Intake
from tests.helpers.dashboard_server import DashboardServer, running
from tests.helpers.people import NAMES, PASSWORD, SomePeople, some_people

HTML = {"accept": "text/html"}
SOCKET = "/_nicegui_ws/socket.io/?EIO=4&transport="
CLIENT = re.compile(r"client_id\W+([0-9a-f-]{36})")
PATIENCE = 120.0


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> SomePeople:
    return some_people(Lake.open(tmp_path_factory.mktemp("sessions") / "lake").root)


@pytest.fixture(scope="module")
def server(people: SomePeople) -> Iterator[DashboardServer]:
    with running(people.root, "data.example.org") as server:
        yield server


@dataclass(frozen=True)
class Reader:
    """Somebody who has signed in."""

    server: DashboardServer
    cookie: str

    def get(self, path: str) -> httpx.Response:
        return httpx.get(self.server.base + path, headers={"cookie": self.cookie, **HTML}, timeout=PATIENCE)

    def sign_out(self) -> None:
        headers = {"cookie": self.cookie, "origin": self.server.base}
        assert httpx.post(self.server.base + "/logout", headers=headers, timeout=PATIENCE).status_code == 303

    def page(self, path: str) -> str:
        """The id of a page that was opened."""
        answer = self.get(path)
        assert answer.status_code == 200, answer.text[:500]
        found = CLIENT.search(answer.text)
        assert found is not None
        return found[1]

    def socket(self, query: str = "") -> ClientConnection:
        address = self.server.base.replace("http", "ws") + SOCKET + "websocket" + query
        headers = {"cookie": self.cookie}
        return connect(address, origin=self.server.base, additional_headers=headers, proxy=None)  # type: ignore[arg-type]


def signed_in(server: DashboardServer, people: SomePeople, role: Role) -> Reader:
    fields = {"name": NAMES[role], "password": PASSWORD, "next": "/"}
    answer = httpx.post(server.base + "/login", data=fields, headers={"origin": server.base}, timeout=PATIENCE)
    assert answer.status_code == 303, answer.text
    name = cookie_name(people.accounts.store.id, secure=False)
    return Reader(server, f"{name}={answer.cookies[name]}")


def opened(socket: ClientConnection) -> None:
    """Socket.IO's greetings."""
    assert str(socket.recv(PATIENCE)).startswith("0{")
    socket.send("40")
    assert str(socket.recv(PATIENCE)).startswith("40{")


def asked(socket: ClientConnection, name: str, message: dict[str, Any]) -> str:
    """What the server sends for an event that wants an answer, or that it hangs up."""
    socket.send(f"420{json.dumps([name, message])}")
    return received(socket)


def received(socket: ClientConnection) -> str:
    try:
        while True:
            packet = str(socket.recv(PATIENCE))
            if packet == "2":  # a ping
                socket.send("3")
            else:
                return packet
    except ConnectionClosed as end:
        return f"closed {end.rcvd.code if end.rcvd else ''}"


def handshake(client: str) -> dict[str, Any]:
    return {"client_id": client, "tab_id": "tab", "old_tab_id": None, "document_id": "document", "next_message_id": 0}


def test_no_page_and_no_file_of_the_pages_without_a_session(server: DashboardServer, people: SomePeople) -> None:
    page = signed_in(server, people, Role.VIEWER).get("/funnel").text
    files = sorted(set(re.findall(r'["\'](/_nicegui/[^"\']+\.(?:js|css))["\']', page)))
    assert len(files) > 5
    for path in [*(page.path for page in PAGES), "/nothing", "/favicon.ico", *files, SOCKET + "polling"]:
        answer = httpx.get(server.base + path, timeout=PATIENCE)
        assert answer.status_code == 401, path
        assert "Overview" not in answer.text
        to_login = httpx.get(server.base + path, headers=HTML, timeout=PATIENCE)
        assert (to_login.status_code, to_login.headers["location"].partition("?")[0]) == (303, "/login"), path


def test_every_page_opens_for_those_who_may_and_the_bar_has_no_others(
    server: DashboardServer, people: SomePeople
) -> None:
    for role in (Role.VIEWER, Role.EVALUATOR):
        reader = signed_in(server, people, role)
        for page in PAGES:
            if "{" in page.path:
                continue
            answer = reader.get(page.path)
            assert (answer.status_code == 403) is not role.includes(page.role), page.path
            assert f'"href":"{page.path}"' in answer.text or page.place or not role.includes(page.role)
        assert ('"href":"/submit"' in reader.get("/").text) is role.includes(Role.EVALUATOR)
        assert (
            NAMES[role] in reader.get("/").text.encode().decode("unicode_escape", "ignore") or role is not Role.VIEWER
        )


@pytest.mark.parametrize(
    ("cookie", "origin"),
    [
        (False, "own"),
        (True, None),
        (True, "http://evil.example"),
        (True, "http://localhost:1"),
        (True, "null"),
        ("stale", "own"),
        ("token", "own"),
    ],
)
def test_a_websocket_needs_a_session_and_our_own_page(
    server: DashboardServer, people: SomePeople, cookie: bool | str, origin: str | None
) -> None:
    reader = signed_in(server, people, Role.ADMIN)
    headers = {"cookie": reader.cookie} if cookie else {}
    if cookie == "stale":
        reader.sign_out()
    if cookie == "token":
        headers = {"authorization": f"Bearer {reader.cookie.partition('=')[2]}"}
    given = server.base if origin == "own" else origin
    address = server.base.replace("http", "ws") + SOCKET + "websocket"
    with pytest.raises(InvalidStatus) as refused:
        connect(address, origin=given, additional_headers=headers, proxy=None)  # type: ignore[arg-type]
    assert refused.value.response.status_code == 403


def test_long_polling_is_no_way_around_the_websocket(server: DashboardServer, people: SomePeople) -> None:
    reader = signed_in(server, people, Role.ADMIN)
    assert reader.get(SOCKET + "polling").status_code == 403


def test_signing_out_closes_the_sockets_of_the_session_and_of_no_other(
    server: DashboardServer, people: SomePeople
) -> None:
    ann, vera = signed_in(server, people, Role.ADMIN), signed_in(server, people, Role.VIEWER)
    with ann.socket() as first, vera.socket() as other:
        opened(first)
        opened(other)
        assert asked(first, "handshake", handshake(ann.page("/"))) == "430[true]"
        ann.sign_out()
        packets = [received(first)]
        while not packets[-1].startswith("closed"):
            packets.append(received(first))
        assert packets[-1] == "closed 1008"
        assert '42["try_reconnect",{}]' in packets, "the page loads again, and is the login page then"
        assert asked(other, "handshake", handshake(vera.page("/"))) == "430[true]"


def test_ending_a_session_from_elsewhere_closes_its_sockets(server: DashboardServer, people: SomePeople) -> None:
    reader = signed_in(server, people, Role.REVIEWER)
    with reader.socket() as socket:
        opened(socket)
        people.accounts.set_role(NAMES[Role.REVIEWER], Role.REVIEWER, "ann", "command line")
        while not (packet := received(socket)).startswith("closed"):
            pass
        assert packet == "closed 1008"
    assert reader.get("/").headers["location"] == "/login"


def test_a_page_of_somebody_else_takes_no_events(server: DashboardServer, people: SomePeople) -> None:
    """An admin's page, its id known to somebody with a session of their own."""
    ann, vera = signed_in(server, people, Role.ADMIN), signed_in(server, people, Role.VIEWER)
    page = ann.page("/submit")
    for name in ("handshake", "event", "javascript_response", "ack", "log"):
        with vera.socket() as socket:
            opened(socket)
            message = {**handshake(page), "id": 1, "listener_id": "x", "args": [], "level": "error", "message": "x"}
            answer = asked(socket, name, message)
            assert answer in ("41", "430[false]"), name
            assert received(socket) in ("41", "430[false]") or received(socket).startswith("closed")
    with vera.socket(f"&client_id={page}&implicit_handshake=true&tab_id=t&document_id=d&next_message_id=0") as socket:
        assert str(socket.recv(PATIENCE)).startswith("0{")
        socket.send("40")
        assert received(socket).startswith("44"), "refused"
    with ann.socket() as socket:
        opened(socket)
        assert asked(socket, "handshake", handshake(page)) == "430[true]"


def test_a_page_of_a_session_that_is_over_takes_no_events_from_the_next(
    server: DashboardServer, people: SomePeople
) -> None:
    before = signed_in(server, people, Role.ADMIN)
    page = before.page("/submit")
    before.sign_out()
    after = signed_in(server, people, Role.ADMIN)
    with after.socket() as socket:
        opened(socket)
        assert asked(socket, "handshake", handshake(page)) in ("41", "430[false]")


def test_other_machines_are_not_served_without_accounts(tmp_path_factory: pytest.TempPathFactory) -> None:
    root = Lake.open(tmp_path_factory.mktemp("open") / "lake").root
    for host in ("0.0.0.0", "::", "192.168.1.7", "gpu7", "::ffff:10.0.0.7"):  # noqa: S104 - refused before it listens
        with pytest.raises(UsageError, match="gristmill accounts add NAME --role admin --lake"):
            run(root, Names.parse(host), intake=Intake())
