"""The review page in a browser: from the keyboard, blind to others, hostile text as text."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from gristmill.schemas.reviews.decision import Choice
from gristmill.warehouse.reviews.deciding import decide, subject
from tests.browser.conftest import Visitor
from tests.helpers.dashboard_server import running
from tests.helpers.review_lake import ReviewLake, build_review_lake, text_hash


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> ReviewLake:
    return build_review_lake(tmp_path_factory.mktemp("review") / "lake")


@pytest.fixture(scope="module")
def app(web: ReviewLake) -> Iterator[str]:
    with running(web.lake.root) as server:
        yield server.base


@pytest.fixture
def visitor(chromium: Browser, app: str, shots: Path | None) -> Iterator[Visitor]:
    with chromium.new_context() as context:
        yield Visitor(context.new_page(), app, shots)


def opened(visitor: Visitor, name: str) -> Page:
    return visitor.open(f"/review?document={text_hash(name)}")


def test_hostile_text_is_text_and_hidden_characters_are_spelled(visitor: Visitor) -> None:
    page = opened(visitor, "hostile")
    text = page.locator(".review-text")
    expect(text).to_contain_text('<b id="broken">jane@corp.io</b> <script>window.broken = 1</script>⟨U+202E⟩')
    assert page.locator("#broken").count() == 0
    assert page.evaluate("window.broken") is None
    expect(page.locator(".review-text .found")).to_have_text(["jane@corp.io", "139 1234 5678"])
    expect(page.locator(".review-finding")).to_have_count(2)
    visitor.shot("review")
    visitor.check()


def test_from_the_keyboard_and_blind_to_the_first_reader(visitor: Visitor, web: ReviewLake) -> None:
    decide(web.reviews, subject(web.warehouse, text_hash("third")), "ann", Choice.DROP, reason="a secret reason")
    decide(web.reviews, subject(web.warehouse, text_hash("third")), "ann", Choice.DROP)
    page = opened(visitor, "third")
    expect(page.get_by_text("2 of others are hidden until you have decided.")).to_be_visible()
    assert "secret reason" not in page.content()

    order = sorted([text_hash("hostile"), text_hash("second")])
    page = visitor.open("/review")
    expect(page.get_by_text("2 wait for you")).to_be_visible()
    page.keyboard.press("j")
    page.wait_for_url(f"**/review?document={order[1]}")
    page.locator(".review-finding").first.wait_for()
    page.wait_for_function("() => window.socket === undefined || window.socket.connected")
    page.keyboard.press("s")
    expect(page.locator(".review-choice").first).to_have_text("redact")
    page.keyboard.press("1")
    page.wait_for_url(f"**/review?document={order[0]}")
    (own,) = [decision for decision in web.reviews.decisions() if decision.person != "ann"]
    assert (own.text_hash, own.decision, [span.decision for span in own.spans]) == (order[1], "keep", ["redact"])
    visitor.check()


def test_typing_a_reason_decides_nothing(visitor: Visitor, web: ReviewLake) -> None:
    before = len(web.reviews.decisions())
    page = opened(visitor, "hostile")
    reason = page.get_by_label("Reason")
    reason.fill("")
    reason.press_sequentially("1234 jk")
    expect(reason).to_have_value("1234 jk")
    assert len(web.reviews.decisions()) == before
    visitor.check()


def test_figures_and_signatures(visitor: Visitor) -> None:
    page = visitor.open("/review/figures")
    expect(page.get_by_text("unsigned", exact=True)).to_be_visible()
    visitor.check()
