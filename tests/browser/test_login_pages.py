"""Signing in and out, in a real browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from gristmill.dashboards.accounts.people import Role
from tests.browser.conftest import Visitor
from tests.helpers.dashboard_server import running
from tests.helpers.people import NAMES, PASSWORD, SomePeople, some_people
from tests.helpers.small_lake import SmallLake


@pytest.fixture(scope="module")
def people(small: SmallLake, tmp_path_factory: pytest.TempPathFactory) -> SomePeople:
    """Accounts in a file of their own: the small lake is also served without any."""
    return some_people(small.lake.root, tmp_path_factory.mktemp("people") / "accounts.sqlite")


@pytest.fixture(scope="module")
def closed_app(small: SmallLake, people: SomePeople) -> Iterator[str]:
    with running(small.lake.root, accounts=people.accounts.store.path) as server:
        yield server.base


@pytest.fixture
def stranger(context: BrowserContext, closed_app: str, shots: Path) -> Iterator[Visitor]:
    """A reader of dashboards that have accounts, who has not signed in."""
    visitor = Visitor(context.new_page(), closed_app, shots, expected_status=401)
    yield visitor
    visitor.check()


def sign_in(page: Page, name: str, password: str = PASSWORD) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_a_page_is_reached_by_way_of_the_login(stranger: Visitor) -> None:
    page = stranger.page
    page.goto(stranger.base + "/documents?query=磨坊")
    expect(page).to_have_title("Sign in · Gristmill")
    expect(page.get_by_label("Name")).to_be_focused()
    stranger.shot("login-light")
    sign_in(page, NAMES[Role.EVALUATOR], "not the password")
    expect(page.get_by_role("alert")).to_have_text("The name or the password is wrong.")
    expect(page.get_by_label("Name")).to_have_value(NAMES[Role.EVALUATOR])
    expect(page.get_by_label("Password")).to_be_focused()
    stranger.shot("login-wrong")
    page.set_viewport_size({"width": 390, "height": 800})
    page.context.add_cookies([{"name": "theme", "value": "dark", "url": stranger.base}])
    page.goto(stranger.base + "/documents?query=磨坊")
    stranger.shot("login-narrow-dark")
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    sign_in(page, NAMES[Role.EVALUATOR])
    expect(page.locator(".pages")).to_contain_text("of 1 record")
    expect(page.locator(".who")).to_have_text(NAMES[Role.EVALUATOR])
    page.wait_for_function("() => window.socket && window.socket.connected")
    stranger.shot("signed-in-narrow-dark")
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    page.set_viewport_size({"width": 1360, "height": 850})
    stranger.open("/submit")
    expect(page.locator(".who")).to_be_visible()
    stranger.shot("signed-in-dark")


def test_signing_out_in_one_window_signs_out_in_the_other(stranger: Visitor) -> None:
    page = stranger.page
    page.goto(stranger.base + "/gates")
    sign_in(page, NAMES[Role.VIEWER])
    expect(page.locator(".page-title")).to_have_text("Gates")
    expect(page.locator("nav").get_by_text("Submit", exact=True)).to_have_count(0)
    page.wait_for_function("() => window.socket && window.socket.connected")
    other = page.context.new_page()
    other.goto(stranger.base + "/funnel")
    other.get_by_role("button", name="Sign out").click()
    expect(other).to_have_title("Sign in · Gristmill")
    expect(page).to_have_title("Sign in · Gristmill")
    page.goto(stranger.base + "/gates")
    expect(page).to_have_title("Sign in · Gristmill")


def test_a_link_on_another_site_leads_to_the_page_of_somebody_who_is_signed_in(
    stranger: Visitor, elsewhere: str
) -> None:
    page = stranger.page
    page.goto(stranger.base + "/login")
    sign_in(page, NAMES[Role.ADMIN])
    expect(page.locator(".page-title")).to_have_text("Overview")
    page.wait_for_function("() => window.socket && window.socket.connected")
    page = page.context.new_page()
    page.goto(elsewhere.replace("127.0.0.1", "localhost"))
    page.set_content(f'<a href="{stranger.base}/funnel">look</a>')
    page.get_by_text("look").click()
    expect(page.locator(".page-title")).to_have_text("Funnel")


def test_the_form_of_a_page_of_another_site_changes_nothing(stranger: Visitor, elsewhere: str) -> None:
    page = stranger.page
    page.goto(stranger.base + "/login")
    sign_in(page, NAMES[Role.ADMIN])
    expect(page.locator(".page-title")).to_have_text("Overview")
    page.wait_for_function("() => window.socket && window.socket.connected")
    other = page.context.new_page()
    other.goto(elsewhere)
    other.set_content(f'<form method="post" action="{stranger.base}/logout"><button>win</button></form>')
    other.get_by_text("win").click()
    expect(other.locator("body")).to_contain_text("may not use these dashboards")
    page.reload()
    expect(page.locator(".page-title")).to_have_text("Overview")
