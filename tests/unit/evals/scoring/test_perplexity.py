"""Bits per byte: the ratio, its domains, and what is refused."""

import math
from collections.abc import Collection, Sequence
from pathlib import Path

import pytest

from gristmill.core.errors import GristmillError
from gristmill.evals.admission.checkpoint import Checkpoint
from gristmill.evals.generation.settings import Generation
from gristmill.evals.models.model import LogLikelihood, Output, Progress, TextBits
from gristmill.evals.scoring.perplexity import evaluate_perplexity
from gristmill.schemas.tables import Samples, Scores

CHECKPOINT = Checkpoint(digest="0" * 32, path=Path("x"), parameters=1, vocab_size=256, label="x")


class ByteModel:
    """Knows nothing but that text is mostly small letters: 4 bits for one of them, 12 for any other byte."""

    backend = "test"

    def text_bits(self, texts: Sequence[str], progress: Progress) -> list[TextBits]:
        progress("bits", len(texts), len(texts))
        return [
            TextBits(sum(4.0 if 97 <= byte <= 122 else 12.0 for byte in text.encode()), len(text.encode()))
            for text in texts
        ]

    def generate(self, prompts: Sequence[str], settings: Generation, progress: Progress) -> list[Output]:
        raise AssertionError("perplexity generates nothing")

    def loglikelihood(
        self, pairs: Sequence[tuple[str, str]], progress: Progress, near: Collection[int] = ()
    ) -> list[LogLikelihood]:
        raise AssertionError("perplexity compares nothing")


TEXTS = {
    "prose": [("p1", "abcd"), ("p2", "ab cd"), ("p3", "")],
    "code": [("c1", "a=1"), ("c2", "b=22"), ("c3", "é")],
    "mathematics": [("m1", "1+1")],
}


def test_scores_are_bits_over_bytes() -> None:
    found = evaluate_perplexity(ByteModel(), CHECKPOINT, TEXTS)
    scores = {row["subset"]: row for row in found.scores.to_pylist()}
    assert set(scores) == {"all", "code", "prose"}  # one document has no error bar
    assert scores["prose"]["value"] == (4 * 4 + 4 * 4 + 12) / 9
    assert scores["code"]["value"] == (4 + 24 + 4 + 36 + 24) / 9  # é is two bytes
    assert scores["all"]["value"] == (44 + 92 + 36) / 21
    assert scores["all"]["n"] == 6
    assert scores["prose"]["n"] == 2
    for row in scores.values():
        assert 0 <= row["low"] <= row["value"] <= row["high"]
        assert math.isfinite(row["high"])
        assert (row["metric"], row["higher_is_better"], row["chance"]) == ("bits_per_byte", False, None)


def test_tables_follow_the_contract_and_keep_every_document() -> None:
    found = evaluate_perplexity(ByteModel(), CHECKPOINT, TEXTS)
    assert found.samples.schema.equals(Samples.schema)
    assert found.scores.schema.equals(Scores.schema)
    rows = {row["item"]: row for row in found.samples.to_pylist()}
    assert set(rows) == {"p1", "p2", "c1", "c2", "c3", "m1"}
    assert (rows["c1"]["value"], rows["c1"]["weight"], rows["c1"]["subset"]) == (28.0, 3.0, "code")
    assert found.items == 6


def test_the_order_of_texts_changes_nothing() -> None:
    turned = {name: list(reversed(TEXTS[name])) for name in reversed(list(TEXTS))}
    first, second = (evaluate_perplexity(ByteModel(), CHECKPOINT, texts) for texts in (TEXTS, turned))
    assert first.samples.equals(second.samples)
    assert first.scores.equals(second.scores)
    assert first.suite_digest == second.suite_digest
    other = evaluate_perplexity(ByteModel(), CHECKPOINT, {**TEXTS, "prose": [("p1", "abcd"), ("p2", "ab ce")]})
    assert other.suite_digest != first.suite_digest


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({}, "there are 0"),
        ({"prose": [("a", "x"), ("b", "")]}, "there are 1"),
        ({"prose": [("a", "x")], "code": [("a", "y")]}, "twice"),
        ({"all": [("a", "x"), ("b", "y")]}, "called 'all'"),
    ],
)
def test_what_gives_no_score_is_refused(texts: dict[str, list[tuple[str, str]]], message: str) -> None:
    with pytest.raises(GristmillError, match=message):
        evaluate_perplexity(ByteModel(), CHECKPOINT, texts)
