"""Every quality signal against a plain implementation of the upstream formulas, on real texts in many languages."""

import gzip
import json
import random
from pathlib import Path

import pytest

from gristmill.tasks.signals.c4 import LINEAGES
from gristmill.tasks.signals.heuristics import WRITES, HeuristicsConfig, heuristics
from tests.helpers.plain_signals import (
    column_words,
    documents_of,
    plain_c4,
    plain_c4_text,
    plain_fineweb,
    plain_quality,
    plain_repetition,
)
from tests.helpers.plain_tokens import plain_words

EACH = 2  # texts from each of about 80 files


@pytest.fixture(scope="module")
def texts(shared: Path) -> list[str]:
    """Some texts of every file, long ones cut, so that all languages and kinds of text occur."""
    chosen = []
    for path in sorted((shared / "corpora" / "text").glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            lines = file.readlines()
        for line in random.Random(path.name).sample(lines, min(EACH, len(lines))):
            chosen.append(json.loads(line)["text"][:20_000])
    assert len(chosen) > 150
    return chosen


def test_tokens(texts: list[str]) -> None:
    for text in texts:
        assert column_words(text) == plain_words(text)


def test_signals(texts: list[str]) -> None:
    tables = heuristics.function(documents_of(texts), HeuristicsConfig())
    found = {table.name: rows.to_pylist() for table, rows in zip(WRITES, tables, strict=True)}
    plain = {
        "signals/gopher_quality": plain_quality,
        "signals/gopher_repetition": plain_repetition,
        "signals/c4": lambda text: plain_c4(text, LINEAGES["c4@fineweb"]),
        "signals/c4_paper": lambda text: plain_c4(text, LINEAGES["c4@paper"]),
        "signals/c4_tfds": lambda text: plain_c4(text, LINEAGES["c4@tfds"]),
        "signals/fineweb": lambda text: plain_fineweb(plain_c4_text(text, LINEAGES["c4@fineweb"])),
    }
    for name, formula in plain.items():
        for text, row in zip(texts, found[name], strict=True):
            for column, value in formula(text).items():
                assert row[column] == pytest.approx(value, abs=1e-12), (name, column, text[:200])
