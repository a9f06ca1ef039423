"""Every token is predicted once, within the context, and with a share of it in view."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.evals.models.decoding.windows import batches, windows


@given(st.integers(1, 60), st.integers(0, 300), st.integers(1, 50), st.data())
def test_windows_predict_every_token_once(first: int, more: int, context: int, data: st.DataObject) -> None:
    total, stride = first + more, data.draw(st.integers(1, context))
    found = windows(first, total, context, stride)
    assert [token for window in found for token in range(window.first, window.end)] == list(range(first, total))
    for window in found:
        assert 0 <= window.begin < window.first
        assert window.end - 1 - window.begin <= context
        assert window.begin == 0 or window.end - 1 - window.begin == context  # no room is left unused
        if window.first > first:
            assert window.first - window.begin > context - stride


def test_a_short_text_is_one_window() -> None:
    assert windows(1, 6, 8, 4) == [(0, 1, 6)]
    assert windows(1, 9, 8, 4) == [(0, 1, 9)]
    assert windows(1, 12, 8, 4) == [(0, 1, 9), (3, 9, 12)]
    assert windows(10, 12, 8, 4) == [(3, 10, 12)]
    assert windows(3, 3, 8, 4) == []


def test_impossible_windows_are_refused() -> None:
    for first, context, stride in ((0, 8, 4), (1, 8, 0), (1, 8, 9)):
        with pytest.raises(ValueError, match="no windows"):
            windows(first, 20, context, stride)


@given(st.lists(st.integers(1, 100), max_size=50), st.integers(1, 300))
def test_batches_hold_every_row_once_and_keep_the_bound(lengths: list[int], tokens: int) -> None:
    found = list(batches(lengths, tokens))
    assert sorted(position for batch in found for position in batch) == list(range(len(lengths)))
    for batch in found:
        assert len(batch) == 1 or len(batch) * max(lengths[position] for position in batch) <= tokens
