"""Spellings of one address (RFC 3986 section 6.2, UTS 46), and what asks for them: dedup, block lists, ``why``."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.core.lake import Lake
from gristmill.core.urls import page_address, plain_host, plain_url, shown_host
from gristmill.tasks.dedup.config import DedupConfig
from gristmill.tasks.dedup.urls import normal_url
from gristmill.tasks.ingest.parts import host_of
from gristmill.tasks.signals.url_rules import url_config, url_rules
from gristmill.tasks.text.urls import PLAIN, plain_urls
from gristmill.warehouse.build.publish import publish
from gristmill.warehouse.connection import Warehouse
from gristmill.warehouse.queries.curation import documents
from gristmill.warehouse.queries.why import why
from tests.helpers.dedup_run import Shard, deduplicate
from tests.helpers.ledger_rows import all_kept, documents_of
from tests.helpers.plain_signals import documents_of as with_urls
from tests.helpers.small_lake import Curation, commit

# The plain form, and other spellings of it.
ONE = {
    "http://example.org/~kept/page": [
        "http://example.org/%7Ekept/page",
        "http://example.org/%7ekept/page",
        "HTTP://Example.ORG/~kept/page",
        "http://example.org./~kept/page",
        "http://example.org:80/~kept/page",
        "http://example.org/./~kept/page",
        "http://example.org/~kept/./page",
        "http://example.org/a/../~kept/page",
        "http://example.org/~kept/x/%2e%2E/page",
        "http://example.org/%7Ekept/p%61ge#top",
        "  http://example.org/~kept/page ",
    ],
    "https://example.org/a%2Fb?q=%C3%A9": [
        "https://example.org/a%2fb?q=%c3%a9",
        "https://example.org/a%2fb?q=é",
        "https://example.org:443/a%2Fb?q=%C3%A9#part",
    ],
    "https://xn--bcher-kva.example/caf%C3%A9": [
        "https://bücher.example/café",
        "https://BÜCHER.example/caf%c3%a9",
        "https://XN--BCHER-KVA.example/café",
        "https://bu\u0308cher.example./café",
        "https://b%C3%BCcher.example/café",
        "https://ｂücher。example/café",
    ],
    "https://xn--fa-hia.example/": ["https://faß.example", "https://FAß.example/", "https://xn--fa-hia.example."],
    "https://xn--efvy88h.example/%E6%96%87": ["https://新闻.example/文"],
    "https://example.org/#!/one": ["https://example.org#!/one", "https://EXAMPLE.org/#!/one"],
    "https://example.org/app#/one/two": ["https://example.org./app#/one/two"],
    "http://[2001:db8::1]:8080/": ["http://[2001:DB8::1]:8080"],
    "https://user:Pass@example.org/": ["https://user:Pass@Example.org"],
}
# Pairs that are two addresses.
TWO = [
    ("http://example.org/a%2Fb", "http://example.org/a/b"),
    ("http://example.org/a%3Fb", "http://example.org/a?b"),
    ("http://example.org/%2541", "http://example.org/A"),
    ("http://example.org/#!/one", "http://example.org/#!/two"),
    ("http://example.org/#!/one", "http://example.org/"),
    ("http://example.org/#/one", "http://example.org/#/two"),
    ("http://example.org/A", "http://example.org/a"),
    ("http://example.org/...", "http://example.org/"),
    ("http://example.org/.a", "http://example.org/a"),
    ("http://example.org:8080/", "http://example.org/"),
    ("http://faß.example/", "http://fass.example/"),
    ("http://example.org/?a=1&b=2", "http://example.org/?b=2&a=1"),
]
SPELLINGS = [(plain, other) for plain, others in ONE.items() for other in [plain, *others]]


@pytest.mark.parametrize(("plain", "spelling"), SPELLINGS)
def test_spellings_of_one_address_have_one_plain_form(plain: str, spelling: str) -> None:
    assert plain_url(spelling) == plain


@pytest.mark.parametrize(("one", "other"), TWO)
def test_two_addresses_stay_two(one: str, other: str) -> None:
    assert plain_url(one) != plain_url(other)
    normal = pl.DataFrame({"url": [one, other]}).select(url=normal_url(pl.col("url")))["url"]
    assert normal.n_unique() == 2


@pytest.mark.parametrize(
    ("path", "plain"),
    [
        ("/a/b/c/./../../g", "/a/g"),  # RFC 3986, section 5.2.4
        ("/../../g", "/g"),
        ("/a/..", "/"),
        ("/a/.", "/a/"),
        ("/a/b/..", "/a/"),
        ("/..", "/"),
        ("/a//../b", "/a/b"),
        ("/a/..b/.c/d.", "/a/..b/.c/d."),
    ],
)
def test_dot_segments(path: str, plain: str) -> None:
    assert plain_url(f"http://h.example{path}") == f"http://h.example{plain}"


@pytest.mark.parametrize(
    "url", ["", "no url", "/path", "mailto:a@b.example", "https:///path", "http://./", "http://:80/"]
)
def test_what_has_no_scheme_or_host_has_no_plain_form(url: str) -> None:
    assert plain_url(url) is None


@given(st.text(st.characters(codec="utf-8") | st.sampled_from("/.%?#:@2Ffe!"), max_size=30))
def test_a_plain_form_is_its_own(tail: str) -> None:
    plain = plain_url(f"http://example.org/{tail}")
    assert plain is not None
    assert plain.isascii()
    assert plain_url(plain) == plain
    (found,) = plain_urls(pl.Series([plain]))
    assert found == plain


@given(st.from_regex(PLAIN[:-1] + r"\Z"))
def test_what_columns_take_for_plain_is_plain(url: str) -> None:
    assert plain_urls(pl.Series([url]))[0] == plain_url(url)


def test_a_host_too_long_for_a_name_is_left_in_its_own_letters() -> None:
    """Punycode of a megabyte would take hours."""
    assert plain_host("Ü" * 1_000_000 + ".") == "ü" * 1_000_000


def test_hosts_are_shown_as_they_are_read() -> None:
    assert shown_host(plain_host("Bücher.例え.example.")) == "bücher.例え.example"
    assert shown_host("xn--0.example") in ("xn--0.example", "0.example")
    assert host_of("http://Bücher.example./") == host_of("http://XN--BCHER-KVA.example/a") == "xn--bcher-kva.example"
    assert host_of("http://example.org./") == "example.org"


@pytest.mark.parametrize("plain", ONE)
def test_pages_of_one_address_are_one_to_dedup(tmp_path: Path, plain: str) -> None:
    urls = [plain, *ONE[plain]]
    documents = documents_of({str(number): f"text number {number}" for number in range(len(urls))})
    place = documents.schema.get_field_index("url")
    documents = documents.set_column(place, documents.schema.field("url"), [urls])
    shard = Shard(documents, all_kept(documents), [0.5] * len(urls))
    assert len(deduplicate([shard], tmp_path, DedupConfig(url=True)).kept()) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://xn--bcher-kva.example/",
        "http://www.bücher.example./x",
        "https://b%C3%BCcher.example",
        "http://listed.example/%7Ebad/./page/",
        "http://listed.example/~bad/page",
        "http://plain.example/bad%20page",
    ],
)
def test_block_lists_hold_for_every_spelling(tmp_path: Path, url: str) -> None:
    folder = tmp_path / "ut1" / "adult"
    folder.mkdir(parents=True)
    (folder / "domains").write_text("bücher.example\n", encoding="utf-8")
    (folder / "urls").write_text("listed.example/~bad/page\nhttp://plain.example/bad page\n", encoding="utf-8")
    table = url_rules.function(with_urls(["text"], [url]), url_config(tmp_path / "ut1"))
    assert table["category"].to_pylist() == ["adult"]


TRACKED, BARE = "https://example.org/other/?utm_campaign=spring", "example.org/other"


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    lake = Lake.open(tmp_path_factory.mktemp("urls") / "lake")
    source = Curation("crawl")
    for number, (plain, others) in enumerate(ONE.items()):
        stored = (others[-1] if number % 2 else plain).strip()
        source.keep(source.document(plain, "s-one", f"page {number} of the crawl", url=stored), "s-one")
    source.document("other", "s-one", "another page", url="http://example.org/other")
    source.document("tracked", "s-one", "another page", url=TRACKED)
    source.aside(BARE, "a.jsonl@line:1", "ingest", "empty_body", "0 bytes")
    source.aside("http://example.org./aside/%7Epage", "a.warc@0+1", "ingest", "http_error", "status 404")
    commit(lake, "curation", "crawl", source.rows)
    publish(lake)
    return Warehouse.open(lake.root)


@pytest.mark.parametrize(("plain", "spelling"), SPELLINGS)
def test_why_finds_a_page_by_any_spelling(warehouse: Warehouse, plain: str, spelling: str) -> None:
    (story,) = why(warehouse, spelling).records
    assert story.url is not None
    assert plain_url(story.url) == plain


def test_why_finds_http_by_https_and_what_was_set_aside_and_nothing_else(warehouse: Warehouse) -> None:
    assert len(why(warehouse, "https://EXAMPLE.org/~kept/page").records) == 1
    (story,) = why(warehouse, "http://example.org/aside/~page").records
    assert story.fate == "set_aside"
    assert why(warehouse, "http://example.org/~kept/Page").records == []
    assert why(warehouse, "http://example.org/#!/three").records == []


@pytest.mark.parametrize("host", ["bücher.example", "BÜCHER.example.", "XN--BCHER-KVA.example", "ｂücher。example"])
def test_documents_are_listed_by_any_spelling_of_their_host(warehouse: Warehouse, host: str) -> None:
    assert documents(warehouse, host=host).total == 1
    assert documents(warehouse, host="bucher.example").total == 0


@pytest.mark.parametrize(
    "url", ["http://example.org/other/", "https://EXAMPLE.org/other//", "http://example.org/other/#top"]
)
def test_why_finds_a_page_by_its_address_with_a_slash(warehouse: Warehouse, url: str) -> None:
    assert "http://example.org/other" in [story.url for story in why(warehouse, url).records]


@pytest.mark.parametrize(
    "url",
    [
        "example.org/other",
        "//EXAMPLE.org/other/",
        "example.org:80/other",
        "http://example.org/other?utm_source=mail&utm_medium=x",
        "https://example.org/other/?fbclid=1#top",
        " example.org/o%74her?gclid=2 ",
    ],
)
def test_why_takes_an_address_as_deduplication_does_and_without_its_scheme(warehouse: Warehouse, url: str) -> None:
    assert {story.url for story in why(warehouse, url).records} == {"http://example.org/other", TRACKED, BARE}


@pytest.mark.parametrize(
    "beginning", ["Example.org/%6fth", "http://example.org:80/./oth?utm_id=1", "//example.org/OTH"]
)
def test_near_addresses_are_found_by_their_plain_form(warehouse: Warehouse, beginning: str) -> None:
    answer = why(warehouse, beginning)
    assert answer.records == []
    assert answer.hint == f"No record has exactly this address. Similar: {BARE}, http://example.org/other, {TRACKED}"


@pytest.mark.parametrize("url", [*ONE, *(url for urls in ONE.values() for url in urls), "http://e.org/?&utm_a&B=/&&c#"])
@pytest.mark.parametrize("tail", ["", "/", "?utm_source=a&x=1", "&UTM_x=&y=/", "?", "?gclid", "//?q=a?b&__s=1&__sx=2"])
def test_a_page_has_one_address_in_columns_and_alone(url: str, tail: str) -> None:
    url = url.strip() + tail
    found = pl.DataFrame({"url": [url]}).select(normal_url(pl.col("url"))).item()
    assert found == page_address(url)


def test_a_slash_inside_a_query_counts(warehouse: Warehouse) -> None:
    assert not why(warehouse, "http://example.org/other?next=/").records
