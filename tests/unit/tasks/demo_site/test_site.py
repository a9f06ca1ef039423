"""The demo site: real text, the boilerplate of a site, copies, faults, and the same bytes each time."""

import re
import sys
from pathlib import Path

import pytest

from gristmill.core.errors import UsageError
from gristmill.tasks.demo_site import sources
from gristmill.tasks.demo_site.catalogue import SiteConfig
from gristmill.tasks.demo_site.docstrings import documentation_blocks
from gristmill.tasks.demo_site.pages import Site


@pytest.fixture(scope="module")
def site() -> Site:
    return Site(SiteConfig(pages=200))


def body(site: Site, path: str) -> str:
    return site.answer(path).body.decode("utf-8")


def first(site: Site, prefix: str, containing: str = "") -> str:
    return next(path for path in site if path.startswith(prefix) and path != prefix and containing in path)


def test_same_config_same_site(site: Site) -> None:
    again = Site(SiteConfig(pages=200))
    assert again.digest == site.digest
    assert list(again) == list(site)
    assert all(again.answer(path) == site.answer(path) for path in site)


def test_another_seed_draws_other_pages(site: Site) -> None:
    other = Site(SiteConfig(pages=200, seed=1))
    assert other.digest != site.digest
    assert set(other) != set(site)


def test_the_site_has_about_as_many_pages_as_asked(site: Site) -> None:
    assert 180 <= len(site) <= 230


@pytest.mark.parametrize(
    "section", ["library", "source", "docs", "math", "projects", "licenses", "tags", "archive", "mirror", "status"]
)
def test_every_section_has_an_index_that_lists_pages(site: Site, section: str) -> None:
    assert re.search(r'<ul class="index">\s*<li><a href="/', body(site, f"/{section}/"))


def test_an_index_lists_every_page_of_its_section(site: Site) -> None:
    listed = set(re.findall(r'href="([^"]+)"', body(site, "/math/")))
    pages = {path for path in site if path.startswith("/math/") and "print=1" not in path}
    assert pages <= listed


def test_boilerplate_surrounds_the_text(site: Site) -> None:
    page = body(site, first(site, "/docs/", "/latest/"))
    for mark in ("cookie", '<nav aria-label="Main">', "breadcrumbs", 'class="sidebar"', 'class="related"', "Copyright"):
        assert mark in page


def test_print_version_is_the_text_without_boilerplate(site: Site) -> None:
    path = next(path for path in site if path.endswith("print=1"))
    full = body(site, re.sub(r"[?&]print=1$", "", path))
    printed = body(site, path)
    text = printed[printed.index("</h1>") + 5 : printed.index("<p>Printed from")].strip()
    assert text
    assert text in full
    assert path.replace("&", "&amp;") in full
    assert "<nav" not in printed


def test_no_page_is_without_text(site: Site, tmp_path: Path) -> None:
    """A part of a file whose docstrings are all private makes no page, however long they are."""
    printed = {path: body(site, path) for path in site if path.endswith("print=1")}
    empty = [path for path, page in printed.items() if re.search(r"</h1>\s*<p>Printed from", page)]
    assert (len(printed) > 5, empty) == (True, [])

    module = tmp_path / "module.py"
    docstring = '    """' + "What it does, in many words. " * 30 + '"""\n'
    private = "".join(f"def _helper{number}():\n{docstring}\n" for number in range(8))
    method = f"class Reader:\n    def read(\n        self,\n    ):\n    {docstring}\n"
    module.write_text(f"{private}{method}{private}class Writer:\n{docstring}", encoding="utf-8")
    size = len(private) // 2
    assert sources.documented_parts(sources.SourceFile("module", module, 5 * size), size, 400) == [2, 4]
    assert [bool(documentation_blocks(module, part, size)) for part in range(5)] == [False, False, True, False, True]


def test_an_older_version_lacks_some_blocks_and_says_so(site: Site) -> None:
    pages = [(body(site, path), body(site, path.replace("/v1/", "/latest/"))) for path in site if "/v1/" in path]
    assert pages
    assert all("documentation of an older version" in old and "older version." not in new for old, new in pages)
    assert sum(len(old) for old, _ in pages) < sum(len(new) for _, new in pages)


def test_a_mirror_is_an_exact_copy(site: Site) -> None:
    path = first(site, "/mirror/")
    assert site.answer(path).body == site.answer(path.removeprefix("/mirror")).body


def test_real_prose_with_addresses_for_the_redaction(site: Site) -> None:
    everything = "\n".join(body(site, path) for path in site if path.startswith(("/licenses/", "/projects/")))
    assert re.search(r"[\w.]+@[\w-]+\.\w+", everything)
    assert "72.14.234.100" in body(site, "/projects/psutil/readme")


def test_odd_pages_have_their_faults(site: Site) -> None:
    assert site.answer("/status/error").status == 500
    assert site.answer("/status/missing").status == 404
    assert site.answer("/status/empty").body == b""
    assert not site.answer("/status/cut").body.rstrip().endswith(b"</html>")
    assert site.answer("/status/moved").headers == (("Location", "/library/"),)
    with pytest.raises(UnicodeDecodeError):
        site.answer("/status/wrong-charset").body.decode("utf-8")
    windows = site.answer("/status/no-charset")
    assert windows.content_type == "text/html"
    assert b"charset" not in windows.body
    with pytest.raises(UnicodeDecodeError):
        windows.body.decode("utf-8")
    assert b"<html" not in site.answer("/status/binary").body


def test_no_page_names_this_machine(site: Site) -> None:
    folders = {sys.prefix, sys.base_prefix, str(Path(__file__).parents[4])} - {"/usr", "/usr/local", "/"}
    for path in site:
        page = site.answer(path).body
        assert not any(folder.encode() in page for folder in folders), path


def test_no_page_is_longer_than_40_kilobytes_of_text() -> None:
    large = Site(SiteConfig(pages=1000))
    paths = [path for path in large if path.startswith(("/licenses/", "/projects/", "/source/"))]
    assert len(paths) > 250
    for path in paths:
        assert len(re.sub(r"<[^>]+>", "", body(large, path))) < 40_000, path


def test_an_unknown_path_is_not_echoed(site: Site) -> None:
    answer = site.answer("/<script>alert(1)</script>")
    assert answer.status == 404
    assert b"alert" not in answer.body


def test_a_wrong_key_says_what_was_meant() -> None:
    with pytest.raises(UsageError, match="did you mean"):
        SiteConfig.parse({"page": 100}, "site")


def test_a_package_that_is_not_installed_has_no_files() -> None:
    assert sources.package_files("no_such_package_here") == []
