"""URL rules: UT1 folders, words, pieces, and documents without a URL."""

from pathlib import Path
from typing import Any

import pytest

from gristmill.core.errors import UsageError
from gristmill.schemas.tables import SignalsUrl
from gristmill.tasks.signals.url_rules import UrlConfig, url_config, url_rules
from tests.helpers.plain_signals import documents_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = {
        "adult/domains": "bad.com\nsub.mixed.org\n1.2.3.4\n",
        "adult/urls": "ok.org/bad/page\nhttp://whole.org/x?y=1\n",
        "ads/domains": "# a comment\nads.net\nbad.com\n\n",
        "ads/expressions": "(^|[./])adserv(er|ing)\\.\n",
        "gambling/usage": "black\n",
    }
    for name, content in files.items():
        path = tmp_path / "ut1" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return tmp_path / "ut1"


def row(url: str | None, config: UrlConfig) -> dict[str, Any]:
    table = url_rules.function(documents_of(["text"], [url]), config)
    assert table.schema.equals(SignalsUrl.schema)
    return dict(table.drop_columns("doc_id").to_pylist()[0])


NOTHING = {
    "domain_listed": False,
    "host_listed": False,
    "url_listed": False,
    "expression_listed": False,
    "category": "",
    "hard_words": 0,
    "soft_words": 0,
    "banned_subword": False,
}


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("http://bad.com/x", {"host_listed": True, "category": "ads"}),
        ("https://WWW.Bad.com", {"domain_listed": True, "category": "ads"}),
        ("https://user@www.bad.com:80/", {"domain_listed": True, "category": "ads"}),
        ("http://a.b.sub.mixed.org/", {"domain_listed": True, "category": "adult"}),
        ("http://mixed.org", {}),
        ("http://notbad.com", {}),
        ("http://www.ok.org/bad/page/", {"url_listed": True, "category": "adult"}),
        ("http://whole.org/x?y=1", {"url_listed": True, "category": "adult"}),
        ("http://ok.org/bad/pages", {}),
        ("http://1.2.3.4:80/a", {"host_listed": True, "category": "adult"}),
        ("http://x.adserver.com/", {"expression_listed": True, "category": "ads"}),
        ("http://a.org/porn-page/porn", {"hard_words": 1}),
        ("http://a.org/sex/casino", {"soft_words": 2}),
        ("http://a.org/Sex/casino", {"soft_words": 1}),
        ("http://a.org/p-o-r-N-hub", {"banned_subword": True}),
        ("not a url at all", {}),
    ],
)
def test_what_is_found(folder: Path, url: str, found: dict[str, Any]) -> None:
    assert row(url, url_config(folder)) == NOTHING | found


@pytest.mark.parametrize("url", [None, ""])
def test_no_url_is_null_and_no_crash(folder: Path, url: str | None) -> None:
    assert set(row(url, url_config(folder)).values()) == {None}


def test_without_blocklists_only_words_speak() -> None:
    assert row("http://bad.com/porn", url_config()) == NOTHING | {"hard_words": 1}


def test_rows_stay_in_order_and_repeat(folder: Path) -> None:
    urls = ["http://bad.com/x", None, "http://ok.org", "http://bad.com/x"]
    table = url_rules.function(documents_of(["a", "b", "c", "d"], urls), url_config(folder))
    assert table["host_listed"].to_pylist() == [True, None, False, True]


def test_some_categories(folder: Path) -> None:
    config = url_config(folder, ("adult",))
    assert row("http://bad.com/", config)["category"] == "adult"
    assert row("http://ads.net/", config) == NOTHING
    with pytest.raises(UsageError, match='did you mean "adult"'):
        url_config(folder, ("adutl",))


def test_lists_of_ones_own(tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    words.write_text("# my words\nBig-Foot\nyeti\n", encoding="utf-8")
    config = url_config(hard=words, soft=words, pieces=words)
    assert row("http://a.org/bigfoot/yeti", config) == NOTHING | {
        "hard_words": 2,
        "soft_words": 2,
        "banned_subword": True,
    }


def test_the_key_knows_contents_not_places(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere"
    folder.rename(other)
    other.joinpath("..", "ut1").symlink_to(other)
    assert url_config(folder).model_dump_json() == url_config(other).model_dump_json()
    assert str(tmp_path) not in url_config(other).model_dump_json()
    (other / "ads/domains").write_text("x.org\n", encoding="utf-8")
    assert url_config(folder).model_dump_json() != url_config().model_dump_json()


def test_a_list_that_changed_is_refused(folder: Path) -> None:
    config = url_config(folder)
    (folder / "ads/domains").write_text("x.org\n", encoding="utf-8")
    with pytest.raises(UsageError, match="ads/domains"):
        row("http://x.org", config)


@pytest.mark.parametrize(("make", "message"), [("empty", "not a folder of blocklists"), ("words", "no such word list")])
def test_wrong_paths(tmp_path: Path, make: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        url_config(tmp_path) if make == "empty" else url_config(hard=tmp_path / "none.txt")


def test_a_wrong_expression_is_named(folder: Path) -> None:
    (folder / "ads/expressions").write_text("(unclosed\n", encoding="utf-8")
    with pytest.raises(UsageError, match="unclosed"):
        row("http://x.org", url_config(folder))
