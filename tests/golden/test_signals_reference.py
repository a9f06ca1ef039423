"""Every quality signal against a plain implementation of the upstream formulas, on real texts in many languages."""

import gzip
import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tasks.c4 import C4Config, c4
from tasks.fineweb import FineWebConfig, fineweb
from tasks.gopher_quality import GopherQualityConfig, gopher_quality
from tasks.gopher_repetition import GopherRepetitionConfig, gopher_repetition
from tests.helpers.plain_signals import (
    column_words,
    documents_of,
    plain_c4,
    plain_fineweb,
    plain_quality,
    plain_repetition,
    plain_words,
)

EACH = 4  # texts from each of about 80 files


@pytest.fixture(scope="module")
def texts(shared: Path) -> list[str]:
    """Some texts of every file, long ones cut, so that all languages and kinds of text occur."""
    chosen = []
    for path in sorted((shared / "corpora" / "text").glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            lines = file.readlines()
        for line in random.Random(path.name).sample(lines, min(EACH, len(lines))):
            chosen.append(json.loads(line)["text"][:20_000])
    assert len(chosen) > 200
    return chosen


def test_tokens(texts: list[str]) -> None:
    for text in texts:
        assert column_words(text) == plain_words(text)


@pytest.mark.parametrize(
    ("step", "config", "plain"),
    [
        (gopher_quality, GopherQualityConfig(), plain_quality),
        (gopher_repetition, GopherRepetitionConfig(), plain_repetition),
        (fineweb, FineWebConfig(), plain_fineweb),
        (c4, C4Config(), plain_c4),
    ],
    ids=["gopher-quality", "gopher-repetition", "fineweb", "c4"],
)
def test_signals(texts: list[str], step: Any, config: Any, plain: Any) -> None:
    table: pa.Table = step.function(documents_of(texts), config)
    for text, row in zip(texts, table.to_pylist(), strict=True):
        for column, value in plain(text).items():
            assert row[column] == pytest.approx(value, abs=1e-12), (column, text[:200])
