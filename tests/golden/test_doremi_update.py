"""DoReMi's weight update against values worked out by hand from algorithm 1 of arXiv 2305.10429."""

import numpy as np
import pytest

from gristmill.tasks.mix.mixers.doremi import excess, update


def test_the_update_of_the_paper() -> None:
    # alpha * exp(lam) = (.5 * 2, .25 * 1, .25 * 4) = (1, .25, 1), sum 2.25; then .999 of it and .001 / 3
    alpha = np.array([0.5, 0.25, 0.25])
    lam = np.log([2.0, 1.0, 4.0])
    expected = 0.999 * np.array([4, 1, 4]) / 9 + 0.001 / 3
    assert update(alpha, lam) == pytest.approx(expected, abs=1e-15)
    assert update(alpha, lam) == pytest.approx([0.4443333333333333, 0.1113333333333333, 0.4443333333333333], abs=1e-15)


def test_step_size_and_smoothing() -> None:
    # exp(.5 ln 4) = 2: (.5 * 2, .5 * 1) / 1.5 = (2/3, 1/3); .9 of it and .1 / 2
    found = update(np.array([0.5, 0.5]), np.array([np.log(4.0), 0.0]), eta=0.5, smoothing=0.1)
    assert found == pytest.approx([0.65, 0.35], abs=1e-15)


def test_large_losses_do_not_overflow() -> None:
    found = update(np.array([0.5, 0.5]), np.array([5000.0, 0.0]))
    assert found == pytest.approx([0.9995, 0.0005], abs=1e-15)


def test_excess_is_clipped_for_each_token_or_each_domain() -> None:
    loss = np.array([3.0, 1.0, 2.0, 2.0, 5.0], dtype=np.float32)
    reference = np.array([1.0, 2.0, 2.5, 2.5, 1.0], dtype=np.float32)
    domain = np.array([0, 0, 1, 1, 2])
    # differences: (2, -1), (-.5, -.5), (4)
    assert excess(loss, reference, domain, 3, "token").tolist() == [1.0, 0.0, 4.0]
    assert excess(loss, reference, domain, 3, "domain").tolist() == [0.5, 0.0, 4.0]
