"""Scores along training runs: the smoothed line, the noise, and which suites tell the runs apart.

For every headline and for the bits per byte over all texts: one line per training run with its noise, one verdict per
suite (signal, noise, their ratio), and how far two suites agree on which run is better
(``gristmill.evals.statistics.series`` defines them). Runs are compared at their last common step, since a run that
trained longer scores better for that reason alone. Submitted and imported checkpoints belong to no run and have no
line. Cost: one scan of ``scores``.
"""

from collections import defaultdict
from itertools import combinations
from typing import Any

from pydantic import BaseModel, Field

from gristmill.evals.statistics.series import (
    LAST,
    LEAST_CHECKPOINTS,
    LEAST_PAIRS,
    decision_accuracy,
    noise,
    pooled,
    signal,
    signal_to_noise,
    smoothed,
)
from gristmill.warehouse.connection import Warehouse

Measure = tuple[str, str, str]
"""Suite, metric and convention."""


class Point(BaseModel):
    """One checkpoint."""

    step: int
    tokens: int
    checkpoint: str
    value: float
    low: float = Field(description="lower end of the 95 % interval")
    high: float = Field(description="upper end of the 95 % interval")
    smoothed: float = Field(description="mean of this and the previous checkpoints, over the requested window")


class Line(BaseModel):
    """One training run on one suite."""

    run: str
    mixture: str
    suite: str
    metric: str
    convention: str
    higher_is_better: bool
    chance: float | None
    noise: float | None = Field(
        description="standard deviation of the last scores around their trend, in units of the score; null below five"
    )
    points: list[Point]


class Strength(BaseModel):
    """How well a suite tells the training runs apart."""

    suite: str
    metric: str
    convention: str
    runs: int
    signal: float | None = Field(
        description="largest difference between runs, by smoothed scores at their last common step"
    )
    noise: float | None = Field(description="standard deviation of the last scores around the trend of their run")
    ratio: float | None = Field(description="signal over noise; null if a run has fewer than five checkpoints")


class Agreement(BaseModel):
    """Whether two suites put the training runs in the same order."""

    suite: str
    metric: str
    other: str
    other_metric: str
    runs: int
    pairs: int = Field(description="pairs of runs that both suites tell apart")
    accuracy: float | None = Field(
        description="share of those pairs in the same order; 0.5 is chance, null below six pairs"
    )


class Trajectories(BaseModel):
    """Every line, every suite, every pair of suites."""

    last: int = Field(description="checkpoints in the window of smoothing and noise")
    least_checkpoints: int = Field(default=LEAST_CHECKPOINTS, description="checkpoints that a run's noise needs")
    least_pairs: int = Field(default=LEAST_PAIRS, description="pairs told apart that agreement needs")
    lines: list[Line]
    suites: list[Strength]
    agreements: list[Agreement]


def trajectories(warehouse: Warehouse, last: int = LAST) -> Trajectories:
    """Scores along every training run; empty when nothing is published or nothing was trained here."""
    rows = warehouse.query(
        """
        SELECT run, mixture, suite, metric, convention, higher_is_better, chance, step, tokens, checkpoint, value, low,
            high
        FROM score_trajectory
        WHERE run NOT IN ('external', 'imported') AND subset = 'all' AND (headline OR metric = 'bits_per_byte')
        ORDER BY suite, metric, convention, mixture, run, step
        """
    )
    groups: dict[tuple[Measure, str], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[(row["suite"], row["metric"], row["convention"]), row["run"]].append(row)
    lines = [_line(members, last) for members in groups.values()]
    by_measure: dict[Measure, list[Line]] = defaultdict(list)
    for line in lines:
        by_measure[line.suite, line.metric, line.convention].append(line)
    return Trajectories(
        last=last,
        lines=lines,
        suites=[_strength(measure, members) for measure, members in by_measure.items()],
        agreements=_agreements(list(by_measure.values())),
    )


def _line(rows: list[dict[str, Any]], last: int) -> Line:
    values = [row["value"] for row in rows]
    points = [row | {"smoothed": mean} for row, mean in zip(rows, smoothed(values, last), strict=True)]
    steps = [row["step"] for row in rows]
    return Line.model_validate({**rows[0], "noise": noise(steps, values, last), "points": points})


def _finals(lines: list[Line]) -> dict[str, float]:
    """The smoothed score of every run at their last common step; empty if there is none."""
    by_step = [{point.step: point.smoothed for point in line.points} for line in lines]
    common = set.intersection(*(set(points) for points in by_step)) if by_step else set()
    return {line.run: points[max(common)] for line, points in zip(lines, by_step, strict=True)} if common else {}


def _strength(measure: Measure, lines: list[Line]) -> Strength:
    finals = list(_finals(lines).values())
    wobble = pooled([line.noise for line in lines])
    suite, metric, convention = measure
    return Strength(
        suite=suite,
        metric=metric,
        convention=convention,
        runs=len(lines),
        signal=signal(finals),
        noise=wobble,
        ratio=signal_to_noise(finals, wobble),
    )


def _agreements(suites: list[list[Line]]) -> list[Agreement]:
    """Every pair of suites that two or more runs share. Lower is better for bits per byte, so its sign is flipped."""
    finals = [
        {run: value if lines[0].higher_is_better else -value for run, value in _finals(lines).items()}
        for lines in suites
    ]
    found = []
    for (lines, first), (others, second) in combinations(zip(suites, finals, strict=True), 2):
        runs = sorted(set(first) & set(second))
        if len(runs) > 1:
            agreed = decision_accuracy([first[run] for run in runs], [second[run] for run in runs])
            found.append(
                Agreement(
                    suite=lines[0].suite,
                    metric=lines[0].metric,
                    other=others[0].suite,
                    other_metric=others[0].metric,
                    runs=len(runs),
                    pairs=agreed.pairs,
                    accuracy=agreed.share,
                )
            )
    return found
