"""Comparison of two checkpoints against closed forms: McNemar, sign flips, Holm, the paired difference."""

import itertools

import numpy as np
import pytest
import scipy.stats

from evals.statistics.paired import holm, mcnemar, paired, paired_macro, sign_flip


@pytest.mark.parametrize(("more_a", "more_b"), [(0, 1), (1, 5), (3, 3), (10, 25), (0, 12), (200, 260)])
def test_mcnemar_is_the_binomial_test_of_a_fair_coin(more_a: int, more_b: int) -> None:
    expected = scipy.stats.binomtest(more_a, more_a + more_b, 0.5).pvalue
    assert mcnemar(more_a, more_b) == mcnemar(more_b, more_a) == pytest.approx(expected, rel=1e-9)


def test_nothing_discordant_shows_nothing() -> None:
    assert mcnemar(0, 0) == sign_flip([0.0, 0.0]) == sign_flip([]) == 1.0


def test_sign_flips_of_few_clusters_are_enumerated() -> None:
    differences = [0.5, -0.2, 0.9, 0.4, 0.0, 0.7]
    sums = [abs(np.dot(signs, differences)) for signs in itertools.product((1, -1), repeat=len(differences))]
    assert sign_flip(differences) == np.mean(np.array(sums) >= sum(differences) - 1e-12)
    agreed = scipy.stats.permutation_test(
        (np.array(differences),), np.sum, permutation_type="samples", n_resamples=np.inf
    )
    assert sign_flip(differences) == agreed.pvalue


@pytest.mark.parametrize(("more_a", "more_b"), [(20, 31), (5, 30), (24, 25)])
def test_sign_flips_of_many_equal_differences_approach_mcnemar(more_a: int, more_b: int) -> None:
    exact = mcnemar(more_a, more_b)
    found = sign_flip([-1.0] * more_a + [1.0] * more_b + [0.0] * 100)
    assert found == pytest.approx(exact, abs=4 * np.sqrt(exact / 10_000) + 1e-4)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([0.2]) == [0.2]
    assert holm([]) == []


def test_the_paired_difference_of_fractions_is_the_one_sample_t() -> None:
    random = np.random.default_rng(3)
    a, b = random.random(60), random.random(60)
    found = paired(a, b, [""] * 60)
    low, high = scipy.stats.ttest_1samp(b - a, 0).confidence_interval(0.95)
    assert found.difference == pytest.approx((np.mean(b - a), low, high))
    assert (found.value_a, found.value_b) == pytest.approx((a.mean(), b.mean()))
    assert (found.mcnemar, found.items, found.clusters) == (None, 60, 60)
    error = scipy.stats.sem(b - a)
    assert found.detectable == pytest.approx((scipy.stats.t.ppf(0.975, 59) + scipy.stats.t.ppf(0.8, 59)) * error)


def test_the_paired_difference_of_right_and_wrong_has_agresti_and_mins_pair() -> None:
    both, only_a, only_b, neither = 40, 5, 12, 43
    a = np.repeat([1.0, 1.0, 0.0, 0.0], [both, only_a, only_b, neither])
    b = np.repeat([1.0, 0.0, 1.0, 0.0], [both, only_a, only_b, neither])
    found = paired(a, b, [""] * 100)
    assert (found.more_a, found.more_b) == (only_a, only_b)
    assert found.p == found.mcnemar == pytest.approx(scipy.stats.binomtest(5, 17, 0.5).pvalue)
    centre = (only_b - only_a) / 102
    spread = np.sqrt((only_a + only_b + 1) - (only_b - only_a) ** 2 / 102) / 102  # Agresti and Min 2005, section 3
    half = scipy.stats.t.ppf(0.975, 99) * spread
    assert found.difference == pytest.approx((0.07, centre - half, centre + half), abs=0.001)


@pytest.mark.parametrize(("items", "points"), [(164, 8.5), (500, 4.9), (1319, 3.0)])
def test_what_humaneval_mbpp_and_gsm8k_can_show(items: int, points: float) -> None:
    """At 50 % accuracy and a correlation of 0.7 of the two, which is 15 % of discordant items; the usual 2.8 errors."""
    each = round(0.075 * items)
    a = np.repeat([1.0, 0.0, 1.0, 0.0], [each, each, items // 2 - each, items - items // 2 - each])
    b = np.repeat([0.0, 1.0, 1.0, 0.0], [each, each, items // 2 - each, items - items // 2 - each])
    assert 100 * paired(a, b, [""] * items).detectable == pytest.approx(points, abs=0.2)


def test_a_set_on_which_the_two_agree_still_has_an_error_bar() -> None:
    same = [1.0, 0.0] * 30
    found = paired(same, same, [""] * 60)
    assert (found.difference.value, found.p, found.mcnemar) == (0, 1, 1)
    assert found.difference.low == -found.difference.high < -0.01
    assert found.detectable > 0.02


def test_answers_that_hang_together_widen_the_difference() -> None:
    random = np.random.default_rng(11)
    shift = np.repeat(random.choice([-1, 0, 1], 50), 4)
    a = np.where(shift < 0, 1.0, 0.0)
    b = np.where(shift > 0, 1.0, 0.0)
    passages = [f"passage {place // 4}" for place in range(200)]
    together, apart = paired(a, b, passages), paired(a, b, [""] * 200)
    assert together.difference.value == apart.difference.value
    widths = [found.difference.high - found.difference.low for found in (together, apart)]
    assert widths[0] == pytest.approx(2 * widths[1], rel=0.1)  # four alike count as one
    assert together.p > apart.p
    assert (together.clusters, together.mcnemar) == (50, None)


def test_the_difference_of_ratios_weighs_texts_by_their_bytes() -> None:
    bytes_ = np.array([100.0, 400.0, 250.0, 50.0])
    a, b = 2.0 * bytes_, 1.9 * bytes_ + [1, -1, 2, -2]
    found = paired(a, b, ["", "", "", ""], weights=bytes_)
    assert found.value_a == 2.0
    assert found.difference.value == pytest.approx(-0.1)
    assert found.difference.low < -0.1 < found.difference.high


def test_the_macro_difference_weighs_subjects_alike() -> None:
    a = np.zeros(110)
    b = np.concatenate((np.ones(10), np.zeros(100)))
    subjects = ["small"] * 10 + ["large"] * 100
    found = paired_macro(a, b, [""] * 110, subjects)
    assert (found.value_b, found.difference.value) == (0.5, 0.5)
    assert paired(a, b, [""] * 110).difference.value == pytest.approx(10 / 110)
    assert found.p == pytest.approx(2 / 2**10)
    assert found.difference.high < 0.6


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(ValueError, match="unequal lengths"):
        paired([1.0], [1.0, 0.0], ["", ""])
    with pytest.raises(ValueError, match="unequal lengths"):
        paired_macro([1.0, 0.0], [1.0, 0.0], ["", ""], ["x"])
    with pytest.raises(ValueError, match="at least two units"):
        paired([1.0, 0.0], [0.0, 0.0], ["p", "p"])
