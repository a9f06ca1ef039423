"""A real browser on the real application, over a small lake and over an empty one.

Every page is watched: an error in its console, an uncaught exception, a failed request, a request to another machine,
and an error shown to the reader each fail the test that saw it.
"""

import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Playwright,
    Request,
    Response,
    sync_playwright,
)

from gristmill.core.lake import Lake
from gristmill.warehouse.build.publish import publish
from tests.helpers.dashboard_server import running
from tests.helpers.small_evaluation import answer_all
from tests.helpers.small_lake import SmallLake, build_small_lake

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WAIT_MS = 120_000
REBOUND = "rebound.example"


@dataclass
class Visitor:
    """A reader of one application: opens pages and remembers everything that went wrong on them."""

    page: Page
    base: str
    shots: Path | None
    faults: list[str] = field(default_factory=list)
    expected_status: int | None = None

    def __post_init__(self) -> None:
        self.page.set_default_timeout(WAIT_MS)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.faults.append(f"uncaught: {error}"))
        self.page.on("requestfailed", self._failed)
        self.page.on("request", self._request)
        self.page.on("response", self._response)

    def open(self, path: str) -> Page:
        """Open a page and wait until it is drawn and connected."""
        self.page.goto(self.base + path, wait_until="load")
        self.page.locator(".page .page-title").first.wait_for()
        self.page.wait_for_function("() => window.socket === undefined || window.socket.connected")
        for chart in self.page.locator(".chart").all():
            chart.locator("canvas").first.wait_for()
        return self.page

    def shot(self, name: str) -> None:
        """A moment in which something may still go wrong, then a picture of the whole page for people, if asked for."""
        self.page.wait_for_timeout(300)
        if self.shots is not None:  # half a second of processor and more
            self.page.screenshot(path=self.shots / f"{name}.png", full_page=True)

    def check(self) -> None:
        """Fail on anything that went wrong since the page was opened."""
        shown = self.page.locator(".q-notification.bg-negative, .nicegui-error-popup:visible").all_inner_texts()
        assert self.faults == []
        assert shown == []

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not self._is_expected(message.text):
            self.faults.append(f"console {message.type}: {message.text}")

    def _is_expected(self, text: str) -> bool:
        return self.expected_status is not None and f"status of {self.expected_status}" in text

    def _failed(self, request: Request) -> None:
        # a request that was under way when the test itself went to the next page
        if request.failure != "net::ERR_ABORTED":
            self.faults.append(f"failed: {request.url} {request.failure}")

    def _request(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in ("data", "blob") and address.netloc != urlsplit(self.base).netloc:
            self.faults.append(f"leaves the machine: {request.url}")

    def _response(self, response: Response) -> None:
        if response.status >= 400 and response.status != self.expected_status:
            self.faults.append(f"{response.status}: {response.url}")


class EmptyPage(BaseHTTPRequestHandler):
    """An empty page."""

    def do_GET(self) -> None:
        """Answer everything with it."""
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>elsewhere</title>")

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """It ends with its module: while Playwright runs, its event loop runs in the thread of every later test too."""
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Chromium on this machine; skips with the way to install it, and fails where CI should have installed it."""
    executable = os.environ.get("GRISTMILL_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if executable is None:
        reason = "no Chromium: apt-get install chromium (or set GRISTMILL_CHROMIUM to the path of one)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return executable


@pytest.fixture(scope="module")
def chromium(playwright: Playwright, chromium_path: str) -> Iterator[Browser]:
    """Headless Chromium."""
    browser = playwright.chromium.launch(executable_path=chromium_path, headless=True, args=ARGUMENTS)
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[str]:
    """A web server that is not ours."""
    other = ThreadingHTTPServer(("127.0.0.1", 0), EmptyPage)
    thread = threading.Thread(target=other.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{other.server_port}"
    other.shutdown()
    thread.join()
    other.server_close()


@pytest.fixture(scope="module")
def misled(playwright: Playwright, chromium_path: str) -> Iterator[Browser]:
    """A browser for which ``REBOUND`` resolves to this machine."""
    arguments = [*ARGUMENTS, f"--host-resolver-rules=MAP {REBOUND} 127.0.0.1"]
    browser = playwright.chromium.launch(executable_path=chromium_path, headless=True, args=arguments)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def shots() -> Path | None:
    """Where the pictures go: the folder ``GRISTMILL_SCREENSHOTS``, else nowhere."""
    wanted = os.environ.get("GRISTMILL_SCREENSHOTS")
    if not wanted:
        return None
    folder = Path(wanted)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> SmallLake:
    """The small lake with the answers of its checkpoints, published."""
    small = build_small_lake(tmp_path_factory.mktemp("browser") / "lake")
    answer_all(small.lake)
    publish(small.lake)
    return small


@pytest.fixture(scope="session")
def full_app(small: SmallLake) -> Iterator[str]:
    """Address of the application over the small lake."""
    with running(small.lake.root) as server:
        yield server.base


@pytest.fixture(scope="session")
def empty_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the application over a lake with nothing in it."""
    with running(Lake.open(tmp_path_factory.mktemp("nothing") / "lake").root) as server:
        yield server.base


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    """A browser without history or cookies."""
    context = chromium.new_context(viewport={"width": 1360, "height": 850}, locale="en-GB")
    yield context
    context.close()


@pytest.fixture
def visitor(context: BrowserContext, full_app: str, shots: Path | None) -> Iterator[Visitor]:
    """A reader of the small lake; what went wrong on any page fails the test at its end."""
    visitor = Visitor(context.new_page(), full_app, shots)
    yield visitor
    visitor.check()


@pytest.fixture
def empty_visitor(context: BrowserContext, empty_app: str, shots: Path | None) -> Iterator[Visitor]:
    """A reader of the empty lake."""
    visitor = Visitor(context.new_page(), empty_app, shots)
    yield visitor
    visitor.check()
