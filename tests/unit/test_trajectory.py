"""Trajectories over checkpoints: the smoothed line, the noise, and which suites tell the runs apart."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from schemas.lake import Lake
from tests.helpers.small_lake import commit, doc_id
from warehouse.publish import publish
from warehouse.read import Warehouse
from warehouse.trajectory import Line, Trajectories, trajectories

STEPS = (100, 200, 300, 400)
CURVES = {
    ("plain", "reading"): (0.30, 0.40, 0.50, 0.40),
    ("mixed", "reading"): (0.40, 0.50, 0.60, 0.50),
    ("third", "reading"): (0.35, 0.45, 0.55, 0.45),
    ("plain", "heldout"): (3.0, 2.5, 2.0, 2.0),
    ("mixed", "heldout"): (2.9, 2.4, 1.9, 1.9),
    ("third", "heldout"): (3.1, 2.6, 2.1, 2.1),
    ("external", "reading"): (0.9, 0.9, 0.9, 0.9),
}


def rows_of(mixture: str, suite: str, values: tuple[float, ...]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Runs and scores of one mixture on one suite; a board's subject and another convention beside the headline."""
    runs, scores = [], []
    bits = suite == "heldout"
    for step, value in zip(STEPS, values, strict=True):
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
    names = {(line.mixture, line.suite, line.metric) for line in found.lines}
    trained = ("plain", "mixed", "third")
    assert names == {(mixture, "reading", "accuracy") for mixture in trained} | {
        (mixture, "heldout", "bits_per_byte") for mixture in trained
    }
    line = line_of(found, "plain", "reading")
    assert [point.step for point in line.points] == list(STEPS)
    assert [point.value for point in line.points] == [0.30, 0.40, 0.50, 0.40]
    assert [point.smoothed for point in line.points] == pytest.approx([0.30, 0.35, 0.45, 0.45])
    assert line.noise == pytest.approx(0.05)
    assert line_of(found, "plain", "heldout").noise == 0


def test_a_suite_is_judged_by_what_its_runs_differ_by(found: Trajectories) -> None:
    heldout, reading = sorted(found.suites, key=lambda suite: suite.suite)
    assert (reading.runs, reading.signal, reading.noise) == (3, pytest.approx(0.10), pytest.approx(0.05))
    assert reading.ratio == pytest.approx(2.0)
    assert (heldout.signal, heldout.noise, heldout.ratio) == (pytest.approx(0.2), pytest.approx(0.0, abs=1e-12), None)


def test_agreement_knows_that_fewer_bits_are_better(found: Trajectories) -> None:
    (pair,) = found.agreements
    assert (pair.suite, pair.other, pair.runs) == ("heldout", "reading", 3)
    assert pair.accuracy == pytest.approx(2 / 3)  # both: mixed before third, mixed before plain; not third and plain


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
    assert line.points[-1].smoothed == pytest.approx(np.mean([0.35, 0.45, 0.55, 0.45]))


def test_the_best_score_says_how_many_have_it(warehouse: Warehouse) -> None:
    best = warehouse.query("SELECT suite, label, value, tied FROM best_checkpoint ORDER BY suite")
    assert best == [
        {"suite": "heldout", "label": "mixed 300", "value": 1.9, "tied": 2},
        {"suite": "reading", "label": "external 100", "value": 0.9, "tied": 4},
    ]
