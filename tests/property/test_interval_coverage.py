"""Intervals hold what they promise: a 95 % interval contains the truth about 95 times in 100."""

from collections.abc import Iterable

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.evals.statistics import Interval, above_chance, ratio, wilson
from gristmill.evals.statistics.means import macro_mean, mean
from gristmill.evals.statistics.paired import Paired, paired, paired_macro
from gristmill.evals.statistics.passk import bootstrap_mean, pass_at_k

REPEATS = 2000


def share_covered(ends: Iterable[Interval], truth: float) -> float:
    """The share of intervals that hold the truth."""
    return float(np.mean([end.low <= truth <= end.high for end in ends]))


@pytest.mark.parametrize(("n", "share"), [(48, 0.25), (56, 0.5), (164, 0.3), (500, 0.05), (52, 0.9)])
def test_wilson_covers(n: int, share: float) -> None:
    """Exactly, by summing the binomial distribution: no simulation error."""
    covered = 0.0
    for successes in range(n + 1):
        _, low, high = wilson(successes, n)
        covered += scipy.stats.binom.pmf(successes, n, share) * (low <= share <= high)
    assert 0.93 <= covered <= 0.97


@pytest.mark.parametrize("documents", [12, 40, 150])
def test_ratio_covers(documents: int) -> None:
    """Documents of uneven length whose bits per byte vary and fall with length, as they do in corpora."""
    random = np.random.default_rng(20_261_122 + documents)
    sizes = random.lognormal(6.5, 0.5, (REPEATS, documents))
    bits = sizes * (2 - 0.05 * np.log(sizes / 600) + random.normal(0, 0.25, sizes.shape))
    # E[bits] / E[sizes]: with size lognormal, weighting by size shifts the mean of log(size) by its variance.
    truth = 2 - 0.05 * (6.5 + 0.25 - np.log(600))
    ends = [ratio(top.tolist(), bottom.tolist()) for top, bottom in zip(bits, sizes, strict=True)]
    covered = np.mean([end.low <= truth <= end.high for end in ends])
    assert 0.93 <= covered <= 0.97


def test_ratio_covers_in_strata() -> None:
    random = np.random.default_rng(9)
    strata = ["code"] * 30 + ["prose"] * 20 + ["mathematics"] * 10
    levels = np.array([1.5] * 30 + [2.2] * 20 + [2.8] * 10)
    sizes = np.full(60, 1000.0)
    hits = 0
    for _ in range(REPEATS):
        end = ratio((sizes * (levels + random.normal(0, 0.3, 60))).tolist(), sizes.tolist(), strata)
        hits += end.low <= levels.mean() <= end.high
    assert 0.93 <= hits / REPEATS <= 0.97


@pytest.mark.parametrize(("passages", "share"), [(40, 0.5), (80, 0.25), (120, 0.85)])
def test_the_mean_of_items_that_share_passages_covers(passages: int, share: float) -> None:
    """One to seven questions a passage; a passage's questions are right with a probability of its own (beta)."""
    random = np.random.default_rng(passages)
    hits = 0
    for _ in range(1200):
        sizes = random.integers(1, 8, passages)
        levels = np.repeat(random.beta(share * 2, (1 - share) * 2, passages), sizes)
        found = mean((random.random(levels.size) < levels).astype(float), _names(sizes))
        hits += found.interval.low <= share <= found.interval.high
    assert 0.93 <= hits / 1200 <= 0.97


def test_plain_errors_of_items_that_share_passages_do_not_cover() -> None:
    """What the clusters are for: taken for independent, the same answers are covered far too seldom."""
    random = np.random.default_rng(3)
    levels = np.repeat(random.beta(1, 1, (500, 60)), 8, axis=1)
    rights = (random.random(levels.shape) < levels).sum(axis=1)
    assert share_covered((wilson(int(right), 480) for right in rights), 0.5) < 0.8


@pytest.mark.parametrize("passages", [30, 150])
def test_the_mean_of_f1_in_passages_covers(passages: int) -> None:
    random = np.random.default_rng(passages)
    hits = 0
    for _ in range(1200):
        sizes = random.integers(1, 6, passages)
        levels = np.repeat(random.beta(2, 2, passages), sizes)
        found = mean(random.beta(4 * levels, 4 * (1 - levels)), _names(sizes))
        hits += found.interval.low <= 0.5 <= found.interval.high
    assert 0.93 <= hits / 1200 <= 0.97


@pytest.mark.parametrize(("problems", "samples", "k"), [(164, 20, 10), (60, 10, 1), (300, 5, 3)])
def test_the_bootstrap_of_pass_at_k_covers(problems: int, samples: int, k: int) -> None:
    """Problems of every difficulty: the chance of a pass is drawn from a beta distribution with a third near 0."""
    random = np.random.default_rng(problems)
    difficulty = random.beta(0.6, 0.9, 400_000)
    truth = float(np.mean(1 - (1 - difficulty) ** k))
    right = random.binomial(samples, random.choice(difficulty, (1200, problems)))
    ends = (bootstrap_mean(values, resamples=600) for values in pass_at_k(samples, right, k))
    assert 0.93 <= share_covered(ends, truth) <= 0.97


@pytest.mark.parametrize("sizes", [(100, 100, 100, 100), (20, 25, 200, 18, 40, 90, 33, 19), (5,) * 40, (1, 2, 3) * 15])
def test_the_macro_average_covers(sizes: tuple[int, ...]) -> None:
    random = np.random.default_rng(len(sizes))
    shares = np.linspace(0.2, 0.9, len(sizes))
    levels, subjects = np.repeat(shares, sizes), np.repeat(np.arange(len(sizes)).astype(str), sizes).tolist()
    alone = [""] * levels.size
    rights = (random.random((1000, levels.size)) < levels).astype(float)
    ends = [macro_mean(values, alone, subjects).interval for values in rights]
    assert 0.93 <= share_covered(ends, float(shares.mean())) <= 0.97


@pytest.mark.parametrize(
    ("items", "differ", "gain"),
    [(48, 0.2, 0.0), (48, 0.35, 0.12), (164, 0.1, 0.03), (164, 0.3, 0.0), (500, 0.05, 0.02)],
)
def test_the_paired_difference_covers(items: int, differ: float, gain: float) -> None:
    """Exactly, by summing over how many items only A and only B has right: no simulation error."""
    assert 0.93 <= paired_coverage(items, differ, gain) <= 0.97


@pytest.mark.parametrize(("items", "differ", "gain"), [(48, 0.02, 0.01), (48, 0.05, 0.0), (164, 0.02, 0.007)])
def test_the_paired_difference_promises_too_little_where_few_items_differ(
    items: int, differ: float, gain: float
) -> None:
    """With one to three items that differ no interval can keep 95 % exactly: this one errs on the wide side."""
    assert paired_coverage(items, differ, gain) >= 0.97


def paired_coverage(items: int, differ: float, gain: float) -> float:
    """The probability that the interval holds ``gain`` when a share ``differ`` of the items is discordant."""
    discordant = np.arange(items + 1)
    only_a, only_b = (column.ravel() for column in np.meshgrid(discordant, discordant))
    counts = np.stack([only_a, only_b, items - only_a - only_b], axis=1)[only_a + only_b <= items]
    masses = scipy.stats.multinomial.pmf(counts, items, [(differ - gain) / 2, (differ + gain) / 2, 1 - differ])
    covered, alone = 0.0, [""] * items
    for mass, row in zip(masses[masses > 1e-6], counts[masses > 1e-6], strict=True):
        a, b = np.repeat([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], row, axis=1)
        found = paired(a, b, alone).difference
        covered += mass * (found.low <= gain <= found.high)
    return covered


def test_the_paired_difference_in_passages_and_boards_covers() -> None:
    random = np.random.default_rng(17)
    sizes = np.tile([1, 2, 3, 4, 5, 6], 20)
    subjects = np.repeat(["law", "logic", "anatomy", "physics"], [20, 60, 100, 240]).tolist()
    lift = np.repeat([0.3, 0.1, 0.0, 0.0], [20, 60, 100, 240])
    inside: list[bool] = []
    boards: list[bool] = []
    for _ in range(1000):
        levels = np.repeat(random.beta(2, 2, sizes.size), sizes)
        a, b = ((random.random(levels.size) < chance).astype(float) for chance in (levels, 0.9 * levels))
        found = paired(a, b, _names(sizes)).difference
        inside.append(found.low <= -0.05 <= found.high)
        a, b = (random.random(lift.size) < 0.4).astype(float), (random.random(lift.size) < 0.4 + lift).astype(float)
        found = paired_macro(a, b, [""] * lift.size, subjects).difference
        boards.append(found.low <= 0.1 <= found.high)
    assert 0.93 <= np.mean(inside) <= 0.97
    assert 0.93 <= np.mean(boards) <= 0.97


@pytest.mark.parametrize("clusters", [12, 60])
def test_p_values_of_the_paired_test_are_uniform_without_a_difference(clusters: int) -> None:
    """Bits of texts whose differences are spread unevenly, as those of short and long texts are."""
    random = np.random.default_rng(clusters)
    sizes = random.lognormal(6.5, 0.3, (REPEATS, clusters))
    differences = sizes * random.normal(0, 0.2, (REPEATS, clusters))
    found = np.array(
        [
            paired(np.zeros(clusters), row, [""] * clusters, weights=size).p
            for row, size in zip(differences, sizes, strict=True)
        ]
    )
    assert scipy.stats.kstest(found, "uniform").pvalue > 0.01
    assert np.mean(found <= 0.05) == pytest.approx(0.05, abs=0.015)


@pytest.mark.parametrize("items", [12, 30, 48, 164])
@pytest.mark.parametrize("differ", [0.05, 0.2, 0.5, 0.8])
def test_two_that_are_equally_good_seldom_seem_to_differ(items: int, differ: float) -> None:
    """Exactly, by summing over how many items only A and only B has right."""
    false_alarms = 0.0
    for total in range(items + 1):
        of_total = scipy.stats.binom.pmf(total, items, differ)
        if of_total < 1e-6:
            continue
        for only_a in range(total + 1):
            a, b = np.repeat([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], [only_a, total - only_a, items - total], axis=1)
            if paired(a, b, [""] * items).p < 0.05:
                false_alarms += of_total * scipy.stats.binom.pmf(only_a, total, 0.5)
    assert false_alarms <= 0.051


@st.composite
def compared(draw: st.DrawFn) -> Paired:
    """Two checkpoints on items of some kind: right or wrong, shares or bits; alone, in passages, or a board."""
    count, seed = draw(st.integers(2, 60)), draw(st.integers(0, 2**32 - 1))
    random = np.random.default_rng(seed)
    lift = draw(st.sampled_from([0.0, 0.02, 0.1, 0.3]))
    kind = draw(st.sampled_from(["right or wrong", "shares", "samples", "bits"]))
    clusters = ["", *(f"passage {place // 3}" if draw(st.booleans()) else "" for place in range(count - 1))]
    subjects = [f"subject {place % 3}" for place in range(count)]
    if kind == "bits":
        sizes = random.lognormal(6, 0.7, count)
        a, b = (sizes * random.normal(2 - gain / 4, 0.1, count) for gain in (0.0, lift))
        return paired(a, b, clusters, weights=sizes, strata=subjects if draw(st.booleans()) else None)
    if kind == "right or wrong":
        a, b = ((random.random(count) < 0.4 + gain).astype(float) for gain in (0.0, lift))
    elif kind == "samples":
        a, b = (random.binomial(5, min(1.0, 0.4 + gain), count) / 5 for gain in (0.0, lift))
    else:
        a, b = (random.beta(2 + 4 * gain, 2, count) for gain in (0.0, lift))
    if draw(st.booleans()) and count > 3:
        return paired_macro(a, b, clusters, subjects)
    return paired(a, b, clusters)


@settings(deadline=None, derandomize=True, max_examples=1000)
@given(compared())
def test_a_difference_is_real_where_its_interval_leaves_0_out_and_nowhere_else(found: Paired) -> None:
    low, high = found.difference.low, found.difference.high
    assert low <= found.difference.value <= high
    assert (found.p < 0.05) == (low > 0 or high < 0)


def test_the_detectable_difference_is_shown_in_four_of_five_cases() -> None:
    random = np.random.default_rng(4)
    base = random.normal(0, 0.2, (800, 80))
    shown = []
    for row in base:
        detectable = paired(np.zeros(80), row, [""] * 80, weights=np.ones(80)).detectable
        moved = row + detectable
        shown.append(paired(np.zeros(80), moved, [""] * 80, weights=np.ones(80)).p <= 0.05)
    assert np.mean(shown) == pytest.approx(0.8, abs=0.04)


def _names(sizes: np.ndarray) -> list[str]:
    """Names of clusters of these sizes."""
    return np.repeat(np.arange(sizes.size).astype(str), sizes).tolist()


@given(st.integers(1, 400), st.data())
def test_wilson_is_symmetric_and_grows_with_successes(n: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(0, n))
    found, mirrored = wilson(successes, n), wilson(n - successes, n)
    assert found.low == pytest.approx(1 - mirrored.high)
    if successes:
        assert wilson(successes - 1, n).low <= found.low
    assert wilson(successes, n, 0.99).low <= found.low


@given(st.integers(1, 200), st.floats(0.01, 0.99), st.data())
def test_above_chance_falls_with_every_success(n: int, chance: float, data: st.DataObject) -> None:
    successes = data.draw(st.integers(1, n))
    assert 0 <= above_chance(successes, n, chance) <= above_chance(successes - 1, n, chance) <= 1
