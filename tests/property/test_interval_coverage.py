"""Intervals hold what they promise: a 95 % interval contains the truth about 95 times in 100."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from evals.statistics import above_chance, ratio, wilson

REPEATS = 2000


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
