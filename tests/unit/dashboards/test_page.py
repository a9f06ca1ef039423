"""Pages as they are served: in time, whatever the warehouse takes."""

import asyncio
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import duckdb
import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient
from nicegui import app as nicegui_app
from nicegui import ui
from pydantic import BaseModel, Field, ValidationError
from pydantic.dataclasses import dataclass

from gristmill.core.errors import UsageError
from gristmill.core.lake import Lake
from gristmill.dashboards.accounts.people import Role
from gristmill.dashboards.app import api_app
from gristmill.dashboards.page import NoQuery, Page, navigation, serve_pages
from gristmill.dashboards.pages import PAGES as OURS
from gristmill.dashboards.pages.submit import message
from gristmill.dashboards.services import Services
from gristmill.schemas.evaluation import BackendSettings
from gristmill.schemas.submission import Submission
from gristmill.warehouse.build.publish import publish
from gristmill.warehouse.connection import Warehouse
from gristmill.warehouse.submissions import State
from tests.helpers.small_lake import build_small_lake


async def draw_slowly(_services: Services, _request: Request, _asked: NoQuery) -> None:
    await asyncio.sleep(3.5)
    ui.label("drawn at last")


OTHERWISE = "this value cannot be used here; give another, or leave it out"


class Newer(BaseModel):
    """An answer with a column that an older warehouse does not have."""

    not_read: int


async def draw_what_is_not_there(_services: Services, _request: Request, _asked: NoQuery) -> None:
    Newer.model_validate({"damage": 0})


@dataclass(frozen=True)
class Anything:
    """A query with types that no page of ours has, beside those that they have."""

    when: date | None = None
    share: Annotated[float, Field(gt=0, lt=1)] | None = None
    sure: bool = False
    code: Annotated[str, Field(pattern="^[a-z]+$", min_length=2)] | None = None
    page: Annotated[int, Field(ge=0, le=9)] = 0


async def draw_anything(_services: Services, _request: Request, _asked: Anything) -> None:
    ui.label("drawn")


async def draw_badly(_services: Services, _request: Request, _asked: NoQuery) -> None:
    raise UsageError("the warehouse was made by a newer gristmill: install that one")


PAGES: tuple[Page[Any], ...] = (
    Page("/test-slow", "Slow", NoQuery, draw_slowly, role=Role.VIEWER),
    Page("/test-bad", "Bad", NoQuery, draw_badly, role=Role.VIEWER),
    Page("/test-any", "Any", Anything, draw_anything, place="Slow", role=Role.VIEWER),
    Page("/test-old", "Old", NoQuery, draw_what_is_not_there, role=Role.VIEWER),
)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Those pages and our own over a warehouse that was published before the table ``unanswered`` existed.

    NiceGUI has one application a process, so there is one of these, here.
    """
    lake = build_small_lake(tmp_path_factory.mktemp("page") / "lake").lake
    published = publish(lake)
    with duckdb.connect(str(published.path)) as connection:
        connection.execute("DROP TABLE unanswered")
    root = lake.root
    services = Services(Warehouse.open(root), State(root))
    serve_pages((*PAGES, *OURS), services)
    app = FastAPI()
    ui.run_with(app, title="Gristmill", language="en-US", tailwind=False, show_welcome_message=False)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client
    for page in (*PAGES, *OURS):
        nicegui_app.remove_route(page.path)


def test_a_slow_page_is_drawn(client: TestClient) -> None:
    answer = client.get("/test-slow")
    assert answer.status_code == 200
    assert "drawn at last" in answer.text


def test_every_page_without_a_place_is_in_the_navigation_bar(client: TestClient) -> None:
    assert navigation(PAGES) == (("Slow", "/test-slow"), ("Bad", "/test-bad"), ("Old", "/test-old"))
    answer = client.get("/test-any").text
    for title, path in navigation((*PAGES, *OURS)):
        assert title in answer
        assert path in answer
    assert answer.count("aria-current") == 1, "the entry of the page's place is marked"


def test_an_address_without_what_a_page_needs_leads_to_the_entry_of_its_place(client: TestClient) -> None:
    answer = client.get("/why")
    assert answer.status_code == 422
    assert "This page needs the parameter question." in answer.text
    assert answer.text.count('"href":"/documents"') == 2, "in the navigation bar and below the explanation"


def test_a_page_that_cannot_be_drawn_is_one_of_ours(client: TestClient) -> None:
    answer = client.get("/test-bad")
    assert answer.status_code == 500
    assert "This page could not be drawn" in answer.text
    assert "install that one" in answer.text
    assert "page-title" in answer.text


def test_a_warehouse_of_another_version_is_to_be_built_again(client: TestClient) -> None:
    answer = client.get("/test-old")
    assert answer.status_code == 500
    assert "gristmill warehouse rebuild --lake" in answer.text
    assert "Field required" not in answer.text


@pytest.mark.parametrize("page", [page for page in OURS if "{" not in page.path], ids=lambda page: page.path)
def test_a_page_of_ours_that_needs_a_newer_table_says_how_to_rebuild(client: TestClient, page: Page[Any]) -> None:
    answer = client.get(page.path, params={"question": "https://handbook.example/"} if page.path == "/why" else {})
    needs_it = page.path in ("/", "/checkpoints", "/items")
    assert answer.status_code == (500 if needs_it else 200)
    assert ("gristmill warehouse rebuild --lake" in answer.text) is needs_it


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("when", "someday", OTHERWISE),
        ("share", "2", OTHERWISE),
        ("share", "much", OTHERWISE),
        ("sure", "maybe", OTHERWISE),
        ("code", "x", OTHERWISE),
        ("code", "99", OTHERWISE),
        ("page", "10", "give a whole number of at most 9"),
        ("page", "9" * 5000, "give a whole number"),
        ("page", "ten", "give a whole number"),
    ],
)
def test_a_wrong_value_is_told_in_plain_words(client: TestClient, name: str, value: str, told: str) -> None:
    answer = client.get("/test-any", params={name: value})
    assert answer.status_code == 422
    assert f"{name}={value[:100]}" in answer.text
    assert told in answer.text
    assert "Input should" not in answer.text
    assert "String should" not in answer.text


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("threads", 1000, "Give a whole number of at most 256."),
        ("dtype", "int4", "Give 'float32' or 'bfloat16'."),
        ("name", "tpu", "There is no backend 'tpu'"),
        ("label", "x" * 200, "Give at most 120 characters."),
        ("suites", ["a"] * 51, "Give at most 50."),
        ("checkpoint", "", "Give the path of a folder."),
        ("suites", [], "Choose at least one suite."),
    ],
)
def test_a_field_of_the_form_is_told_in_plain_words(field: str, value: object, told: str) -> None:
    inside = field in BackendSettings.model_fields
    filled: dict[str, object] = {"checkpoint": "/x", "suites": ["a"]}
    filled |= {"backend": {field: value}} if inside else {field: value}
    with pytest.raises(ValidationError) as refused:
        Submission.model_validate(filled)
    assert message(refused.value.errors()[0]).startswith(told)


def test_the_api_says_so_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = Lake.open(tmp_path / "lake").root
    services = Services(Warehouse.open(root), State(root))

    def older(_warehouse: Warehouse, _source: str | None) -> Newer:
        return Newer.model_validate({"damage": 0})

    monkeypatch.setattr("gristmill.warehouse.queries.funnel", older)
    with TestClient(api_app(services), raise_server_exceptions=False) as client:
        answer = client.get("/api/funnel")
    assert answer.status_code == 500
    assert "gristmill warehouse rebuild --lake" in answer.json()["detail"]
