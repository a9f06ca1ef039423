"""Take the picture of Overview in the docs, or of every page, from a lake: ``python tools/pictures.py LAKE``.

``docs/images/overview.png`` shows the lake that ``gristmill demo`` makes. ``--every FOLDER`` takes pictures of all
pages instead, wide and as on a phone, light and dark, for people to look at. Needs Chromium and Playwright.
"""

import argparse
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Literal
from urllib.error import URLError
from urllib.request import urlopen

from playwright.sync_api import Browser, sync_playwright

from gristmill.dashboards.pages import PAGES

IMAGE = Path(__file__).resolve().parents[1] / "docs" / "images" / "overview.png"
WIDE, PHONE = 1360, 390
HEIGHT = 850
START_SECONDS, WAIT_MS = 240, 120_000
Theme = Literal["light", "dark"]


def main() -> None:
    """Serve the lake, and take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lake", type=Path)
    parser.add_argument("--every", type=Path, metavar="FOLDER", help="pictures of all pages, into this folder")
    parser.add_argument("--path", action="append", help="with --every: these addresses instead, such as /funnel?run=3")
    options = parser.parse_args()
    executable = os.environ.get("GRISTMILL_CHROMIUM") or shutil.which("chromium")
    with served(options.lake) as base, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox", "--disable-gpu"])
        if options.every is None:
            take(browser, base + "/", IMAGE, WIDE, "light")
            return
        themes: tuple[Theme, ...] = ("light", "dark")
        paths = options.path or [page.path for page in PAGES if "{" not in page.path]
        for path, width, theme in product(paths, (WIDE, PHONE), themes):
            name = "".join(letter if letter.isalnum() else "-" for letter in path).strip("-")[:60] or "overview"
            take(browser, base + path, options.every / f"{name}-{width}-{theme}.png", width, theme)


def take(browser: Browser, address: str, picture: Path, width: int, theme: Theme) -> None:
    """A picture of a whole page, once its charts are drawn."""
    context = browser.new_context(viewport={"width": width, "height": HEIGHT}, locale="en-GB")
    context.add_cookies([{"name": "theme", "value": theme, "url": address}])
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    page.goto(address, wait_until="load")
    page.locator(".page").first.wait_for()
    for chart in page.locator(".chart").all():
        chart.locator("canvas").first.wait_for()
    page.wait_for_timeout(1000)  # charts move to their places
    picture.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=picture, full_page=True)
    context.close()
    sys.stdout.write(f"{picture}\n")


@contextmanager
def served(lake: Path) -> Iterator[str]:
    """The address of the dashboards over a lake."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [Path(sys.executable).with_name("gristmill"), "dashboard", "--lake", str(lake), "--port", str(port)]
    process = subprocess.Popen(command)
    try:
        wait_for(f"http://127.0.0.1:{port}/", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def wait_for(address: str, process: "subprocess.Popen[bytes]") -> None:
    """Return when the address answers. Raises ``RuntimeError`` when the server ends, or takes too long."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urlopen(address).close()  # noqa: S310 - our own
        except URLError:
            time.sleep(0.2)
        else:
            return
    raise RuntimeError("The dashboards did not start.")


if __name__ == "__main__":
    main()
