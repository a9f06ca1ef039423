"""Roles: each includes those before it, and what declares none is not registered."""

from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, Request
from fastapi.testclient import TestClient

from gristmill.core.lake import Lake
from gristmill.dashboards.accounts.people import PERSON, Person, Role, local_person, person_of
from gristmill.dashboards.accounts.roles import needs, refusal
from gristmill.dashboards.api import router
from gristmill.dashboards.page import NoQuery, Page
from gristmill.dashboards.pages import PAGES
from gristmill.dashboards.services import Services
from gristmill.warehouse.connection import Warehouse
from gristmill.warehouse.submissions import State


def services_of(folder: Path) -> Services:
    root = Lake.open(folder / "lake").root
    return Services(Warehouse.open(root), State(root))


async def draw(_services: Services, _request: Request, _asked: NoQuery) -> None:
    """Nothing."""


def test_a_role_includes_those_before_it() -> None:
    order = [Role.VIEWER, Role.REVIEWER, Role.EVALUATOR, Role.ADMIN]
    assert [[a.includes(b) for b in order] for a in order] == [[i >= j for j in range(4)] for i in range(4)]
    assert refusal(Person("安娜", Role.VIEWER), Role.VIEWER) is None
    assert "needs the role admin, and 安娜 has the role viewer" in str(refusal(Person("安娜", Role.VIEWER), Role.ADMIN))


def test_a_route_without_a_role_is_not_registered(tmp_path: Path) -> None:
    def open_route(api: APIRouter, _services: Services) -> None:
        @api.get("/open")
        def read() -> str:
            return "everything"

    page = Page("/open", "Open", NoQuery, draw, routes=open_route, role=Role.VIEWER)
    with pytest.raises(TypeError, match="/api/open does not say which role it needs"):
        router([page], services_of(tmp_path))


def test_a_page_without_a_role_cannot_be_made() -> None:
    arguments: tuple[Any, ...] = ("/open", "Open", NoQuery, draw)
    with pytest.raises(TypeError, match="role"):
        Page(*arguments)


def test_every_route_of_ours_declares_its_role_and_what_writes_needs_more_than_reading(tmp_path: Path) -> None:
    app = FastAPI()
    app.include_router(router(PAGES, services_of(tmp_path)))
    declared = {
        (method, path): operation["x-role"]
        for path, methods in app.openapi()["paths"].items()
        for method, operation in methods.items()
    }
    assert declared[("get", "/api/documents")] == "viewer"
    assert declared[("post", "/api/submissions")] == "evaluator"
    assert not [where for where, role in declared.items() if where[0] != "get" and role == "viewer"]


@pytest.mark.parametrize("role", list(Role))
def test_a_route_refuses_a_person_whose_role_does_not_include_its_own(role: Role) -> None:
    app = FastAPI()

    @app.get("/decide", dependencies=[needs(Role.EVALUATOR)])
    def decide(request: Request) -> str:
        return person_of(request).name

    async def signed_in(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, PERSON: Person("Ann", role)}, receive, send)

    answer = TestClient(signed_in).get("/decide")
    if role in (Role.EVALUATOR, Role.ADMIN):
        assert (answer.status_code, answer.json()) == (200, "Ann")
    else:
        assert answer.status_code == 403


def test_without_accounts_the_person_is_who_runs_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USER", "ann")
    assert local_person() == Person("ann", Role.ADMIN)
    assert person_of(Request({"type": "http", "headers": []})) == Person("ann", Role.ADMIN)
