"""Normal forms of URLs, and the rule that of several documents of one URL the newest stays."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from gristmill.core.digests import digest_text
from gristmill.tasks.dedup.config import DedupConfig
from gristmill.tasks.dedup.urls import normal_url
from tests.helpers.dedup_run import Shard, deduplicate
from tests.helpers.ledger_rows import all_kept, documents_of

BY_URL = DedupConfig(url=True)


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("http://Example.ORG", "example.org"),
        ("https://example.org/", "example.org"),
        (" https://example.org:443/a/ ", "example.org/a"),
        ("HTTP://example.org:80/A#part", "example.org/A"),
        ("http://example.org:443/a", "example.org:443/a"),
        ("https://example.org:8080/a", "example.org:8080/a"),
        ("https://example.org/a/?", "example.org/a"),
        ("https://example.org/a?utm_source=x&utm_medium=y&id=3&fbclid=z", "example.org/a?id=3"),
        ("https://example.org/a?utm_a=1&utm_b=2&utm_c=3&q=a/", "example.org/a?q=a/"),
        ("https://example.org/a?UTM_Source&b=2&a=1", "example.org/a?b=2&a=1"),
        ("https://example.org/a?not_utm_source=1", "example.org/a?not_utm_source=1"),
        ("https://user:Pass@Example.org/", "user:Pass@example.org"),
        ("ftp://Example.org/File", "ftp://example.org/File"),
        ("https:///path", None),
        ("no url at all", None),
        ("", None),
        (None, None),
    ],
)
def test_normal_forms(url: str | None, normal: str | None) -> None:
    found = pl.DataFrame({"url": [url]}, schema={"url": pl.String}).select(normal_url(pl.col("url")))
    assert found.item() == normal


def test_a_normal_form_with_its_scheme_is_its_own_normal_form() -> None:
    urls = pl.Series("url", ["http://a.org/x/?utm_id=1&b=2#f", "https://B.org:443//", "https://c.org/?a=b&&c"])
    once = urls.to_frame().select(url=normal_url(pl.col("url")))["url"]
    assert once.null_count() == 0
    again = pl.DataFrame({"url": "https://" + once}).select(url=normal_url(pl.col("url")))["url"]
    assert again.to_list() == once.to_list()


def shard(rows: dict[str, tuple[str, str | None, int | None]], file: str = "a") -> Shard:
    """By name: text, URL, day of January 2026 on which it was fetched."""
    documents = documents_of({name: text for name, (text, _, _) in rows.items()}, file=file)
    names = {digest_text(name): row for name, row in rows.items()}
    found = [names[doc_id] for doc_id in documents.column("doc_id").to_pylist()]
    days = [day and datetime(2026, 1, day, tzinfo=UTC) for _, _, day in found]
    for column, values in (("url", [url for _, url, _ in found]), ("fetched_at", days)):
        place = documents.schema.get_field_index(column)
        field = documents.schema.field(column)
        documents = documents.set_column(place, field, pa.array(values, field.type))
    return Shard(documents, all_kept(documents), [0.5] * documents.num_rows)


def test_of_one_url_the_newest_stays(tmp_path: Path) -> None:
    first = shard(
        {
            "old": ("the page as it was before", "http://example.org/page/?utm_source=feed", 1),
            "undated": ("the page, nobody knows when it was", "https://example.org/page#top", None),
            "other": ("another page entirely", "https://example.org/Page", 1),
        }
    )
    second = shard({"new": ("now", "https://EXAMPLE.org/page", 2)}, "b")
    result = deduplicate([first, second], tmp_path, BY_URL)
    assert result.kept() == {digest_text(name) for name in ("new", "other")}
    for name in ("old", "undated"):
        assert result.fate(0, name) == (False, "url", 1.0, f"duplicate of {digest_text('new')}", "< 1")
    assert result.cluster("old") == {digest_text(name) for name in ("old", "undated", "new")}


def test_of_one_url_and_time_the_longest_stays_then_the_smallest_id(tmp_path: Path) -> None:
    url = "https://example.org/page"
    part = shard({"short": ("one", url, 1), "b": ("three3", url, 1), "c": ("four44", url, 1)})
    assert deduplicate([part], tmp_path, BY_URL).kept() == {min(map(digest_text, "bc"))}


def test_documents_without_url_stay_and_the_rule_is_off_by_default(tmp_path: Path) -> None:
    part = shard(
        {
            "a": ("one", None, 1),
            "b": ("two", None, 1),
            "c": ("three", "https://x.org", 1),
            "d": ("four", "https://x.org", 1),
        }
    )
    assert len(deduplicate([part], tmp_path / "on", BY_URL).kept()) == 3
    assert len(deduplicate([part], tmp_path / "off").kept()) == 4


def test_an_older_copy_of_a_page_that_is_an_exact_copy_joins_its_cluster(tmp_path: Path) -> None:
    part = shard(
        {
            "old": ("before", "https://x.org/1", 1),
            "new": ("the same text", "https://x.org/1", 2),
            "copy": ("the same text", "https://x.org/2", 1),
        }
    )
    result = deduplicate([part], tmp_path, BY_URL)
    assert result.cluster("old") == {digest_text(name) for name in ("old", "new", "copy")}
    assert result.kept() == {min(map(digest_text, ("new", "copy")))}
    assert result.fate(0, "old")[1] == "url"
