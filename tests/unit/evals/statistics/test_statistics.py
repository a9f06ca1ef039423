"""Intervals against their closed forms and against scipy."""

import numpy as np
import pytest
import scipy.stats

from gristmill.evals.statistics import above_chance, ratio, wilson

Z = 1.959963984540054


@pytest.mark.parametrize(("successes", "n"), [(0, 10), (1, 10), (5, 10), (10, 10), (37, 164), (1, 1), (0, 1)])
def test_wilson_ends_solve_the_equation_that_defines_them(successes: int, n: int) -> None:
    value, low, high = wilson(successes, n)
    assert value == successes / n
    assert 0 <= low <= value <= high <= 1
    for end in (low, high):
        # |share - end| = z * sqrt(end * (1 - end) / n), or the end is the edge of the unit interval
        at_edge = (end == 0 and successes == 0) or (end == 1 and successes == n)
        assert at_edge or abs(value - end) == pytest.approx(Z * np.sqrt(end * (1 - end) / n), abs=1e-12)


def test_wilson_agrees_with_scipy() -> None:
    for successes in range(51):
        expected = scipy.stats.binomtest(successes, 50).proportion_ci(0.95, method="wilson")
        assert wilson(successes, 50)[1:] == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_wilson_of_nothing_is_refused() -> None:
    for successes, n in ((0, 0), (-1, 5), (6, 5)):
        with pytest.raises(ValueError, match="not a proportion"):
            wilson(successes, n)


def test_ratio_with_equal_denominators_is_the_interval_of_a_mean() -> None:
    values = [1.0, 4.0, 2.5, 3.5, 0.5]
    found = ratio(values, [1.0] * 5)
    low, high = scipy.stats.t.interval(0.95, 4, loc=np.mean(values), scale=scipy.stats.sem(values))
    assert found == pytest.approx((np.mean(values), low, high))


def test_ratio_weighs_by_the_denominator() -> None:
    found = ratio([10.0, 400.0], [10.0, 100.0])
    assert found.value == 410 / 110
    assert found.low < found.value < found.high


def test_ratio_agrees_with_a_bootstrap_over_units() -> None:
    random = np.random.default_rng(5)
    sizes = random.lognormal(6, 0.7, 400)
    bits = sizes * random.normal(2.0, 0.3, 400)
    found = ratio(bits.tolist(), sizes.tolist())
    picks = random.integers(0, 400, (4000, 400))
    low, high = np.quantile(bits[picks].sum(1) / sizes[picks].sum(1), [0.025, 0.975])
    assert found.low == pytest.approx(low, abs=0.1 * (high - low))
    assert found.high == pytest.approx(high, abs=0.1 * (high - low))


def test_strata_take_their_differences_out_of_the_error() -> None:
    bits, sizes, strata = [1.0, 1.1, 0.9, 5.0, 5.1, 4.9], [1.0] * 6, ["a"] * 3 + ["b"] * 3
    apart, together = ratio(bits, sizes, strata), ratio(bits, sizes)
    assert apart.value == together.value
    # Two strata of three with standard deviation 0.1: sd(sum) = sqrt(2 * 3) / 10, and 4 degrees of freedom.
    assert apart.high - apart.value == pytest.approx(scipy.stats.t.ppf(0.975, 4) * np.sqrt(6) / 10 / 6)
    assert together.high - together.value > 10 * (apart.high - apart.value)


def test_a_lone_unit_is_pooled_and_widens_the_interval() -> None:
    bits, sizes = [1.0, 1.1, 0.9, 5.0], [1.0] * 4
    lone = ratio(bits, sizes, ["a", "a", "a", "b"])
    assert lone == ratio(bits, sizes)
    two_lone = ratio([*bits, 9.0], [*sizes, 1.0], ["a", "a", "a", "b", "c"])
    assert two_lone == ratio([*bits, 9.0], [*sizes, 1.0], ["a", "a", "a", "b", "b"])


def test_a_ratio_of_one_unit_has_no_error_bar() -> None:
    for bits, sizes in (([1.0], [1.0]), ([], []), ([1.0, 2.0], [0.0, 0.0])):
        with pytest.raises(ValueError, match="at least two units"):
            ratio(bits, sizes)
    with pytest.raises(ValueError, match="unequal lengths"):
        ratio([1.0, 2.0], [1.0])


@pytest.mark.parametrize(("successes", "n", "chance"), [(0, 48, 0.25), (12, 48, 0.25), (20, 48, 0.25), (48, 48, 0.25)])
def test_above_chance_is_the_binomial_tail(successes: int, n: int, chance: float) -> None:
    assert above_chance(successes, n, chance) == pytest.approx(scipy.stats.binom.sf(successes - 1, n, chance), rel=1e-9)


def test_above_chance_of_no_probability_is_refused() -> None:
    for successes, n, chance in ((1, 0, 0.5), (3, 2, 0.5), (1, 2, 1.5)):
        with pytest.raises(ValueError, match="not a binomial outcome"):
            above_chance(successes, n, chance)
