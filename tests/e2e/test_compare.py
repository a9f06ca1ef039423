"""``gristmill compare``: the answer to "is B better than A?", and what is no answer to it."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gristmill.core.errors import GristmillError, UsageError
from gristmill.core.lake import Lake
from gristmill.evals.statistics.interval import Interval
from gristmill.evals.statistics.paired import Paired, holm, paired
from gristmill.warehouse.build.publish import publish
from gristmill.warehouse.connection import Warehouse
from gristmill.warehouse.queries.compare import compare, find_side
from gristmill.warehouse.queries.comparison import Comparison, SuiteComparison, described
from tests.helpers.cli import gristmill
from tests.helpers.compared_lake import BASE, SUBJECTS, TUNED, build_compared_lake
from tests.helpers.small_lake import commit


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = build_compared_lake(tmp_path_factory.mktemp("compared") / "lake")
    publish(lake)
    return lake


@pytest.fixture(scope="module")
def warehouse(lake: Lake) -> Warehouse:
    return Warehouse.open(lake.root)


@pytest.fixture(scope="module")
def answer(warehouse: Warehouse) -> Comparison:
    return compare(warehouse, "base", "tuned")


@pytest.fixture(scope="module")
def by_suite(answer: Comparison) -> dict[str, SuiteComparison]:
    return {suite.suite: suite for suite in answer.suites}


def test_the_command_says_it_in_a_sentence(lake: Lake) -> None:
    told = gristmill("compare", "base", "tuned", "--lake", str(lake.root), "--examples", "2", "--suite", "reading")
    assert told.code == 0, told.err
    first = told.out.splitlines()[0]
    assert first.startswith("reading: tuned is better by 26.1 points (")
    assert first.endswith("p < 0.0001")
    assert "reading: items left out because the machine failed on them: 1" in told.out
    assert "reading: answered by different backends: hf, base and hf, tuned" in told.out
    assert "2 of 52 items that differ" in told.out
    assert "base says wrong" in told.out
    assert "A is base, step 0, 0 tokens" in told.out


def test_json_is_the_whole_answer(lake: Lake, answer: Comparison) -> None:
    told = gristmill("compare", "base", TUNED[:9], "--lake", str(lake.root), "--json")
    assert told.code == 0, told.err
    assert told.json() == answer.model_dump(mode="json")


def test_the_same_items_are_compared_and_no_others(by_suite: dict[str, SuiteComparison]) -> None:
    reading = by_suite["reading"]
    assert (reading.whole.items, reading.whole.clusters, reading.left_out) == (199, 50, 1)
    assert (reading.whole.more_a, reading.whole.more_b) == (0, len(reading.discordant))
    for item in reading.discordant:
        assert (item.value_a, item.value_b, item.expected) == (0, 1, "yes")
        assert (item.prompt, item.output_a, item.output_b) == (f"Q {item.item}", "base says wrong", "tuned says right")


def test_the_other_way_round_the_sign_turns(warehouse: Warehouse, by_suite: dict[str, SuiteComparison]) -> None:
    (turned,) = compare(warehouse, "tuned", "base", ["board"]).suites
    there, back = by_suite["board"].whole, turned.whole
    assert (back.difference, back.low, back.high) == pytest.approx((-there.difference, -there.high, -there.low))
    assert (back.p, back.verdict) == (there.p, "worse")
    assert back.sentence.startswith("base is worse by 9.6 points (")


def test_a_board_says_in_which_subjects(by_suite: dict[str, SuiteComparison]) -> None:
    board = by_suite["board"]
    assert [subject.subset for subject in board.subjects] == list(SUBJECTS)
    assert {subject.subset: subject.verdict for subject in board.subjects} == {
        "anatomy": "not shown",
        "law": "not shown",
        "logic": "better",
    }
    assert [subject.p_holm for subject in board.subjects] == holm([subject.p for subject in board.subjects])
    assert board.macro is not None
    assert board.macro.difference == pytest.approx(sum(subject.difference for subject in board.subjects) / 3)


def test_alike_is_not_shown_and_says_what_could_have_been(by_suite: dict[str, SuiteComparison]) -> None:
    digits = by_suite["digits"]
    assert (digits.whole.difference, digits.whole.p, digits.discordant) == (0, 1, [])
    assert digits.whole.low < 0 < digits.whole.high
    assert digits.whole.sentence.startswith("no difference shown: tuned - base is 0.0 points (-")
    assert digits.whole.sentence.endswith(f"the set could have shown {100 * digits.whole.detectable:.1f} points")


def test_several_samples_of_a_problem_count_as_one_item(by_suite: dict[str, SuiteComparison]) -> None:
    python = by_suite["python"]
    assert python.whole.items == 30
    assert {round(item.value_a * 10, 6) % 1 for item in python.discordant} == {0.0}


def test_bits_per_byte_are_better_when_fewer(by_suite: dict[str, SuiteComparison]) -> None:
    bits = by_suite["heldout"]
    assert bits.whole.difference < 0
    assert bits.whole.verdict == "better"
    assert "tuned is better by 0.0" in bits.whole.sentence
    assert "bits per byte" in bits.whole.sentence
    assert bits.macro is None
    assert bits.whole.more_a + bits.whole.more_b == bits.whole.items
    assert bits.whole.more_b > bits.whole.more_a, "tuned has fewer bits on most texts, which is better"


def test_another_convention_can_be_asked_for(warehouse: Warehouse) -> None:
    found = compare(warehouse, "base", "tuned", convention="gold-bits")
    (gold,) = found.suites
    assert (gold.suite, gold.metric, gold.convention) == ("reading", "bits_per_byte", "gold-bits")
    assert (gold.whole.verdict, gold.whole.clusters, gold.discordant) == ("better", 50, [])
    assert (gold.whole.more_a, gold.whole.more_b > 0) == (0, True)
    assert {refused.suite for refused in found.refused} >= {"board", "digits"}


def test_the_data_that_differs_stands_beside_the_scores(answer: Comparison) -> None:
    assert [(part.domain, part.share_a, part.share_b) for part in answer.data] == [
        ("prose", 0.75, 0.25),
        ("code", 0.25, 0.625),
        ("mathematics", 0.0, 0.125),
    ]


def test_no_difference_is_real_whose_interval_includes_0(answer: Comparison) -> None:
    parts = [part for suite in answer.suites for part in (suite.whole, suite.macro, *suite.subjects) if part]
    for part in parts:
        assert (part.p < 0.05) == (part.low > 0 or part.high < 0)
        assert part.verdict == "not shown" or part.p < 0.05


@pytest.mark.parametrize(
    ("less_is_better", "verdict", "better"), [(True, "better", (5, 35)), (False, "worse", (35, 5))]
)
def test_where_less_is_better_the_lower_value_is(less_is_better: bool, verdict: str, better: tuple[int, int]) -> None:
    """Of any metric, such as a perplexity from elsewhere: verdict, counts and sentence turn together."""
    a = np.full(40, 20.0)
    found = paired(a, np.where(np.arange(40) < 35, a - 2, a + 1), [""] * 40)
    part = described(found, "all", "word_perplexity", found.p, 1, ("A", "B"), less_is_better=less_is_better)
    assert (part.verdict, (part.more_a, part.more_b)) == (verdict, better)
    assert part.sentence.startswith(f"B is {verdict} by ")
    assert ("points" in part.sentence) != less_is_better


def test_an_end_near_0_is_not_written_as_0() -> None:
    found = Paired(0.0, 0.05, Interval(0.05, 0.00004, 0.1), 0.0499, 3, 9, 40, 40, 0.06)
    assert "(0.004 to 10.0)" in described(found, "all", "accuracy", found.p, 1, ("A", "B")).sentence


def test_p_values_are_corrected_for_all_suites(answer: Comparison) -> None:
    wholes = [suite.whole for suite in answer.suites]
    assert [whole.p_holm for whole in wholes] == holm([whole.p for whole in wholes])
    assert all("after Holm over 5" in whole.sentence for whole in wholes)


def test_what_cannot_be_compared_is_refused_with_the_reason(answer: Comparison, warehouse: Warehouse) -> None:
    reasons = {refused.suite: refused.reason for refused in answer.refused}
    assert set(reasons) == {"alone", "few", "jailed", "versioned"}
    assert "the two share 5 independent items or passages, and fewer than 6 show nothing" in reasons["few"]
    assert "base was not evaluated on it" in reasons["alone"]
    assert "jails of different tiers (bubblewrap and landlock)" in reasons["jailed"]
    assert "different versions" in reasons["versioned"]
    with pytest.raises(GristmillError, match="cannot be compared on any suite") as refused:
        compare(warehouse, "base", "tuned", ["jailed"])
    assert refused.value.exit_code == 1


def test_wrong_words_are_told(warehouse: Warehouse, tmp_path: Path) -> None:
    for words, message in (
        (("base", "tunde", []), 'did you mean "tuned"'),
        (("base", BASE, []), "the same checkpoint"),
        (("base", "tuned", ["raeding"]), 'did you mean "reading"'),
    ):
        with pytest.raises(UsageError, match=message):
            compare(warehouse, *words)
    with pytest.raises(UsageError, match='did you mean "gold-bits"'):
        compare(warehouse, "base", "tuned", convention="gold-bit")
    empty = Lake.open(tmp_path / "empty")
    with pytest.raises(UsageError, match="Nothing has been published"):
        find_side(Warehouse.open(empty.root), "base")


def test_a_name_that_two_checkpoints_have_is_refused(lake: Lake, tmp_path: Path) -> None:
    root = tmp_path / "lake"
    shutil.copytree(lake.root, root)
    copy = Lake.open(root)
    rows = [row for ref in copy.expect("evaluation", TUNED).tables["eval_runs"] for row in copy.read(ref).to_pylist()]
    commit_again(copy, rows)
    publish(copy)
    with pytest.raises(UsageError, match="matches 2 checkpoints"):
        find_side(Warehouse.open(root), "tuned")


def commit_again(lake: Lake, rows: list[dict[str, Any]]) -> None:
    """The runs of another checkpoint under the same label."""
    commit(lake, "evaluation", "f" * 32, {"eval_runs": {"f": [row | {"checkpoint": "f" * 32} for row in rows]}})
