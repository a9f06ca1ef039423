"""Effects of arms: coverage, false alarms and power over simulated panels, and the shape of the verdicts."""

import numpy as np
import pytest
from numpy.typing import NDArray

from gristmill.evals.statistics.effects import (
    Effect,
    EffectVerdict,
    detectable,
    effect,
    judge,
    seeds_needed,
    shown_by,
)

PANELS = 2000
Panel = NDArray[np.float64]


def panel(
    random: np.random.Generator, seeds: int, items: int, sd: tuple[float, float, float], truth: float = 0.0
) -> Panel:
    """Differences of seeds by items: ``sd`` of seeds, of items, and of the rest."""
    of_seeds, of_items, of_rest = sd
    return (
        truth
        + random.normal(0, of_seeds, (seeds, 1))
        + random.normal(0, of_items, (1, items))
        + random.normal(0, of_rest, (seeds, items))
    )


@pytest.mark.parametrize(
    ("seeds", "items", "sd"),
    [
        (4, 100, (0.02, 0.0, 0.3)),
        (8, 50, (0.05, 0.2, 0.3)),
        (8, 400, (0.0, 0.2, 0.5)),
        (12, 30, (0.1, 0.1, 0.1)),
    ],
)
def test_intervals_cover_and_panels_without_an_effect_move_rarely(
    seeds: int, items: int, sd: tuple[float, float, float]
) -> None:
    random = np.random.default_rng([seeds, items])
    covered = 0
    for _ in range(PANELS):
        ends = effect(panel(random, seeds, items, sd, truth=0.1)).interval()
        covered += ends.low <= 0.1 <= ends.high
    assert 0.93 <= covered / PANELS <= 0.985, "the bound of a variance that is never too small widens a few"


def test_two_random_halves_of_one_corpus_move_in_at_most_one_panel_of_twenty() -> None:
    random = np.random.default_rng(7)
    moved = 0
    for _ in range(PANELS):
        cells = [effect(panel(random, 8, 60, (0.05, 0.1, 0.3))) for _ in range(6)]
        moved += any(one.verdict == EffectVerdict.MOVED for one in judge(cells, [True] * 6, [None] * 6))
    assert moved / PANELS <= 0.06, "Holm holds the chance of any false alarm among six at .05"


def test_an_effect_of_the_planned_size_is_found_four_times_out_of_five() -> None:
    random = np.random.default_rng(11)
    seed_sd = 0.1
    seeds = seeds_needed(0.12, seed_sd)
    assert seeds == 8
    found = 0
    for _ in range(PANELS):
        cell = effect(panel(random, seeds, 40, (seed_sd, 0.0, 0.01), truth=0.12))
        found += judge([cell], [True], [None])[0].verdict == EffectVerdict.MOVED
    assert found / PANELS >= 0.78


def test_shuffled_labels_find_nothing() -> None:
    """A real effect disappears when it is random which run of a pair is called the arm."""
    random = np.random.default_rng(13)
    table = panel(random, 8, 40, (0.02, 0.05, 0.1), truth=0.3)
    assert judge([effect(table)], [True], [None])[0].verdict == EffectVerdict.MOVED
    signs = random.choice([-1.0, 1.0], (500, 8))
    signs = signs[np.abs(signs.sum(axis=1)) < 5]
    verdicts = [judge([effect(table * sign[:, None])], [True], [None])[0].verdict for sign in signs]
    assert verdicts.count(EffectVerdict.MOVED) / len(verdicts) <= 0.05


def test_many_items_never_stand_in_for_seeds() -> None:
    """Ten thousand items of three pairs leave the error of three pairs."""
    random = np.random.default_rng(17)
    few = effect(panel(random, 3, 10_000, (0.1, 0.0, 0.2)))
    assert few.freedom < 2.5
    assert few.error == pytest.approx(few.seed_error, rel=0.02)
    with pytest.raises(ValueError, match="at least 3 seeds"):
        effect(np.zeros((2, 50)))


def test_sums_over_bytes_and_clusters() -> None:
    random = np.random.default_rng(19)
    bits, sizes = random.normal(1.0, 0.2, (6, 30)), random.integers(50, 200, 30).astype(float)
    found = effect(bits, sizes)
    assert found.value == pytest.approx(float(bits.sum() / sizes.sum() / 6))
    assert found.by_seed == pytest.approx(tuple(bits.sum(axis=1) / sizes.sum()))
    repeated = effect(np.repeat(bits, 4, axis=1), np.repeat(sizes, 4))
    together = effect(np.repeat(bits, 4, axis=1), np.repeat(sizes, 4), [f"p{n}" for n in range(30) for _ in range(4)])
    assert together.error == pytest.approx(found.error), "four copies of an item are one piece of evidence"
    assert repeated.item_error < together.item_error
    # Numbers of unequal sizes are linearised: an item that has exactly its share adds nothing.
    assert effect(np.outer(np.ones(4), sizes) * 0.01, sizes).error == pytest.approx(0.0, abs=1e-12)


def cell(value: float, error: float, freedom: float = 7.0) -> Effect:
    return Effect(value, error, freedom, error, 0.0, (value,) * 8, 10)


def test_each_verdict_has_its_bound() -> None:
    moved, none, unknown, wide = judge(
        [cell(0.5, 0.05), cell(0.001, 0.002), cell(0.001, 0.002), cell(0.03, 0.05)],
        [True, True, False, True],
        [0.01, 0.01, None, 0.01],
    )
    assert (moved.verdict, moved.bound) == (EffectVerdict.MOVED, None)
    assert none.verdict == EffectVerdict.NO_EFFECT
    assert none.bound == pytest.approx(0.001 + 1.8946 * 0.002, abs=1e-5), "t of .95 with 7 degrees of freedom"
    assert unknown.verdict == EffectVerdict.CANNOT_TELL, "without a smallest effect of interest nothing is called none"
    assert unknown.bound == pytest.approx(detectable(0.002, 7.0))
    assert wide.verdict == EffectVerdict.CANNOT_TELL
    assert judge([cell(0.0, 0.0)], [True], [0.01])[0].verdict == EffectVerdict.NO_EFFECT
    # Three primary cells share the level; the exploratory one has its own.
    p = cell(0.12, 0.05).p
    shared = judge([cell(0.12, 0.05), cell(0, 0.05), cell(0, 0.05), cell(0.12, 0.05)], [True] * 3 + [False], [None] * 4)
    assert shared[0].adjusted == pytest.approx(3 * p)
    assert shared[3].adjusted == pytest.approx(p)


def test_what_seeds_can_show() -> None:
    # In standard deviations of the paired difference, 80 % power: the field's own table (3.3, 1.43, 1.16 and 1.0).
    for seeds, size in ((3, 3.3), (6, 1.43), (8, 1.16), (10, 1.0)):
        assert shown_by(seeds, 1.0) == pytest.approx(size, rel=0.07)
    assert shown_by(8, 1.0, comparisons=6) > shown_by(8, 1.0)
    assert seeds_needed(0.1, 1.0, item_error=0.1) is None, "no number of seeds lessens the error of the items"
    with pytest.raises(ValueError, match="above 0"):
        seeds_needed(0.0, 1.0)
