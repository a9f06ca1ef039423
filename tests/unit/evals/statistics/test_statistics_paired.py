"""Comparison of two checkpoints against closed forms: the paired difference, its test, Holm."""

import numpy as np
import pytest
import scipy.stats

from gristmill.evals.statistics.paired import holm, paired, paired_macro


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
    assert found.p == pytest.approx(scipy.stats.ttest_1samp(b - a, 0).pvalue)
    assert (found.items, found.clusters) == (60, 60)
    error = scipy.stats.sem(b - a)
    assert found.detectable == pytest.approx((scipy.stats.t.ppf(0.975, 59) + scipy.stats.t.ppf(0.8, 59)) * error)


def test_the_paired_difference_of_right_and_wrong_has_agresti_and_mins_pair() -> None:
    both, only_a, only_b, neither = 40, 5, 12, 43
    a = np.repeat([1.0, 1.0, 0.0, 0.0], [both, only_a, only_b, neither])
    b = np.repeat([1.0, 0.0, 1.0, 0.0], [both, only_a, only_b, neither])
    found = paired(a, b, [""] * 100)
    assert (found.more_a, found.more_b) == (only_a, only_b)
    centre = (only_b - only_a) / 102
    spread = np.sqrt((only_a + only_b + 1) - (only_b - only_a) ** 2 / 102) / 102  # Agresti and Min 2005, section 3
    half = scipy.stats.t.ppf(0.975, 99) * spread
    assert found.difference == pytest.approx((0.07, centre - half, centre + half), abs=0.001)
    assert found.p == pytest.approx(2 * scipy.stats.t.sf(centre / spread, 99), abs=0.002)


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
    assert (found.difference.value, found.p) == (0, 1)
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
    assert together.clusters == 50


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
    assert found.p < 0.05
    assert 0 < found.difference.low < 0.5 < found.difference.high < 0.8


@pytest.mark.parametrize("lift", [0.1, -0.1])
def test_equal_differences_of_a_few_items_show_nothing(lift: float) -> None:
    """Two problems, ten samples each, one more of them right: no spread, and no evidence either."""
    found = paired([0.3, 0.4], [0.3 + lift, 0.4 + lift], ["", ""])
    assert found.difference.value == pytest.approx(lift)
    assert found.p > 0.05
    assert found.difference.low < 0 < found.difference.high


def test_two_that_give_the_same_bits_do_not_differ() -> None:
    found = paired([200.0, 300.0, 100.0], [200.0, 300.0, 100.0], ["", "", ""], weights=[100.0, 150.0, 60.0])
    assert (found.p, *found.difference) == (1, 0, 0, 0)


def test_values_beyond_1_are_no_shares() -> None:
    """Such as perplexities from elsewhere: neither the pseudo-pair nor the bounds of shares are theirs."""
    a, b = np.array([20.0, 31.0, 25.0, 40.0]), np.array([15.0, 27.0, 19.0, 33.0])
    found = paired(a, b, [""] * 4)
    low, high = scipy.stats.ttest_1samp(b - a, 0).confidence_interval(0.95)
    assert found.difference == pytest.approx((-5.5, low, high))


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(ValueError, match="unequal lengths"):
        paired([1.0], [1.0, 0.0], ["", ""])
    with pytest.raises(ValueError, match="unequal lengths"):
        paired_macro([1.0, 0.0], [1.0, 0.0], ["", ""], ["x"])
    with pytest.raises(ValueError, match="at least two units"):
        paired([1.0, 0.0], [0.0, 0.0], ["p", "p"])
