"""A mix by rules, as a user types it: its tokens, its mixture and the warehouse have the domains of the rules."""

import json
from collections.abc import Callable
from pathlib import Path

from tests.helpers.cli import Ended
from tests.helpers.topic_corpus import topic_lake

RULES = """\
rules:
  - {domain: boats, host: site1.example.org}
  - {domain: chinese, language: zh}
rest: other
"""
SQL = "SELECT domain, rule, count(*) AS documents FROM domains GROUP BY ALL ORDER BY domain"


def test_a_mix_by_rules_has_their_domains_everywhere(tmp_path: Path, run: Callable[..., Ended]) -> None:
    lake = topic_lake(tmp_path / "lake", each=60)
    (tmp_path / "rules.yaml").write_text(RULES, encoding="utf-8")
    words = ("mix", "--method", "uniform", "--domains", str(tmp_path / "rules.yaml"), "--lake", str(lake.root))
    settings = ("--set", "vocabulary=300", "--set", "row_tokens=64", "--target-tokens", "10000", "--max-epochs", "20")
    ended = run(*words, *settings, "--json")
    assert ended.code == 0, ended.err
    shares = {row["domain"]: row["weight"] for row in ended.json()["mixtures"]}
    assert sorted(shares) == ["boats", "chinese", "other"]
    asked = run("query", SQL, "--lake", str(lake.root), "--json")
    assert asked.code == 0, asked.err
    rows = asked.json()
    rows = rows["rows"] if isinstance(rows, dict) else rows
    assert json.dumps(rows).count("60") == 3, rows
    (dataset,) = lake.datasets("mix")
    assert {ref.table for ref in dataset.tables["domains"]} == {"domains"}
