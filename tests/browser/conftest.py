"""A real browser on the real application, over a small lake and over an empty one.

Every page is watched: an error in its console, an uncaught exception, a failed request, a request to another machine,
and an error shown to the reader each fail the test that saw it.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Response, sync_playwright

from schemas.lake import Lake
from tests.helpers.small_evaluation import answer_all
from tests.helpers.small_lake import SmallLake, build_small_lake
from warehouse.publish import publish

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
START_SECONDS = 120.0
WAIT_MS = 30_000
SERVER = """
import sys
from pathlib import Path
from dashboards.app import run
from dashboards.services import Intake

intake = Intake(
    suites=("reading", "arithmetic", "python-basics", "heldout"),
    licences={"arithmetic": "CC-BY-NC-4.0"},
    servers=("http://models.example/v1",),
)
run(Path(sys.argv[1]), port=int(sys.argv[2]), intake=intake)
"""


@dataclass
class Visitor:
    """A reader of one application: opens pages and remembers everything that went wrong on them."""

    page: Page
    base: str
    shots: Path
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

    def shot(self, name: str) -> Path:
        """A picture of the whole page, for people."""
        path = self.shots / f"{name}.png"
        self.page.wait_for_timeout(300)
        self.page.screenshot(path=path, full_page=True)
        return path

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


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Headless Chromium; skips with the way to install it, and fails where CI should have installed it.

    It ends with its module: while Playwright runs, its event loop runs in the thread of every later test too.
    """
    executable = os.environ.get("GRISTMILL_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if executable is None:
        reason = "no Chromium: apt-get install chromium (or set GRISTMILL_CHROMIUM to the path of one)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, headless=True, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the pictures go: ``GRISTMILL_SCREENSHOTS`` or a temporary folder."""
    wanted = os.environ.get("GRISTMILL_SCREENSHOTS")
    folder = Path(wanted) if wanted else tmp_path_factory.mktemp("screenshots")
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
    yield from serve(small.lake.root)


@pytest.fixture(scope="session")
def empty_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the application over a lake with nothing in it."""
    yield from serve(Lake.open(tmp_path_factory.mktemp("nothing") / "lake").root)


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    """A browser without history or cookies."""
    context = chromium.new_context(viewport={"width": 1360, "height": 850}, locale="en-GB")
    yield context
    context.close()


@pytest.fixture
def visitor(context: BrowserContext, full_app: str, shots: Path) -> Iterator[Visitor]:
    """A reader of the small lake; what went wrong on any page fails the test at its end."""
    visitor = Visitor(context.new_page(), full_app, shots)
    yield visitor
    visitor.check()


@pytest.fixture
def empty_visitor(context: BrowserContext, empty_app: str, shots: Path) -> Iterator[Visitor]:
    """A reader of the empty lake."""
    visitor = Visitor(context.new_page(), empty_app, shots)
    yield visitor
    visitor.check()


def serve(root: Path) -> Iterator[str]:
    """Run the application as a process of its own until the tests are done."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(root), str(port)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    base = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(base):
            assert server.poll() is None, f"the application ended: {_output(server)}"
            assert time.monotonic() < deadline, "the application did not start"
            time.sleep(0.1)
        yield base
    finally:
        server.terminate()
        output = server.communicate(timeout=30)[0].decode()
    assert "Traceback" not in output, output


def _answers(base: str) -> bool:
    try:
        return httpx.get(base + "/api/overview", timeout=10).status_code == 200
    except httpx.TransportError:
        return False


def _output(server: "subprocess.Popen[bytes]") -> str:
    return server.communicate(timeout=10)[0].decode()
