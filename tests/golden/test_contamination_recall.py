"""Items planted in real text, at known edit distances, are found; text that holds none gives none."""

import json
from pathlib import Path

import pyarrow as pa
import pytest

from benchmarks.contamination import HOSTS, Asked, cmath, documents, gsm8k, humaneval, recall, search, sizes
from gristmill.schemas.tables import EvalItems
from gristmill.tasks.contamination.index import Index, MatchConfig, build_index

CONFIG = MatchConfig()
PLANTED = 20
# The least share of the planted items that is found: with no edit, and with 5, 10 and 20 % of the words replaced.
LEAST = {"humaneval": (1.0, 0.95, 0.85, 0.2), "gsm8k": (1.0, 0.9, 0.8, 0.15), "cmath": (1.0, 0.9, 0.8, 0.3)}


@pytest.fixture(scope="module")
def everything(shared: Path) -> dict[str, list[Asked]]:
    return {read.__name__: read(shared / "benchmarks") for read in (humaneval, gsm8k, cmath)}


@pytest.fixture(scope="module")
def index(everything: dict[str, list[Asked]]) -> Index:
    rows = [row for found in everything.values() for asked in found for row in asked.rows]
    return build_index(pa.Table.from_pylist(rows, schema=EvalItems.schema), CONFIG)


@pytest.fixture(scope="module")
def hosts(shared: Path) -> dict[str, list[str]]:
    found = {language: documents(shared / "corpora" / "text", names[:1]) for language, names in HOSTS.items()}
    return {language: [text for text in texts if 1_000 < len(text) < 8_000] for language, texts in found.items()}


def test_every_item_of_cmath_can_be_found(everything: dict[str, list[Asked]], index: Index) -> None:
    assert len(everything["cmath"]) == 600
    assert all(max(sizes(asked)) >= CONFIG.n for asked in everything["cmath"])
    texts = [f"{asked.question}\n{asked.answer}" for asked in everything["cmath"]]
    found = {(place, one.row.item) for place, one in search(texts, index, CONFIG)}
    assert found >= {(place, asked.item) for place, asked in enumerate(everything["cmath"])}


@pytest.mark.parametrize("suite", LEAST)
def test_planted_items_are_found(
    suite: str, everything: dict[str, list[Asked]], index: Index, hosts: dict[str, list[str]]
) -> None:
    chosen = everything[suite][:: len(everything[suite]) // PLANTED][:PLANTED]
    shares = recall(chosen, hosts, index, CONFIG)
    for level, least in zip(("0%", "5%", "10%", "20%"), LEAST[suite], strict=True):
        for form in ("input", "answer"):
            assert shares[f"{suite} {form} {level}"]["found"] >= least
    assert shares[f"{suite} answer 0%"]["right"] == 1.0
    assert shares[f"{suite} input 0%"]["right"] >= 0.9, "a number of the host may stand after the question"


def test_questions_of_the_same_authors_are_told_apart(shared: Path, index: Index) -> None:
    lines = (shared / "benchmarks" / "gsm8k" / "train.jsonl").read_text("utf-8").splitlines()
    texts = [f"{row['question']}\n{row['answer']}" for row in map(json.loads, lines)]
    assert len(texts) == 7473
    assert {one.row.item for _, one in search(texts, index, CONFIG)} == {"632"}, "a variant of one question"


def test_nothing_is_found_where_nothing_was_planted(index: Index, hosts: dict[str, list[str]]) -> None:
    assert [(one.row.suite, one.row.item) for texts in hosts.values() for _, one in search(texts, index, CONFIG)] == []
