"""Trajectories over checkpoints: the smoothed line, the noise, and which suites tell the runs apart."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gristmill.core.lake import Lake
from gristmill.warehouse.build.publish import publish
from gristmill.warehouse.connection import Warehouse
from gristmill.warehouse.queries.pipeline import Overview, Ranked
from gristmill.warehouse.queries.trajectory import Line, Trajectories, trajectories
from tests.helpers.small_lake import commit, doc_id

STEPS = (100, 200, 300, 400, 500)
CURVES = {
    ("plain", "reading"): (0.20, 0.30, 0.40, 0.50, 0.40),
    ("mixed", "reading"): (0.30, 0.40, 0.50, 0.60, 0.50),
    ("third", "reading"): (0.25, 0.35, 0.45, 0.55, 0.45),
    ("longer", "reading"): (0.15, 0.25, 0.35, 0.45, 0.35, 0.90),
    ("plain", "heldout"): (3.6, 3.2, 2.8, 2.4, 2.0),
    ("mixed", "heldout"): (3.5, 3.1, 2.7, 2.3, 1.9),
    ("third", "heldout"): (3.7, 3.3, 2.9, 2.5, 2.1),
    ("longer", "heldout"): (3.8, 3.4, 3.0, 2.6, 2.2, 0.5),
    ("plain", "early"): (0.1, 0.2, 0.3),
    ("mixed", "early"): (0.2, 0.3, 0.4),
    ("plain", "zero"): (0.0,) * 5,
    ("mixed", "zero"): (0.0,) * 5,
    ("external", "reading"): (0.9, 0.9, 0.9, 0.9, 0.9),
}


def rows_of(mixture: str, suite: str, values: tuple[float, ...]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Runs and scores of one mixture on one suite; a board's subject and another convention beside the headline."""
    runs, scores = [], []
    bits = suite == "heldout"
    for step, value in zip((*STEPS, 600), values, strict=False):
        same = {"checkpoint": doc_id(f"{mixture} {step}"), "suite": suite}
        run = mixture if mixture == "external" else doc_id(mixture)
        runs.append(same | {"run": run, "mixture": mixture, "label": f"{mixture} {step}", "step": step, "tokens": step})
        score = same | {"metric": "bits_per_byte" if bits else "accuracy", "convention": "c", "value": value}
        score |= {"low": value - 0.1, "high": value + 0.1, "n": 50, "higher_is_better": not bits}
        score |= {"chance": None if bits else 0.25}
        scores.append(score | {"subset": "all", "headline": True})
        scores.append(score | {"subset": "law", "headline": False})
        scores.append(score | {"subset": "all", "headline": False, "metric": "f1"})
    return runs, scores


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    lake = Lake.open(tmp_path_factory.mktemp("trajectory") / "lake")
    parts = [rows_of(mixture, suite, values) for (mixture, suite), values in CURVES.items()]
    runs, scores = ([row for part in parts for row in part[place]] for place in (0, 1))
    commit(lake, "evaluation", "all", {"eval_runs": {"all": runs}, "scores": {"all": scores}})
    publish(lake)
    return Warehouse.open(lake.root)


@pytest.fixture(scope="module")
def found(warehouse: Warehouse) -> Trajectories:
    return trajectories(warehouse, last=2)


def line_of(found: Trajectories, mixture: str, suite: str) -> Line:
    (line,) = [line for line in found.lines if (line.mixture, line.suite) == (mixture, suite)]
    return line


def test_every_run_has_a_line_for_every_headline(found: Trajectories) -> None:
    names = {(line.mixture, line.suite) for line in found.lines}
    assert names == {pair for pair in CURVES if pair[0] != "external"}
    assert {line.metric for line in found.lines if line.suite == "heldout"} == {"bits_per_byte"}
    line = line_of(found, "plain", "reading")
    assert [point.step for point in line.points] == list(STEPS)
    assert [point.value for point in line.points] == [0.20, 0.30, 0.40, 0.50, 0.40]
    assert [point.smoothed for point in line.points] == pytest.approx([0.20, 0.25, 0.35, 0.45, 0.45])
    assert line.noise == pytest.approx(np.sqrt(0.1**2 / 3 / 1.5))  # one of three scores lies 0.1 off its neighbours
    assert line_of(found, "plain", "heldout").noise == pytest.approx(0, abs=1e-9), "a straight fall is no noise"
    assert line_of(found, "plain", "early").noise is None


def test_a_suite_is_judged_by_what_its_runs_differ_by(found: Trajectories) -> None:
    """At the last step that all have: what one run gained after it is training, not a better mixture."""
    by_name = {suite.suite: suite for suite in found.suites}
    reading = by_name["reading"]
    assert (reading.runs, reading.signal) == (4, pytest.approx(0.15))
    assert reading.noise is not None
    assert reading.ratio == pytest.approx(0.15 / reading.noise)


def test_three_checkpoints_of_a_curve_have_no_signal_to_noise(found: Trajectories) -> None:
    (early,) = [suite for suite in found.suites if suite.suite == "early"]
    assert (early.signal, early.noise, early.ratio) == (pytest.approx(0.1), None, None)
    (zero,) = [suite for suite in found.suites if suite.suite == "zero"]
    assert (zero.signal, zero.ratio) == (0, None)


def test_agreement_knows_that_fewer_bits_are_better_and_how_many_pairs_there_are(found: Trajectories) -> None:
    pairs = {(pair.suite, pair.other): (pair.runs, pair.pairs, pair.accuracy) for pair in found.agreements}
    assert pairs["heldout", "reading"] == (4, 6, pytest.approx(5 / 6))
    assert pairs["early", "reading"] == (2, 1, None), "one pair in the same order says nothing"
    assert pairs["early", "zero"] == (2, 0, None)


def test_equal_values_share_their_places_and_a_suite_of_ties_ranks_nobody(warehouse: Warehouse) -> None:
    rows = {row["label"]: row for row in warehouse.query("SELECT label, scores, mean_rank FROM checkpoint_ranking")}
    assert (rows["plain 100"]["scores"], rows["plain 500"]["scores"]) == (3, 2), "the suite where all have 0 is none"
    assert rows["external 100"]["mean_rank"] == rows["external 500"]["mean_rank"] == 3.5  # six share places 1 to 6


@pytest.mark.parametrize(
    ("ranks", "leaders"),
    [
        ([(3, 1.0), (3, 2.0)], 1),
        ([(3, 1.5), (3, 1.5), (3, 3.0)], 2),
        ([(2, 1.0), (2, 2.0)], 0),
        ([(0, None), (0, None)], 0),
        ([(5, 1.5), (3, 1.5)], 1),
        ([], 0),
    ],
)
def test_a_checkpoint_leads_where_enough_suites_say_so(ranks: list[tuple[int, float | None]], leaders: int) -> None:
    ranking = [
        Ranked(checkpoint=str(place), label="", mixture="", step=0, tokens=0, scores=scores, mean_rank=rank)
        for place, (scores, rank) in enumerate(ranks)
    ]
    found = Overview.model_construct(ranking=ranking).leaders
    assert found == ranking[:leaders]


def test_centred_scores_are_0_for_guessing(warehouse: Warehouse) -> None:
    rows = warehouse.query("SELECT value, chance, centred FROM score_trajectory WHERE run <> 'external'")
    assert {row["chance"] for row in rows} == {None, 0.25}
    for row in rows:
        expected = None if row["chance"] is None else pytest.approx((row["value"] - 0.25) / 0.75)
        assert row["centred"] == expected


def test_nothing_published_is_nothing_to_see(tmp_path: Path) -> None:
    found = trajectories(Warehouse.open(Lake.open(tmp_path / "lake").root))
    assert (found.lines, found.suites, found.agreements) == ([], [], [])


def test_smoothing_over_all_is_the_mean(warehouse: Warehouse) -> None:
    line = line_of(trajectories(warehouse, last=10), "third", "reading")
    assert line.points[-1].smoothed == pytest.approx(np.mean(CURVES["third", "reading"]))


def test_the_best_score_says_how_many_have_it(warehouse: Warehouse) -> None:
    best = warehouse.query("SELECT suite, label, value, tied FROM best_checkpoint ORDER BY suite")
    assert best == [
        {"suite": "early", "label": "mixed 300", "value": 0.4, "tied": 1},
        {"suite": "heldout", "label": "longer 600", "value": 0.5, "tied": 1},
        {"suite": "reading", "label": "external 100", "value": 0.9, "tied": 6},
        {"suite": "zero", "label": "mixed 100", "value": 0.0, "tied": 10},
    ]
