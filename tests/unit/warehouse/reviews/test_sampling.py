"""Samples and error rates: allotment, estimates weighted to the corpus, and intervals that hold."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.warehouse.reviews.sampling import allotted, stratified

COUNTS = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 200), min_size=1)


@given(counts=COUNTS, size=st.integers(0, 300))
def test_allotment_adds_up_and_reaches_every_group(counts: dict[str, int], size: int) -> None:
    given_out = allotted(counts, size)
    assert sum(given_out.values()) == min(size, sum(counts.values()))
    assert all(0 <= number <= counts[name] for name, number in given_out.items())
    filled = [name for name, count in counts.items() if count]
    if size >= len(filled):
        assert all(given_out[name] for name in filled)


def test_allotment_is_in_proportion() -> None:
    assert allotted({"news": 900, "code": 90, "mathematics": 10}, 100) == {"news": 90, "code": 9, "mathematics": 1}


def test_the_rate_is_weighted_to_the_corpus() -> None:
    rate, low, high = stratified([900, 100], [(50, 5), (50, 25)])
    assert rate == pytest.approx(0.9 * 0.1 + 0.1 * 0.5)
    assert low < rate < high
    assert stratified([100], [(20, 0)]) == (0, 0, pytest.approx(0.1684, abs=1e-4))  # Clopper and Pearson's 0 of 20
    assert stratified([100, 50], [(20, 20), (0, 0)])[0] == 1


def test_intervals_hold_the_true_rate_at_least_nineteen_times_in_twenty() -> None:
    generator = random.Random(1)
    groups = [(7000, 0.01), (2500, 0.05), (500, 0.3)]
    truth = sum(size * rate for size, rate in groups) / 10_000
    held = 0
    for _ in range(200):
        read = [
            (number, sum(generator.random() < rate for _ in range(number)))
            for number, (_, rate) in zip((140, 50, 10), groups, strict=True)
        ]
        _, low, high = stratified([size for size, _ in groups], read)
        held += low <= truth <= high
    assert held >= 188
