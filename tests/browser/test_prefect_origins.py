"""A lake's Prefect server and a real browser: another page reads and writes nothing, its user logs in and does both."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser

from gristmill.core.lake import Lake
from gristmill.flows.prefect.server import stop_server
from tests.browser.conftest import REBOUND, WAIT_MS
from tests.helpers.lake_server import Running, end, running, start
from tests.helpers.prefect_api import prefect_api

SECRET, PLANTED = "known-to-its-user", "planted"
TRY_EVERYTHING = """
async ({base, credential}) => {
  const tried = {};
  const attempt = async (name, work) => {
    try { tried[name] = await work(); } catch (error) { tried[name] = `failed: ${error.name}`; }
  };
  const login = credential === null ? {} : {authorization: `Basic ${btoa(credential)}`};
  const json = {'content-type': 'application/json', ...login};
  const token = async () => credential === null ? {} : {
    'prefect-csrf-client': 'page',
    'prefect-csrf-token': (await (await fetch(`${base}/csrf-token?client=page`, {headers: login})).json()).token};
  await attempt('health', async () => (await fetch(`${base}/health`)).status);
  await attempt('read', async () => (await fetch(`${base}/admin/version`, {headers: login})).status);
  await attempt('list', async () => {
    const headers = {...json, ...await token()};
    return (await (await fetch(`${base}/flows/filter`, {method: 'POST', headers, body: '{}'})).json())[0].name});
  await attempt('write', async () => {
    const headers = {...json, ...await token()};
    return (await fetch(`${base}/flows/`, {method: 'POST', headers, body: '{"name": "PLANTED"}'})).status});
  await attempt('blind', async () => (await fetch(`${base}/flows/`, {
    method: 'POST', mode: 'no-cors', headers: {'content-type': 'text/plain'}, body: '{"name": "PLANTED"}'})).type);
  await attempt('socket', () => new Promise(resolve => {
    const socket = new WebSocket(base.replace('http', 'ws') + '/events/out', 'prefect');
    socket.onopen = () => socket.send(JSON.stringify({type: 'auth', token: credential}));
    socket.onmessage = () => resolve('connected');
    socket.onerror = () => resolve('refused');
    socket.onclose = () => resolve('refused');
  }));
  return tried;
}
""".replace("PLANTED", PLANTED)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The server of a lake, which knows one flow; afterwards it knows none that another page has planted."""
    lake = Lake.open(tmp_path_factory.mktemp("origins") / "lake").root
    holder = start(lake, hold=True)
    try:
        server = running(lake)
        client = prefect_api(server.url, server.credential)
        client.post("/flows/", json={"name": SECRET}).raise_for_status()
        yield server
    finally:
        end(holder)
        stop_server(lake)


def flows(server: Running) -> set[str]:
    found = prefect_api(server.url, server.credential).post("/flows/filter", json={}).json()
    return {str(flow["name"]) for flow in found}


@pytest.mark.parametrize("knows_the_credential", [False, True])
def test_a_page_of_another_origin_can_do_nothing(
    misled: Browser, server: Running, elsewhere: str, knows_the_credential: bool
) -> None:
    page = misled.new_page()
    page.goto(elsewhere)
    credential = server.credential if knows_the_credential else None
    tried = page.evaluate(TRY_EVERYTHING, {"base": server.url, "credential": credential})
    assert {tried[name] for name in ("health", "read", "list", "write")} == {"failed: TypeError"}
    assert tried["socket"] == "refused"
    assert flows(server) == {SECRET}
    pages = server.url.removesuffix("/api")
    page.set_content(f'<iframe src="{pages}/"></iframe>')
    page.wait_for_timeout(1000)
    assert not any("prefect" in frame.content().lower() for frame in page.frames if frame.url.startswith(pages))


@pytest.mark.parametrize("knows_the_credential", [False, True])
def test_a_rebound_name_can_do_nothing(misled: Browser, server: Running, knows_the_credential: bool) -> None:
    """To the browser the page and the server are of one origin."""
    base = f"http://{REBOUND}:{urlsplit(server.url).port}/api"
    page = misled.new_page()
    answer = page.goto(base.removesuffix("/api"))
    assert answer is not None
    assert answer.status == 403
    credential = server.credential if knows_the_credential else None
    tried = page.evaluate(TRY_EVERYTHING, {"base": base, "credential": credential})
    assert (tried["health"], tried["read"]) == (403, 403)
    assert tried["write"] == (403 if credential is None else "failed: SyntaxError")  # the refusal is no token
    assert tried["socket"] == "refused"
    assert flows(server) == {SECRET}


def test_its_user_logs_in_and_sees_the_runs(chromium: Browser, server: Running, tmp_path: Path) -> None:
    pages = server.url.removesuffix("/api")
    page = chromium.new_page()
    page.set_default_timeout(WAIT_MS)
    page.goto(pages)
    page.wait_for_url("**/login*")
    password = page.locator("input[type=password]")
    password.fill("gristmill:wrong")
    page.get_by_role("button", name="Login").click()
    page.get_by_text("nvalid").or_(page.get_by_text("failed")).first.wait_for()
    password.fill(server.credential)
    page.get_by_role("button", name="Login").click()
    page.wait_for_url(lambda url: "login" not in url)
    page.goto(f"{pages}/v2/flows")
    page.get_by_text(SECRET).first.wait_for()
    tried = page.evaluate(TRY_EVERYTHING, {"base": server.url, "credential": server.credential})
    assert (tried["read"], tried["list"], tried["write"], tried["socket"]) == (200, SECRET, 201, "connected")
    assert flows(server) == {SECRET, PLANTED}
