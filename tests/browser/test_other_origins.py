"""A page of another origin, in a real browser: under its own name, and under a name that it points at this machine."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from gristmill.core.lake import Lake
from gristmill.warehouse.submissions import State
from tests.browser.conftest import REBOUND
from tests.helpers.dashboard_server import DashboardServer, running

TRY_EVERYTHING = """
async ({base, submission}) => {
  const tried = {};
  const attempt = async (name, work) => {
    try { tried[name] = await work(); } catch (error) { tried[name] = `failed: ${error.name}`; }
  };
  await attempt('read', async () => (await fetch(`${base}/api/overview`)).status);
  await attempt('page', async () => (await (await fetch(`${base}/`)).text()).includes('Gristmill'));
  await attempt('submit', async () => (await fetch(`${base}/api/submissions`, {
    method: 'POST', headers: {'content-type': 'application/json'}, body: submission})).status);
  await attempt('blind', async () => (await fetch(`${base}/api/submissions`, {
    method: 'POST', mode: 'no-cors', headers: {'content-type': 'text/plain'}, body: submission})).type);
  await attempt('socket', () => new Promise(resolve => {
    const address = base.replace('http', 'ws') + '/_nicegui_ws/socket.io/?EIO=4&transport=websocket';
    const socket = new WebSocket(address);
    socket.onmessage = () => resolve('connected');
    socket.onerror = () => resolve('refused');
  }));
  return tried;
}
"""


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return Lake.open(tmp_path_factory.mktemp("origins") / "lake")


@pytest.fixture(scope="module")
def server(lake: Lake) -> Iterator[DashboardServer]:
    with running(lake.root) as server:
        yield server


def submission(folder: Path) -> str:
    folder.mkdir(exist_ok=True)
    (folder / "model.safetensors").write_bytes(b"")
    return json.dumps({"checkpoint": str(folder), "suites": ["reading"]})


def test_a_page_of_another_origin_can_do_nothing(
    misled: Browser, server: DashboardServer, elsewhere: str, lake: Lake, tmp_path: Path
) -> None:
    page = misled.new_page()
    page.goto(elsewhere)
    arguments = {"base": server.base, "submission": submission(tmp_path / "checkpoint")}
    tried = page.evaluate(TRY_EVERYTHING, arguments)
    assert tried["read"] == tried["page"] == tried["submit"] == "failed: TypeError"
    assert tried["socket"] == "refused"
    assert State(lake.root).submissions() == []
    page.set_content(f'<iframe src="{server.base}/"></iframe>')
    page.wait_for_timeout(1000)
    framed = [frame for frame in page.frames if frame.url.startswith(server.base)]
    assert not any("Gristmill" in frame.content() for frame in framed)


def test_a_rebound_name_can_do_nothing(misled: Browser, server: DashboardServer, lake: Lake, tmp_path: Path) -> None:
    base = f"http://{REBOUND}:{server.port}"
    page = misled.new_page()
    answer = page.goto(base)
    assert answer is not None
    assert answer.status == 403
    arguments = {"base": base, "submission": submission(tmp_path / "checkpoint")}
    tried = page.evaluate(TRY_EVERYTHING, arguments)
    assert (tried["read"], tried["page"], tried["submit"], tried["socket"]) == (403, False, 403, "refused")
    assert State(lake.root).submissions() == []


def test_our_own_page_can_do_everything(misled: Browser, server: DashboardServer, lake: Lake, tmp_path: Path) -> None:
    page = misled.new_page()
    page.goto(server.base)
    arguments = {"base": server.base, "submission": submission(tmp_path / "checkpoint")}
    tried = page.evaluate(TRY_EVERYTHING, arguments)
    assert (tried["read"], tried["page"], tried["submit"], tried["socket"]) == (200, True, 201, "connected")
