"""Best-fit packing: the same rows as one by one, nothing lost that is not reported."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.tasks.mix.exports.packing import best_fit, pack

LENGTHS = st.lists(st.integers(1, 20), max_size=60)


def one_by_one(lengths: list[int], capacity: int) -> list[int]:
    """Best-fit decreasing as a textbook has it: the fullest row with room, the oldest of equals."""
    rooms: list[int] = []
    rows = [0] * len(lengths)
    for place in sorted(range(len(lengths)), key=lambda place: -lengths[place]):
        fits = [(room, row) for row, room in enumerate(rooms) if room >= lengths[place]]
        if not fits:
            rooms.append(capacity)
            fits = [(capacity, len(rooms) - 1)]
        rows[place] = min(fits)[1]
        rooms[rows[place]] -= lengths[place]
    return rows


@settings(deadline=None, max_examples=200)
@given(LENGTHS)
def test_documents_of_one_length_together_give_the_rows_of_one_by_one(lengths: list[int]) -> None:
    assert best_fit(np.array(lengths, dtype=np.int64), 20).tolist() == one_by_one(lengths, 20)


@settings(deadline=None, max_examples=100)
@given(LENGTHS, st.sampled_from(["split", "crop", "drop"]))
def test_every_token_is_in_one_row_or_in_the_account(lengths: list[int], overflow: str) -> None:
    packed = pack(np.array(lengths, dtype=np.int64), 8, overflow)  # type: ignore[arg-type] # sampled
    covered = [
        token
        for start, length in zip(packed.starts.tolist(), packed.lengths.tolist(), strict=True)
        for token in range(start, start + length)
    ]
    assert len(set(covered)) == len(covered)
    assert len(covered) + packed.cropped + packed.dropped == sum(lengths)
    filled = [int(packed.lengths[a:b].sum()) for a, b in zip(packed.offsets, packed.offsets[1:], strict=False)]
    assert all(0 < size <= 8 for size in filled)
    assert packed.padded == 8 * len(packed) - len(covered)


def test_each_overflow_rule_does_what_its_name_says() -> None:
    lengths = np.array([3, 20, 8], dtype=np.int64)
    split, crop, drop = (pack(lengths, 8, rule) for rule in ("split", "crop", "drop"))  # type: ignore[arg-type] # all
    assert (split.split, split.cropped, split.dropped) == (1, 0, 0)
    assert sorted(zip(split.starts.tolist(), split.lengths.tolist(), strict=True)) == [
        (0, 3),
        (3, 8),
        (11, 8),
        (19, 4),
        (23, 8),
    ]
    assert (crop.split, crop.cropped, crop.dropped, crop.padded) == (0, 12, 0, 5)
    assert (drop.split, drop.cropped, drop.dropped, len(drop)) == (0, 0, 20, 2)


@pytest.mark.parametrize("count", [0, 1])
def test_few_documents(count: int) -> None:
    packed = pack(np.full(count, 5, dtype=np.int64), 8, "split")
    assert (len(packed), packed.padded) == (count, 3 * count)
