"""``scan`` through the command line, and ``gm.scan``: findings with their place and context, by kind and score."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gristmill.api import read, scan
from gristmill.core.errors import UsageError
from gristmill.flows.cli.app import app

TEXTS = (
    "联系人：谢畅，手机13812345678，卡号4242424242424242。",
    "nothing here but version 1.2.3",
    "said Mr. Darcy <b>",
)


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    path = tmp_path / "pages.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS), encoding="utf-8")
    return path


def told(*words: str) -> str:
    result = CliRunner().invoke(app, ["scan", *words], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def test_findings_as_json_have_their_text_and_context(pages: Path) -> None:
    report = json.loads(told("--input", str(pages), "--json"))
    found = {finding["kind"]: finding for finding in report["findings"] if finding["score"] > 0.7}
    assert report["documents"] == 3
    assert {kind: finding["found"] for kind, finding in found.items()} == {
        "person_name": "谢畅",
        "phone": "13812345678",
        "bank_card": "4242424242424242",
    }
    phone = found["phone"]
    assert TEXTS[0][phone["start"] : phone["end"]] == phone["found"]
    assert (phone["before"][-2:], phone["after"][0], phone["record_uri"]) == ("手机", "，", "pages.jsonl@line:1")


def test_kind_and_score_choose_and_the_table_counts(pages: Path) -> None:
    assert told("--input", str(pages), "--kind", "secret").strip() == "3 documents: nothing found"
    table = told("--input", str(pages), "--kind", "personal", "--min-score", "0.9", "--rows", "1")
    assert table.splitlines()[0] == "3 documents: 1 bank_card, 1 phone"
    assert "1 more: --rows" in table


def test_an_unknown_kind_is_named_before_the_input_is_read() -> None:
    with pytest.raises(UsageError, match="bank_card"):
        CliRunner().invoke(app, ["scan", "--input", "nowhere", "--kind", "bankcard"], catch_exceptions=False)


def test_the_python_api_gives_the_same_spans(pages: Path) -> None:
    documents = read(pages)
    rows = scan(documents, ["phone"]).to_pylist()
    assert [(row["kind"], row["end"] - row["start"]) for row in rows] == [("phone", 11)]
    assert scan(documents).num_rows == 4
