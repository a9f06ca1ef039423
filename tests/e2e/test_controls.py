"""Controls on real benchmark data: models whose score is known before they are asked."""

import json
import math
from functools import cache
from pathlib import Path

import pytest

from gristmill.evals.jail.capability import capability
from gristmill.evals.suites.items import ChoiceItem
from gristmill.evals.suites.suite import Suite, load_suite
from tests.helpers.controls import always_first, empty, gold, scores_of, shuffled

WRITTEN = ("gsm8k", "cmath", "squad-olmes", "cmrc2018")
CHOSEN = ("boolq", "mmlu", "agieval-gaokao", "agieval-gaokao-english", "agieval-sat")
CODE = ("humaneval", "mbpp", "mbpp-sanitized")
ITEMS = 120
PROGRAMS = 12


CONTRADICTED = {"sat-en/101", "gaokao-chemistry/33"}
"""Published twice with another right answer: no model is right on both."""


def suite_of(name: str, shared: Path) -> Suite:
    if name in CODE and not capability().usable:
        pytest.skip(capability().reason)
    return loaded(name, shared / "benchmarks")


@cache
def loaded(name: str, data: Path) -> Suite:
    suite = load_suite(name, data, PROGRAMS if name in CODE else ITEMS)
    return suite.model_copy(update={"items": tuple(item for item in suite.items if item.id not in CONTRADICTED)})


@pytest.mark.parametrize("name", [*WRITTEN, *CHOSEN, *CODE])
def test_gold_is_always_right(shared: Path, name: str, tmp_path: Path) -> None:
    suite = suite_of(name, shared)
    rows = scores_of(gold(suite), suite, tmp_path)
    bits = rows.pop(next(at for at, row in enumerate(rows) if row["metric"] == "bits_per_byte"))
    assert [(row["convention"], row["value"]) for row in rows] == [(name, 1.0) for name in suite.settings.conventions]
    assert {(row["n"], row["failures"]) for row in rows} == {(len(suite.items), 0)}
    assert rows[0]["headline"]
    assert bits["low"] <= bits["value"] <= bits["high"]
    assert not bits["headline"]


@pytest.mark.parametrize("name", [*WRITTEN, *CODE])
def test_an_empty_model_solves_nothing(shared: Path, name: str, tmp_path: Path) -> None:
    suite = suite_of(name, shared)
    values = {row["value"] for row in scores_of(empty(), suite, tmp_path) if row["metric"] != "bits_per_byte"}
    assert values == {0.0}


@pytest.mark.parametrize("name", CHOSEN)
def test_the_first_option_is_right_as_often_as_it_stands_first(shared: Path, name: str, tmp_path: Path) -> None:
    """A model without preference takes the first option too: its score is no news of the model."""
    suite = suite_of(name, shared)
    first = [item.answer == 0 for item in suite.items if isinstance(item, ChoiceItem)]
    for number, model in enumerate((always_first(suite), empty())):
        row = scores_of(model, suite, tmp_path / str(number))[0]
        assert row["value"] == pytest.approx(sum(first) / len(first))
        assert row["above_chance"] > 0.01


@pytest.mark.parametrize("name", CHOSEN)
def test_the_order_of_options_carries_nothing(shared: Path, name: str, tmp_path: Path) -> None:
    """With options in a drawn order the first is right by chance alone, and the right one is right as before."""
    suite = shuffled(suite_of(name, shared))
    assert scores_of(gold(suite), suite, tmp_path / "gold")[0]["value"] == 1
    row = scores_of(always_first(suite), suite, tmp_path / "first")[0]
    # Five suites and 95 % intervals would miss one time in four; this far out, one time in three thousand.
    assert abs(row["value"] - row["chance"]) < 4 * math.sqrt(row["chance"] * (1 - row["chance"]) / row["n"])


def test_controls_of_mathematics_on_problems_of_our_own(tmp_path: Path) -> None:
    """MATH itself is not to be had here; its form is."""
    problems = [
        {"problem": f"What is {n} squared?", "solution": f"It is $\\boxed{{{n * n}}}$.", "type": "Algebra"}
        for n in range(2, 12)
    ]
    (tmp_path / "math").mkdir()
    text = "".join(json.dumps(problem) + "\n" for problem in problems)
    (tmp_path / "math" / "test.jsonl").write_text(text, encoding="utf-8")
    suite = load_suite("math", tmp_path)
    assert suite.prompt(suite.items[0]).count("Problem:") == 5
    by_rules = ["math.hendrycks"]
    assert scores_of(gold(suite), suite, tmp_path / "gold", by_rules)[0]["value"] == 1
    assert scores_of(empty(), suite, tmp_path / "empty", by_rules)[0]["value"] == 0
