"""Samples become scores: by subject, macro-averaged, for every k, with each item counted once."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest

from gristmill.core.errors import GristmillError
from gristmill.evals.scoring.conventions import CONVENTIONS
from gristmill.evals.scoring.scores import score
from gristmill.evals.statistics import above_chances, ratio, wilson
from gristmill.evals.statistics.means import macro_mean, mean
from gristmill.evals.statistics.passk import bootstrap_mean, pass_at_k
from gristmill.evals.suites.items import AnswerItem, ChoiceItem, CodeItem, Item
from gristmill.evals.suites.suite import Suite, load_suite
from gristmill.schemas.tables import Samples, Scores
from tests.helpers.ledger_rows import table_of

Row = dict[str, Any]


BY_KIND = {CodeItem: "gristmill-code", AnswerItem: "gristmill-mathematics", ChoiceItem: "gristmill-reading"}


def suite_of(items: Sequence[Item], *conventions: str) -> Suite:
    """The suite of that kind with other items and conventions."""
    suite = load_suite(BY_KIND[type(items[0])])
    settings = suite.settings.model_copy(update={"name": "small", "conventions": conventions})
    return suite.model_copy(update={"settings": settings, "items": tuple(items)})


def samples_of(suite: Suite, convention: str, values: dict[str, Sequence[float | None]]) -> list[Row]:
    """Samples by item: one value a repeat, None where the machine failed."""
    items = {item.id: item for item in suite.items}
    return [
        {"checkpoint": "c" * 32, "suite": suite.name, "item": name, "repeat": repeat, "convention": convention}
        | {"subset": items[name].subset, "cluster": items[name].group, "detail": "no disk"}
        | {"value": value or 0.0, "weight": float(value is not None)}
        for name, repeats in values.items()
        for repeat, value in enumerate(repeats)
    ]


def scores_of(suite: Suite, rows: Sequence[Row]) -> list[Row]:
    """The scores; their table follows the contract."""
    found = score(suite, table_of(Samples, rows))
    assert found.schema.equals(Scores.schema)
    rows = found.to_pylist()
    assert [row["headline"] for row in rows].count(True) == 1
    return rows


def programs(count: int) -> list[CodeItem]:
    return [
        CodeItem(id=f"p{place}", prompt="def f():\n", entry_point="f", solution="    pass\n", check="f()")
        for place in range(count)
    ]


def test_pass_at_k_for_every_k_that_all_problems_have_samples_for() -> None:
    suite = suite_of(programs(6), "completion")
    right = (0, 1, 3, 5, 10, 2)
    rows = samples_of(suite, "completion", {f"p{place}": [1.0] * c + [0.0] * (12 - c) for place, c in enumerate(right)})
    found = {row["metric"]: row for row in scores_of(suite, rows)}
    assert set(found) == {"pass@1", "pass@10"}
    for k, metric in ((1, "pass@1"), (10, "pass@10")):
        row = found[metric]
        assert (row["value"], row["low"], row["high"]) == pytest.approx(bootstrap_mean(pass_at_k(12, right, k)))
        assert (row["n"], row["method"], row["failures"]) == (6, "bootstrap over problems", 0)
    assert found["pass@1"]["headline"]
    del rows[-3:]  # nine samples of one problem: pass@10 has no unbiased estimate
    assert [row["metric"] for row in scores_of(suite, rows)] == ["pass@1"]


def test_one_sample_a_problem_has_wilsons_interval() -> None:
    suite = suite_of(programs(6), "completion")
    values = {f"p{place}": [float(place < 2)] for place in range(6)}
    (row,) = scores_of(suite, samples_of(suite, "completion", values))
    assert (row["value"], row["low"], row["high"], row["n"]) == (*wilson(2, 6), 6)
    assert row["jail_tier"] != ""


def test_an_item_counts_once() -> None:
    suite = suite_of(programs(3), "completion")
    values: dict[str, Sequence[float | None]] = {"p0": [1, 1, 1, 0], "p1": [1, 0], "p2": [0] * 9}
    (row,) = scores_of(suite, samples_of(suite, "completion", values))
    assert (row["value"], row["n"], row["failures"]) == (pytest.approx((0.75 + 0.5) / 3), 3, 0)


@pytest.mark.parametrize("failed", [{"p1": [1, None, 0]}, {"p0": [None]}, {"p0": [None], "p1": [None]}])
def test_an_answer_that_the_machine_failed_on_stops_the_suite(failed: dict[str, Sequence[float | None]]) -> None:
    """A score of the other answers would be one of another set: a model could choose its items by breaking machines."""
    suite = suite_of(programs(3), "completion")
    values: dict[str, Sequence[float | None]] = {f"p{place}": [1, 1] for place in range(3)} | failed
    count = sum(value is None for repeats in failed.values() for value in repeats)
    words = rf"failed on {count} of \d graded answers \(infra\), of {len(failed)} items: .*First reason: no disk"
    with pytest.raises(GristmillError, match=words):
        score(suite, table_of(Samples, samples_of(suite, "completion", values)))


@pytest.mark.parametrize("right", [[1, 0], [1, 0, 0], [1, 1], [0, 0], [1]])
def test_samples_of_one_item_have_a_score_and_the_widest_interval(right: Sequence[float]) -> None:
    suite = suite_of(programs(1), "completion")
    found = score(suite, table_of(Samples, samples_of(suite, "completion", {"p0": right})), (2,)).to_pylist()
    for row in found:
        assert (row["n"], row["low"] <= row["value"] <= row["high"]) == (1, True)
        assert row["high"] - row["low"] > 0.75
    assert found[0]["value"] == pytest.approx(sum(right) / len(right))


@pytest.mark.parametrize("convention", ["drop.f1", "last-number"])
def test_one_item_of_any_kind_has_the_widest_interval(convention: str) -> None:
    item = AnswerItem(id="a", question="q", answers=(("5",),), group="a passage")
    suite = suite_of([item], convention)
    (row,) = scores_of(suite, samples_of(suite, convention, {"a": [0.4, 0.7]}))
    assert (row["value"], row["low"], row["high"], row["n"]) == (pytest.approx(0.55), 0.0, 1.0, 1)
    assert row["method"].startswith("too few")


def choices(subject: str, options: Sequence[int]) -> list[ChoiceItem]:
    return [
        ChoiceItem(
            id=f"{subject or 'item'}-{place}",
            subset=subject,
            question="Which?",
            options=tuple(f"option {number}" for number in range(count)),
            answer=0,
        )
        for place, count in enumerate(options)
    ]


def test_a_board_has_its_subjects_micro_and_macro() -> None:
    items = [*choices("law", [4] * 10), *choices("logic", [4] * 30)]
    suite = suite_of(items, "choice-sum")
    values = {item.id: [float(place % (2 if item.subset == "law" else 3) == 0)] for place, item in enumerate(items)}
    found = {row["subset"]: row for row in scores_of(suite, samples_of(suite, "choice-sum", values))}
    assert list(found) == ["all", "law", "logic", "macro"]
    assert [name for name, row in found.items() if row["headline"]] == ["all"]
    flat = [values[item.id][0] for item in items]
    assert (found["all"]["value"], found["all"]["low"], found["all"]["high"]) == wilson(int(sum(flat)), 40)
    assert (found["law"]["value"], found["law"]["n"]) == (0.5, 10)
    assert found["macro"]["value"] == pytest.approx((0.5 + found["logic"]["value"]) / 2)
    assert found["macro"]["low"] == macro_mean(flat, [""] * 40, [item.subset for item in items]).interval.low
    assert {row["chance"] for row in found.values()} == {0.25}
    assert found["macro"]["above_chance"] is None
    assert found["law"]["above_chance"] == pytest.approx(0.0781, abs=1e-4)  # five or more of ten at one in four


def test_chance_is_that_of_the_items() -> None:
    suite = suite_of(choices("", [2, 3, 4, 4, 4, 2]), "choice-sum")
    values = {f"item-{place}": [1.0] for place in range(5)}
    (row,) = scores_of(suite, samples_of(suite, "choice-sum", values))
    chances = [1 / 2, 1 / 3, 1 / 4, 1 / 4, 1 / 4]
    assert row["chance"] == pytest.approx(sum(chances) / 5)
    assert row["above_chance"] == pytest.approx(above_chances(5, chances)) == pytest.approx(1 / 384)


def test_questions_of_one_passage_are_no_independent_evidence() -> None:
    items = [
        AnswerItem(id=f"q{place}", group=f"passage {place // 4}", question="How many?", answers=(("1",),))
        for place in range(40)
    ]
    suite = suite_of(items, "last-number")
    values = {item.id: [float(place // 4 % 2)] for place, item in enumerate(items)}
    (row,) = scores_of(suite, samples_of(suite, "last-number", values))
    assert row["method"] == "clustered standard error, Wilson form, Student t"
    assert (row["low"], row["high"]) == mean([values[item.id][0] for item in items], [i.group for i in items]).interval[
        1:
    ]
    assert row["high"] - row["low"] > 1.9 * (wilson(20, 40).high - wilson(20, 40).low)
    assert row["chance"] is None


def test_every_convention_is_scored_and_one_is_the_headline() -> None:
    suite = suite_of(choices("", [4] * 8), "choice-bytes", "choice-sum")
    rows = [
        row
        for name, share in (("choice-bytes", 3), ("choice-sum", 5))
        for row in samples_of(suite, name, {f"item-{place}": [float(place < share)] for place in range(8)})
    ]
    found = {row["convention"]: row for row in scores_of(suite, rows)}
    assert {name: (row["value"], row["headline"]) for name, row in found.items()} == {
        "choice-bytes": (0.375, True),
        "choice-sum": (0.625, False),
    }
    assert {CONVENTIONS[name].metric for name in found} == {"accuracy"}


def test_bits_of_gold_answers_are_pooled_over_their_bytes() -> None:
    items = [*choices("law", [4] * 10), *choices("logic", [4] * 30), *choices("one", [4])]
    suite = suite_of(items, "choice-sum")
    rights = samples_of(suite, "choice-sum", {item.id: [1.0] for item in items})
    bits, sizes = [10.0 + place % 7 for place in range(41)], [4.0 + place % 3 for place in range(41)]
    golds = samples_of(suite, "gold-bits", {item.id: [cost] for item, cost in zip(items, bits, strict=True)})
    for row, size in zip(golds, sizes, strict=True):
        row["weight"] = size
    found = {row["subset"]: row for row in scores_of(suite, rights + golds) if row["convention"] == "gold-bits"}
    assert list(found) == ["all", "law", "logic"]  # no macro average, no score of a subject with one text
    assert (found["all"]["value"], found["all"]["low"], found["all"]["high"]) == pytest.approx(ratio(bits, sizes))
    assert found["law"]["value"] == pytest.approx(sum(bits[:10]) / sum(sizes[:10]))
    for row in found.values():
        assert (row["metric"], row["headline"], row["higher_is_better"]) == ("bits_per_byte", False, False)
        assert (row["chance"], row["above_chance"]) == (None, None)


def test_a_subject_called_all_is_refused() -> None:
    suite = suite_of([*choices("all", [4]), *choices("law", [4])], "choice-sum")
    rows = samples_of(suite, "choice-sum", {"all-0": [1.0], "law-0": [1.0]})
    with pytest.raises(GristmillError, match="'all', which names a whole"):
        score(suite, pa.Table.from_pylist(table_of(Samples, rows).to_pylist(), schema=Samples.schema))
