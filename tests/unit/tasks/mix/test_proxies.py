"""What is said of proxies: their size, and whether the learning rate changes the order of mixtures."""

import pytest

from gristmill.core.errors import GristmillError
from gristmill.tasks.mix.mixers.learning_rate import RateCheck, compare_rates
from gristmill.tasks.mix.mixers.proxy_size import size_warning


def test_small_proxies_carry_a_warning() -> None:
    told = size_warning(250_000)
    assert told is not None
    assert told.startswith("proxies of 250k parameters: below 15M")
    assert "1.5M parameters" in str(size_warning(1_500_000))
    assert size_warning(15_000_000) is None


def test_orders_at_two_learning_rates() -> None:
    assert compare_rates([3.1, 3.2, 3.3, 3.4], [4.1, 4.2, 4.3, 4.4]) == RateCheck(pytest.approx(1.0), 0, 6, True)
    flipped = compare_rates([3.1, 3.2, 3.3, 3.4], [4.2, 4.1, 4.3, 4.4])
    assert (flipped.flips, flipped.same_best, flipped.agrees) == (1, False, False)
    assert compare_rates([3.1, 3.2, 3.3, 3.4], [4.1, 4.3, 4.2, 4.4]).agrees
    assert compare_rates([3.0, 3.0, 3.0], [1.0, 2.0, 3.0]).spearman == 0.0
    with pytest.raises(GristmillError, match="2 mixtures at one learning rate and 3"):
        compare_rates([1.0, 2.0], [1.0, 2.0, 3.0])
