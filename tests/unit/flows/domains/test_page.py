"""The page on domains does what it says: its rules, and its commands in their order."""

import json
import random
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gristmill.flows.cli.app import app
from gristmill.tasks.domains.rules import DomainRules, read_rules
from tests.helpers.pages import mentions
from tests.helpers.topic_corpus import topic_lake, topic_text

PAGE = Path(__file__).resolve().parents[4] / "docs" / "domains.md"
LABELS = {"baking": "physics", "sailing": "chemistry"}


def test_the_commands_of_the_page_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page, draw = PAGE.read_text(encoding="utf-8"), random.Random(1)
    (rules,) = re.findall(r"```yaml\n(.*?)```", page, re.S)
    topic_lake(tmp_path / "lake")
    (tmp_path / "rules.yaml").write_text(rules, encoding="utf-8")
    rows = [{"text": topic_text(topic, draw), "topic": label} for topic, label in LABELS.items() for _ in range(40)]
    (tmp_path / "topics.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert isinstance(read_rules(Path("rules.yaml")), DomainRules)
    commands = [mention.words for mention in mentions(page) if mention.words[0] == "domains" and len(mention.words) > 2]
    assert [words[1] for words in commands[:3]] == ["train", "cluster", "show"]
    for words in commands[:3]:
        small = ("--dim", "8", "--buckets", "2000") if words[1] == "train" else ()
        result = CliRunner().invoke(app, [*words, *small])
        assert result.exit_code == 0, (words, result.output, result.exception)
    assert "science" in result.stdout
    assert "4: topic=physics,chemistry at least 0.6" in result.stdout
    assert "Careful: rule 1 (host=wikipedia.org) took no document for the domain wiki." in result.stdout
