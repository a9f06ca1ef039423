"""Pages as they are served: in time, whatever the warehouse takes."""

import asyncio
from collections.abc import Iterator

import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient
from nicegui import app as nicegui_app
from nicegui import ui

from dashboards.page import Nothing, Page, serve_errors
from dashboards.services import Services
from schemas.errors import UsageError
from schemas.lake import Lake
from warehouse.read import Warehouse
from warehouse.state import State


async def draw_slowly(_services: Services, _request: Request, _asked: Nothing) -> None:
    await asyncio.sleep(3.5)
    ui.label("drawn at last")


async def draw_badly(_services: Services, _request: Request, _asked: Nothing) -> None:
    raise UsageError("the warehouse was made by a newer gristmill: install that one")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Two pages over an empty lake. NiceGUI has one application a process, so there is one of these, here."""
    root = Lake.open(tmp_path_factory.mktemp("page") / "lake").root
    services = Services(Warehouse.open(root), State(root))
    Page("/test-slow", "Slow", Nothing, draw_slowly).register(services)
    Page("/test-bad", "Bad", Nothing, draw_badly).register(services)
    serve_errors(services)
    app = FastAPI()
    ui.run_with(app, title="Gristmill", language="en-US", tailwind=False, show_welcome_message=False)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client
    for path in ("/test-slow", "/test-bad"):
        nicegui_app.remove_route(path)


def test_a_slow_page_is_drawn(client: TestClient) -> None:
    answer = client.get("/test-slow")
    assert answer.status_code == 200
    assert "drawn at last" in answer.text


def test_a_page_that_cannot_be_drawn_is_one_of_ours(client: TestClient) -> None:
    answer = client.get("/test-bad")
    assert answer.status_code == 500
    assert "This page could not be drawn" in answer.text
    assert "install that one" in answer.text
    assert "page-title" in answer.text
