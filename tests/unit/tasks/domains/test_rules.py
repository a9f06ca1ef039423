"""Rules of domains: what they refuse, which documents they take, and what the step writes."""

from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.core.errors import GristmillError, UsageError
from gristmill.core.table import conform
from gristmill.schemas.tables import Domains
from gristmill.tasks.domains.assign import AssignConfig, assign_domains
from gristmill.tasks.domains.matching import Traits, decide, glob_expression
from gristmill.tasks.domains.rules import DomainRules, read_rules
from gristmill.tasks.mix.curated import batches
from tests.helpers.small_curated import document
from tests.helpers.topic_corpus import curated_table


def rules_of(*rules: dict[str, Any], **more: Any) -> DomainRules:
    return DomainRules.parse({"rules": list(rules), **more}, "rules")


def page(name: str, url: str | None = None, **more: Any) -> dict[str, Any]:
    row = document(name, more.pop("curated", "prose"), more.pop("text", "some words"))
    host = None if url is None else url.split("/")[2].lower()
    return row | {"url": url, "host": host} | more


def taken(rows: list[dict[str, Any]], rules: DomainRules, **models: Any) -> list[tuple[str, str]]:
    found = decide(Traits(pl.DataFrame(rows), models), rules.rules, rules.rest)
    return [(row["domain"], row["rule"]) for row in found.to_dicts()]


def test_the_first_rule_that_matches_decides_and_the_rest_is_left() -> None:
    rows = [
        page("a", "https://en.wikipedia.org/wiki/Mill"),
        page("b", "https://notwikipedia.org/"),
        page("c", source="books"),
        page("d", language="zh", curated="code"),
        page("e", None),
    ]
    rules = rules_of(
        {"domain": "wiki", "host": "Wikipedia.ORG"},
        {"domain": "books", "source": ["books", "novels"]},
        {"domain": "chinese-code", "language": "zh", "curated": "code"},
        {"domain": "other-code", "curated": "code"},
    )
    assert taken(rows, rules) == [
        ("wiki", "1: host=wikipedia.org"),
        ("rest", "rest"),
        ("books", "2: source=books,novels"),
        ("chinese-code", "3: language=zh curated=code"),
        ("rest", "rest"),
    ]


def test_each_value_can_be_a_domain() -> None:
    rows = [page("a", source="x"), page("b", source="y", language="zh")]
    assert [name for name, _ in taken(rows, rules_of({"each": "source"}))] == ["x", "y"]
    assert [name for name, _ in taken(rows, rules_of({"each": "language", "source": "y"}))] == ["rest", "zh"]
    assert [name for name, _ in taken(rows, rules_of({"each": "curated"}))] == ["prose", "prose"]


@pytest.mark.parametrize(
    ("glob", "covered", "not_covered"),
    [
        ("/wiki/*", ["/wiki/Mill", "/wiki/"], ["/wiki", "/wiki/a/b"]),
        ("/wiki/**", ["/wiki", "/wiki/", "/wiki/a/b"], ["/wikis", "/a/wiki/b"]),
        ("/**/print.html", ["/a/b/print.html"], ["/a/b/print_html"]),
        ("/a?c", ["/abc"], ["/a/c", "/ac"]),
        ("/", ["/", ""], ["/a"]),
    ],
)
def test_globs_cover_whole_paths(glob: str, covered: list[str], not_covered: list[str]) -> None:
    rows = [page(str(n), f"https://h.org{path}?q=/x#f") for n, path in enumerate([*covered, *not_covered])]
    found = [name for name, _ in taken(rows, rules_of({"domain": "in", "path": glob}))]
    assert found == ["in"] * len(covered) + ["rest"] * len(not_covered), glob_expression(glob)


def test_paths_are_compared_in_their_plain_form() -> None:
    rows = [page("a", "HTTPS://h.org/%7Emill/./x"), page("b", "https://h.org/~mill/y")]
    assert [name for name, _ in taken(rows, rules_of({"domain": "in", "path": "/~mill/*"}))] == ["in", "in"]


def test_models_are_asked_once_and_only_about_what_is_left() -> None:
    asked: list[str] = []

    def topic(texts: pl.Series) -> Any:
        asked.extend(texts)
        labels = pl.Series([text if text != "?" else None for text in texts], dtype=pl.String).to_numpy()
        return labels.astype(object), pl.Series([0.9 if text == "art" else 0.4 for text in texts]).to_numpy()

    rows = [page(str(n), text=text, source=source) for n, (text, source) in enumerate(PAGES)]
    rules = rules_of(
        {"domain": "kept", "source": "s"},
        {"domain": "sure", "topic": ["art", "law"], "at_least": 0.5},
        {"domain": "law", "topic": "law"},
        {"each": "topic"},
        topics="model",
    )
    found = taken(rows, rules, topic=topic)
    assert [name for name, _ in found] == ["kept", "sure", "law", "sea", "rest"]
    assert asked == ["art", "law", "sea", "?"]


PAGES = [("art", "s"), ("art", "t"), ("law", "t"), ("sea", "t"), ("?", "t")]


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ([{"host": "a.org"}], "rules.0: a rule needs a domain, or each"),
        ([{"domain": "a", "each": "source"}], "a rule needs a domain, or each"),
        ([{"domain": "a b", "source": "x"}], "rules.0.domain: the domain 'a b' cannot name a file"),
        ([{"domain": "a", "host": "https://a.org"}], "'https://a.org' is not a host: write example.org"),
        ([{"domain": "a", "host": "*.a.org"}], "is not a host"),
        ([{"domain": "a", "path": "blog/*"}], "'blog/\\*' has to begin with /"),
        ([{"domain": "a", "source": "x", "at_least": 0.5}], "at_least is for a topic or a cluster"),
        ([{"domain": "a", "hosts": "a.org"}], 'rules.0.hosts: unknown key \\(did you mean "host"\\?\\)'),
        ([{"each": "source"}, {"domain": "a", "host": "a.org"}], "rule 1 \\(each source\\) takes every document"),
        ([{"domain": "a"}, {"domain": "b", "host": "a.org"}], "rule 1 \\(everything\\) takes every document"),
        (
            [{"domain": "a", "topic": "x"}],
            "rule 1 asks for a topic, and no model is named: set topics: NAME; `gristmill",
        ),
        ([{"each": "cluster"}], "rule 1 asks for a cluster, and no model is named: set clusters: NAME"),
        ([], "give at least 1"),
    ],
)
def test_wrong_rules_are_refused(rules: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        rules_of(*rules)


def test_a_model_that_no_rule_asks_is_refused() -> None:
    with pytest.raises(UsageError, match="topics names a model, and no rule asks for a topic"):
        rules_of({"each": "source"}, topics="t")


def test_rules_are_read_from_a_file_or_from_settings_of_a_mix(tmp_path: Path) -> None:
    text = "rules: [{domain: wiki, host: wikipedia.org}]\nrest: other\n"
    (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "b.yaml").write_text("domains:\n  " + text.replace("\n", "\n  ").rstrip(), encoding="utf-8")
    (tmp_path / "c.yaml").write_text(f"max_epochs: 4\ndomains: {tmp_path / 'a.yaml'}\n", encoding="utf-8")
    found = [read_rules(tmp_path / f"{name}.yaml") for name in "abc"]
    assert found[0].known_domains() == ["other", "wiki"]
    assert found[0] == found[1] == found[2]
    with pytest.raises(UsageError, match=r"d\.yaml: there is no such file"):
        read_rules(tmp_path / "d.yaml")


def test_the_step_writes_a_row_a_document_with_its_rule(tmp_path: Path) -> None:
    rows = [page(str(n), f"https://h{n % 3}.org/") for n in range(5_000)]
    pq.write_table(curated_table(rows), tmp_path / "curated.parquet", row_group_size=777)
    rules = rules_of({"domain": "zero", "host": "h0.org"})
    config = AssignConfig(rules=rules.rules, rest=rules.rest)
    found = conform(Domains, assign_domains.function([tmp_path / "curated.parquet"], config, tmp_path))
    frame = pl.DataFrame(found)
    assert frame["domain"].value_counts().sort("domain").rows() == [("rest", 3333), ("zero", 1667)]
    assert frame["score"].null_count() == 5_000
    assert frame["rules"].unique().to_list() == [config.digest]
    other = AssignConfig(rules=rules.rules, rest="other")
    assert other.digest != config.digest

    # What mixing reads: the assigned domains in place of the curation's, whatever the row groups.
    pq.write_table(found, tmp_path / "domains.parquet", row_group_size=501)
    wanted = dict(frame.select("doc_id", "domain").iter_rows())
    read = [
        pl.DataFrame(each) for each in batches([tmp_path / "curated.parquet"], COLUMNS, [tmp_path / "domains.parquet"])
    ]
    assert dict(pl.concat(read).select("doc_id", "domain").iter_rows()) == wanted
    assert read[0].columns == COLUMNS
    without = next(batches([tmp_path / "curated.parquet"], ["text"], [tmp_path / "domains.parquet"]))
    assert without.column_names == ["text"]

    pq.write_table(pa.concat_tables([found.slice(1), found.slice(0, 1)]), tmp_path / "domains.parquet")
    with pytest.raises(GristmillError, match=r"these domains are of other documents. Run `gristmill mix` again"):
        list(batches([tmp_path / "curated.parquet"], COLUMNS, [tmp_path / "domains.parquet"]))


COLUMNS = ["text", "doc_id", "domain"]
