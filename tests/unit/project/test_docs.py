"""What the pages mention exists: files, links, verbs of the command line, and their options."""

from pathlib import Path

import pytest

from gristmill.flows.cli.app import app
from tests.helpers.pages import Mention, dead_links, links, mentions, verbs_of, wrong_command

PROJECT = Path(__file__).resolve().parents[3]
PAGES = sorted([*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")])
NAMES = [page.relative_to(PROJECT).as_posix() for page in PAGES]
HISTORY = {"CHANGELOG.md", "DECISIONS.md"}


@pytest.fixture(scope="module")
def verbs() -> dict[str, set[str]]:
    return verbs_of(app)


@pytest.mark.parametrize("name", NAMES)
def test_no_link_is_dead(name: str) -> None:
    assert dead_links(PROJECT / name) == []


@pytest.mark.parametrize("name", [name for name in NAMES if name not in HISTORY])
def test_every_command_exists_with_its_options(name: str, verbs: dict[str, set[str]]) -> None:
    found = mentions((PROJECT / name).read_text(encoding="utf-8"))
    assert [wrong for mention in found if (wrong := wrong_command(mention, verbs))] == []


def test_the_pages_mention_commands() -> None:
    counted = {name: len(mentions((PROJECT / name).read_text(encoding="utf-8"))) for name in NAMES}
    assert counted["README.md"] >= 12
    assert sum(counted.values()) > 100


def test_every_page_is_reached_from_the_readme() -> None:
    seen: set[Path] = set()
    ahead = [PROJECT / "README.md"]
    while ahead:
        page = ahead.pop()
        seen.add(page)
        text = page.read_text(encoding="utf-8")
        linked = [(page.parent / target).resolve() for target in links(text) if target.endswith(".md")]
        ahead += [target for target in linked if target.is_file() and target not in seen]
    assert sorted({*PAGES} - seen) == []


def test_a_dead_link_is_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("[a](page.md) [b](gone.md#part) [c](https://example.org) [d](#here)", encoding="utf-8")
    assert dead_links(page) == ["gone.md"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("run `gristmill why URL --lake lake` now", ("why", "URL", "--lake", "lake")),
        ("```\n$ gristmill grade --suite a \\\n  --cut  # comment\n```\n", ("grade", "--suite", "a", "--cut")),
        ("`gristmill\nverify`", ("verify",)),
    ],
)
def test_a_command_is_found(text: str, words: tuple[str, ...]) -> None:
    assert mentions(text) == [Mention(words)]


def test_prose_is_no_command() -> None:
    assert mentions("Gristmill and gristmill curate things; `import gristmill`; `gristmill.core`") == []


def test_wrong_verbs_and_options_are_seen(verbs: dict[str, set[str]]) -> None:
    said = {
        ("curate", "--input", "x"): None,
        ("currate",): "gristmill currate: there is no such verb",
        ("warehouse", "rebuild"): None,
        ("warehouse", "build"): "gristmill warehouse build: there is no such verb",
        ("grade", "--suites", "a"): "gristmill grade: there is no option --suites",
        ("VERB", "--help"): None,
    }
    assert {words: wrong_command(Mention(words), verbs) for words in said} == said
