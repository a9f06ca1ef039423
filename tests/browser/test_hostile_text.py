"""Every page over a lake whose crawl and whose models wrote attacks: nothing runs, is fetched, or links elsewhere.

The published warehouse is poisoned: each column with text of a crawl or of a model gets markup, templates, Markdown and
addresses with ``javascript:`` and of a tracker, in every row of every table. The visitor's watch on the network fails
on any request to another machine.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from playwright.sync_api import BrowserContext

from gristmill.dashboards.page import navigation
from gristmill.dashboards.pages import PAGES
from gristmill.warehouse.connection import Warehouse
from tests.browser.conftest import Visitor
from tests.helpers.dashboard_server import running
from tests.helpers.small_lake import SmallLake

TRACKER = "http://tracker.example/pixel.gif"
TEXTS = {"text", "title", "detail", "reason", "prompt", "program", "expected", "evidence", "licence_evidence", "item"}
HOSTILE = (
    f'"><script>window.pwned=1</script><img src={TRACKER} onerror=window.pwned=1><iframe src={TRACKER}></iframe>'
    f"<svg/onload=window.pwned=1><style>@import '{TRACKER}'</style><link rel=prefetch href={TRACKER}>"
    f"![x]({TRACKER}) [y](javascript:window.pwned=1) ${{window.pwned=1}} "
    "{{ constructor.constructor('window.pwned=1')() }}"
)
ADDRESSES = {"url": f"javascript:window.pwned=1//{HOSTILE}", "host": f"tracker.example<img src={TRACKER}>"}
OUTSIDE = """
() => [...document.querySelectorAll('.page a[href]')].map(link => link.href)
  .filter(address => !address.startsWith(location.origin + '/'))
"""
FETCHING = "script, img, iframe, object, embed, video, audio, link, style, form[action], base, meta, source, svg image"


@pytest.fixture(scope="module")
def poisoned(small: SmallLake, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the small lake, whose published warehouse says what attackers would have it say."""
    root = tmp_path_factory.mktemp("poisoned") / "lake"
    shutil.copytree(small.lake.root, root, symlinks=True)
    changed = 0
    for path in sorted(root.rglob("*.duckdb")):
        path.chmod(0o600)
        with duckdb.connect(str(path)) as database:
            columns = database.execute(
                "SELECT table_name, column_name FROM information_schema.columns JOIN information_schema.tables "
                "USING (table_schema, table_name) WHERE data_type = 'VARCHAR' AND table_type = 'BASE TABLE'"
            ).fetchall()
            for table, column in columns:
                value = ADDRESSES.get(column, HOSTILE if column in TEXTS else None)
                if value is not None:
                    database.execute(f'UPDATE "{table}" SET "{column}" = ? WHERE "{column}" IS NOT NULL', [value])  # noqa: S608
                    changed += 1
    assert changed > 12
    return root


@pytest.fixture(scope="module")
def poisoned_app(poisoned: Path) -> Iterator[str]:
    with running(poisoned) as server:
        yield server.base


@pytest.fixture
def reader(context: BrowserContext, poisoned_app: str, shots: Path) -> Iterator[Visitor]:
    visitor = Visitor(context.new_page(), poisoned_app, shots)
    yield visitor
    visitor.check()


def test_hostile_text_is_shown_on_every_page_and_does_nothing(
    reader: Visitor, small: SmallLake, poisoned: Path
) -> None:
    rows = Warehouse.open(poisoned).query("SELECT count(*) AS n FROM fates WHERE url LIKE 'javascript:%'", {})
    assert int(str(rows[0]["n"])) > 50, "the pages read what was poisoned"
    documents = [f"/documents/{id}" for id in (small.attack, small.rejected, small.representative)]
    shown = 0
    for path in [*(path for _, path in navigation(PAGES)), *documents, "/documents?fate=set_aside"]:
        page = reader.open(path)
        assert page.evaluate("window.pwned") is None, path
        assert page.locator(".page").locator(FETCHING).count() == 0, path
        assert page.evaluate(OUTSIDE) == [], path
        shown += "window.pwned=1" in page.locator(".page").inner_text()
    assert shown >= 4, "the attacks were on the pages"
