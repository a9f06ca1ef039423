"""Means of items that share passages, macro averages, pass@k and chance, against closed forms."""

from itertools import combinations

import numpy as np
import pytest
import scipy.stats

from gristmill.evals.statistics.interval import Estimate
from gristmill.evals.statistics.means import macro_estimate, macro_mean, mean
from gristmill.evals.statistics.passk import bootstrap_mean, pass_at_k
from gristmill.evals.statistics.proportions import above_chance, above_chances, effective_wilson, wilson
from gristmill.evals.statistics.ratio import ratio_estimate


def clustered_error(values: np.ndarray, clusters: list[str]) -> float:
    """As Miller 2024, appendix A, writes it, with inspect_ai's finite-cluster correction: a double sum over pairs."""
    off = values - values.mean()
    names = np.array(clusters)
    total = float((np.outer(off, off) * (names[:, None] == names)).sum())
    count = len(set(clusters))
    return float(np.sqrt(total * count / (count - 1)) / len(values))


def test_the_clustered_error_is_the_double_sum_over_pairs() -> None:
    random = np.random.default_rng(1)
    values = random.random(37)
    clusters = [f"passage {place}" for place in random.integers(0, 9, 37)]
    found = ratio_estimate(values, np.ones(37), clusters=clusters)
    assert (found.value, found.error) == pytest.approx((values.mean(), clustered_error(values, clusters)))
    assert found.freedom == len(set(clusters)) - 1
    low, high = scipy.stats.t.interval(0.95, found.freedom, loc=values.mean(), scale=found.error)
    assert mean(values, clusters).interval[1:] == pytest.approx((low, high))
    assert mean(values, clusters).method == "clustered standard error, Student t"


def test_items_that_stand_alone_have_the_plain_error() -> None:
    values = np.array([0.1, 0.9, 0.4, 0.4, 0.75])
    found = ratio_estimate(values, np.ones(5), clusters=["", "", "", "a", "b"])
    assert found.error == pytest.approx(scipy.stats.sem(values))
    assert mean([1.0, 0.0, 1.0], ["", "", "x"]).interval == wilson(2, 3)


def test_one_stratum_of_copies_counts_once() -> None:
    """Four copies of every answer in a cluster say no more than one."""
    once = [1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0]
    four = np.repeat(once, 4)
    clusters = [f"p{place // 4}" for place in range(40)]
    found = mean(four, clusters)
    share, error = 0.6, scipy.stats.sem(once)
    assert found.interval == pytest.approx(effective_wilson(Estimate(share, float(error), 9), 10))
    assert found.interval.high - found.interval.low > 1.8 * (wilson(24, 40).high - wilson(24, 40).low)


def test_wilsons_form_on_the_effective_size() -> None:
    size, t = 25.0, scipy.stats.t.ppf(0.975, 11)
    found = effective_wilson(Estimate(0.2, float(np.sqrt(0.2 * 0.8 / size)), 11), 12)
    for end in found[1:]:  # the equation that defines Wilson's ends, with Student's quantile
        assert abs(0.2 - end) == pytest.approx(t * np.sqrt(end * (1 - end) / size))


def test_all_right_in_few_passages_is_no_certainty() -> None:
    clusters = [f"p{place // 5}" for place in range(50)]
    perfect, none = mean([1.0] * 50, clusters), mean([0.0] * 50, clusters)
    assert perfect.interval.high == 1
    assert perfect.interval.low < wilson(10, 10).low < wilson(50, 50).low
    assert none.interval.low == 0
    assert none.interval.high == pytest.approx(1 - perfect.interval.low)
    alone = mean([1.0, 0.0, 1.0], ["p", "p", "p"])
    assert alone.interval[1:] == (0, 1)
    assert "too few for an error bar" in alone.method


def test_a_macro_average_weighs_subjects_alike() -> None:
    values = [1.0] * 9 + [0.0] + [1.0] * 30 + [0.0] * 70
    subjects = ["small"] * 10 + ["large"] * 100
    found = macro_mean(values, [""] * 110, subjects)
    assert found.interval.value == pytest.approx((0.9 + 0.3) / 2)
    variances = [0.9 * 0.1 / 9, 0.3 * 0.7 / 99]
    freedom = sum(variances) ** 2 / (variances[0] ** 2 / 9 + variances[1] ** 2 / 99)  # Satterthwaite
    expected = effective_wilson(Estimate(0.6, float(np.sqrt(sum(variances)) / 2), freedom), 1)
    assert found.interval == pytest.approx(expected)


def test_a_macro_average_of_f1() -> None:
    random = np.random.default_rng(8)
    values = random.random(40)
    found = macro_mean(values, [""] * 40, ["a"] * 15 + ["b"] * 25)
    means, errors = zip(*[(part.mean(), scipy.stats.sem(part)) for part in (values[:15], values[15:])], strict=True)
    freedom = sum(np.square(errors)) ** 2 / (errors[0] ** 4 / 14 + errors[1] ** 4 / 24)
    half = scipy.stats.t.ppf(0.975, freedom) * np.sqrt(sum(np.square(errors))) / 2
    assert found.interval == pytest.approx((np.mean(means), np.mean(means) - half, np.mean(means) + half))


def test_a_subject_of_one_item_widens_and_a_perfect_board_is_no_certainty() -> None:
    values, subjects = [1.0, 1.0, 1.0, 0.0, 1.0, 1.0], ["a"] * 5 + ["b"]
    lone = macro_mean(values, [""] * 6, subjects)
    assert lone.interval.low < macro_mean([*values, 1.0], [""] * 7, [*subjects, "b"]).interval.low
    # subjects of one item each are what they are: so many independent draws
    once = macro_estimate(np.array([1.0, 0.0, 1.0, 1.0, 0.0]), [""] * 5, list("abcde"), bound=0.25)
    assert (once.value, once.error, once.freedom) == pytest.approx((0.6, scipy.stats.sem([1, 0, 1, 1, 0]), 4))
    perfect = macro_mean([1.0] * 40, [""] * 40, ["a"] * 20 + ["b"] * 20)
    assert perfect.interval.high == 1
    assert 0.85 < perfect.interval.low < 0.95


def test_pass_at_k_is_the_share_of_draws_with_a_pass() -> None:
    for n, right in ((5, 0), (5, 1), (5, 3), (6, 2), (6, 6)):
        for k in range(1, n + 1):
            draws = list(combinations([True] * right + [False] * (n - right), k))
            assert pass_at_k(n, right, k) == pytest.approx(sum(any(draw) for draw in draws) / len(draws))
    assert pass_at_k([200, 200, 100], [0, 3, 100], 100) == pytest.approx(
        [0, 1 - (100 * 99 * 98) / (200 * 199 * 198), 1]
    )


def test_pass_at_k_of_too_few_samples_is_refused() -> None:
    for n, right, k in (([10, 9], [1, 1], 10), ([3], [4], 1), ([3], [1], 0)):
        with pytest.raises(ValueError, match="pass@"):
            pass_at_k(n, right, k)


def test_the_bootstrap_is_that_of_scipy_but_wider_by_its_expansion() -> None:
    random = np.random.default_rng(2)
    values = pass_at_k(10, random.integers(0, 11, 60), 3)
    found = bootstrap_mean(values)
    peer = scipy.stats.bootstrap((values,), np.mean, method="percentile", n_resamples=9999, rng=random)
    low, high = peer.confidence_interval
    assert found.value == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.006)
    # scipy's percentiles have a standard error of sd / sqrt(n); Student's t of the unbiased one is wider by this factor
    factor = scipy.stats.t.ppf(0.975, 59) * np.sqrt(60 / 59) / 1.96
    assert (found.high - found.low) / (high - low) == pytest.approx(factor, abs=0.015)
    assert bootstrap_mean(values) == found
    with pytest.raises(ValueError, match="two values"):
        bootstrap_mean([0.5])


def test_chance_of_items_that_differ_is_summed_over_all_outcomes() -> None:
    chances = [0.5, 0.25, 0.25, 1 / 3, 0.5]
    for successes in range(6):
        exact = sum(
            np.prod([p if hit else 1 - p for p, hit in zip(chances, hits, strict=True)])
            for hits in np.ndindex(*[2] * 5)
            if sum(hits) >= successes
        )
        assert above_chances(successes, chances) == pytest.approx(exact)
    assert above_chances(20, [0.25] * 48) == above_chance(20, 48, 0.25)
    # C3's mixture in small: the tail keeps its digits
    mixed = above_chances(150, [0.5] * 10 + [1 / 3] * 30 + [0.25] * 120)
    assert 0 < mixed < 1e-60
    for successes, values in ((1, []), (3, [0.5, 0.4]), (1, [0.5, 1.4])):
        with pytest.raises(ValueError, match="outcome"):
            above_chances(successes, values)


def test_means_of_nothing_are_refused() -> None:
    for values, clusters in (([], []), ([1.0], ["a", "b"])):
        with pytest.raises(ValueError, match="no mean"):
            mean(values, clusters)
        with pytest.raises(ValueError, match="no mean"):
            macro_mean(values, clusters, clusters)
