"""Leaderboards: the checkpoints of a suite in the order of their scores, with a rank only where it is known.

Neighbours in that order are compared item by item (``gristmill.evals.statistics.paired``, Holm over the board). If one
of them has no samples, or the metric is not a mean of samples, their intervals must be disjoint instead. Checkpoints
without a proven difference from their neighbours share a range of ranks. A board has only what can be compared: the
same version of the suite, metric, convention and jail tier. Cost: one scan of the samples and one test per row: 10 ms
for a suite of 1,000 items.
"""

from itertools import groupby, pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from gristmill.evals.statistics.paired import LEAST_UNITS, LEVEL, holm
from gristmill.evals.statistics.ratio import cluster_codes
from gristmill.schemas.scores import ALL, BITS, MACRO
from gristmill.warehouse.connection import Warehouse
from gristmill.warehouse.queries.answered import ANSWERS, paired_answers
from gristmill.warehouse.queries.models import Score

OF_SAMPLES = ("accuracy", "exact_match", "f1", "pass@1", BITS)
"""Metrics that are a mean of the samples' values, or their sum over the sum of the weights."""
HEADLINES, EVERY = "headlines", "every convention"
TOP = 10

Columns = dict[str, NDArray[Any]]


class Gap(BaseModel):
    """A checkpoint against the next one below it."""

    difference: float = Field(description="how much better it is, in units of the score; never negative")
    shown: bool = Field(description="whether the difference is statistically significant")
    by: Literal["paired test", "disjoint intervals"]
    p: float | None = Field(description="two-sided, after Holm over the board; paired tests only")


class Standing(BaseModel):
    """A checkpoint on a board."""

    first_rank: int = Field(description="best rank it may have")
    last_rank: int = Field(description="worst rank it may have; equal to first_rank when the rank is known")
    score: Score
    macro: Score | None = Field(description="the average over subjects")
    gap: Gap | None = Field(description="to the next; null for the last")


class Board(BaseModel):
    """The checkpoints of one suite under one convention, best first."""

    suite: str
    suite_digest: str
    area: str
    metric: str
    convention: str
    headline: bool
    jail_tier: str
    higher_is_better: bool
    checkpoints: int = Field(description="checkpoints with this score, including those not among the standings")
    standings: list[Standing]


class Choices(BaseModel):
    """The values that scores can be filtered by."""

    areas: list[str]
    suites: list[str]
    conventions: list[str]


class Subject(BaseModel):
    """One row of a board of subjects."""

    subset: str
    n: int
    chance: float | None
    scores: list[Score | None] = Field(description="one per checkpoint, in their order")


class Subjects(BaseModel):
    """A suite by subject or domain: one row for each, one column per checkpoint."""

    suite: str
    metric: str
    convention: str
    higher_is_better: bool
    checkpoints: list[Score] = Field(description="each checkpoint's score over all items, best first")
    rows: list[Subject]


def choices(warehouse: Warehouse) -> Choices:
    """The areas, suites and conventions that have scores."""
    found = {
        column: [row[column] for row in warehouse.query(f"SELECT DISTINCT {column} FROM scores ORDER BY 1")]  # noqa: S608
        for column in ("area", "suite", "convention")
    }
    return Choices(areas=found["area"], suites=found["suite"], conventions=found["convention"])


def leaderboard(
    warehouse: Warehouse,
    *,
    area: str | None = None,
    suite: str | None = None,
    convention: str = HEADLINES,
    checkpoint: str = "",
    top: int = TOP,
) -> list[Board]:
    """The boards of scores over all items, by area and suite, each with its ``top`` checkpoints.

    ``convention`` is one convention, or ``headlines`` for each suite's headline, or ``every convention``.
    ``checkpoint`` is a part of a label or the start of a digest; ranks are among the checkpoints that match.
    """
    rows = warehouse.query(
        """
        SELECT * FROM score_trajectory
        WHERE subset IN ('all', 'macro') AND ($area IS NULL OR area = $area) AND ($suite IS NULL OR suite = $suite)
            AND ($convention = 'every convention' OR $convention = convention OR ($convention = 'headlines'
                AND (suite, metric, convention) IN (SELECT (suite, metric, convention) FROM scores WHERE headline)))
            AND ($checkpoint = '' OR contains(lower(label), lower($checkpoint))
                OR starts_with(checkpoint, lower($checkpoint)))
        ORDER BY area, suite, suite_digest, metric, convention, jail_tier
        """,
        {"area": area, "suite": suite, "convention": convention, "checkpoint": checkpoint.strip()},
    )
    scores = [Score.model_validate(row) for row in rows]
    boards = [_board(warehouse, list(group), top) for _, group in groupby(scores, key=_board_key)]
    return [board for board in boards if board.standings]


def subjects(warehouse: Warehouse, board: Board, most: int = 6) -> Subjects:
    """The subjects of a board's suite for its first ``most`` checkpoints; no rows when there is only one."""
    chosen = [standing.score for standing in board.standings[:most]]
    rows = warehouse.query(
        """
        SELECT * FROM score_trajectory
        WHERE suite = $suite AND suite_digest = $digest AND metric = $metric AND convention = $convention
            AND checkpoint IN (SELECT unnest($checkpoints::VARCHAR[]))
        ORDER BY subset NOT IN ('all', 'macro'), subset, checkpoint
        """,
        {
            "suite": board.suite,
            "digest": board.suite_digest,
            "metric": board.metric,
            "convention": board.convention,
            "checkpoints": [score.checkpoint for score in chosen],
        },
    )
    found = []
    for subset, group in groupby((Score.model_validate(row) for row in rows), key=lambda score: score.subset):
        by_checkpoint = {score.checkpoint: score for score in group}
        largest = max(by_checkpoint.values(), key=lambda score: score.n)
        cells = [by_checkpoint.get(score.checkpoint) for score in chosen]
        found.append(Subject(subset=subset, n=largest.n, chance=largest.chance, scores=cells))
    return Subjects(
        suite=board.suite,
        metric=board.metric,
        convention=board.convention,
        higher_is_better=board.higher_is_better,
        checkpoints=chosen,
        rows=found if len(found) > 1 else [],
    )


def _board_key(score: Score) -> tuple[str, ...]:
    return score.area, score.suite, score.suite_digest, score.metric, score.convention, score.jail_tier


def _board(warehouse: Warehouse, scores: list[Score], top: int) -> Board:
    first = scores[0]
    macros = {score.checkpoint: score for score in scores if score.subset == MACRO}
    whole = [score for score in scores if score.subset == ALL]
    whole.sort(
        key=lambda score: (-score.value if score.higher_is_better else score.value, score.label, score.checkpoint)
    )
    compared = whole[: top + 1]
    gaps = _gaps(warehouse, compared)
    standings = []
    start = 0
    for place, score in enumerate(compared):
        end = next((later for later in range(place, len(gaps)) if gaps[later].shown), len(whole) - 1)
        gap = gaps[place] if place < len(gaps) else None
        macro = macros.get(score.checkpoint)
        standings.append(Standing(first_rank=start + 1, last_rank=end + 1, score=score, macro=macro, gap=gap))
        if end == place:
            start = place + 1
    return Board(
        suite=first.suite,
        suite_digest=first.suite_digest,
        area=first.area,
        metric=first.metric,
        convention=first.convention,
        headline=any(score.headline for score in whole),
        jail_tier=first.jail_tier,
        higher_is_better=first.higher_is_better,
        checkpoints=len(whole),
        standings=standings[:top],
    )


def _gaps(warehouse: Warehouse, scores: list[Score]) -> list[Gap]:
    """Each score against the next."""
    pairs = list(pairwise(scores))
    if not pairs:
        return []
    ps = _paired_ps(warehouse, scores)
    tested = [p for p in ps if p is not None]
    adjusted = iter(holm(tested))
    gaps = []
    for (better, worse), p in zip(pairs, ps, strict=True):
        difference = abs(better.value - worse.value)
        if p is None:
            disjoint = better.low > worse.high if better.higher_is_better else better.high < worse.low
            gaps.append(Gap(difference=difference, shown=disjoint, by="disjoint intervals", p=None))
        else:
            corrected = next(adjusted)
            gaps.append(Gap(difference=difference, shown=corrected < LEVEL, by="paired test", p=corrected))
    return gaps


def _paired_ps(warehouse: Warehouse, scores: list[Score]) -> list[float | None]:
    """The p-value of each score against the next; None where they share no items."""
    first = scores[0]
    if first.metric not in OF_SAMPLES:
        return [None] * (len(scores) - 1)
    bits = first.metric == BITS
    rows = warehouse.table(
        f"FROM ({ANSWERS}) WHERE value IS NOT NULL ORDER BY checkpoint, item",
        {
            "suite": first.suite,
            "convention": first.convention,
            "checkpoints": [score.checkpoint for score in scores],
            "bits": bits,
        },
    )
    names = np.asarray(rows["checkpoint"].to_pylist(), dtype=object)
    columns = {name: np.asarray(rows[name].to_pylist()) for name in ("item", "subset", "cluster", "value", "weight")}
    parts = [{name: column[names == score.checkpoint] for name, column in columns.items()} for score in scores]
    return [_paired_p(a, b, bits) for a, b in pairwise(parts)]


def _paired_p(a: Columns, b: Columns, bits: bool) -> float | None:
    """The p-value of two checkpoints over their common items; None for fewer independent ones than a test needs."""
    _, left, right = np.intersect1d(a["item"], b["item"], return_indices=True)
    clusters, subsets = a["cluster"][left].tolist(), a["subset"][left].tolist()
    if int(cluster_codes(clusters).max(initial=-1)) + 1 < LEAST_UNITS:
        return None
    return paired_answers(a["value"][left], b["value"][right], clusters, a["weight"][left], subsets, bits=bits).p
