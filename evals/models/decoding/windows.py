"""Where a model reads from when a sequence is longer than its context, and how sequences share a batch. No torch here.

A window reads tokens ``begin .. end - 2`` and predicts ``first .. end - 1``; every predicted token falls in one window.
Short sequences need one window that starts as early as possible. Longer ones slide by ``stride`` tokens, so that a
token sees at least ``context - stride`` predecessors (stride 1 would be exact and cost ``stride`` times more; disjoint
windows, as in lm-eval's ``get_rolling_token_windows``, overstate the bits at every window's start).
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple


class Window(NamedTuple):
    """Tokens ``first .. end - 1`` are predicted from ``begin .. end - 2``."""

    begin: int
    first: int
    end: int


def windows(first: int, total: int, context: int, stride: int) -> list[Window]:
    """The windows that predict tokens ``first .. total - 1`` of a sequence, reading at most ``context`` at a time.

    Raises ``ValueError`` unless ``1 <= first`` and ``1 <= stride <= context``.
    """
    if first < 1 or not 1 <= stride <= context:
        raise ValueError(f"no windows from token {first} with context {context} and stride {stride}")
    if total - first <= context:
        return [Window(max(0, total - context - 1), first, total)] if total > first else []
    found = []
    end = max(context + 1, first + stride)
    while first < total:
        end = min(end, total)
        found.append(Window(max(0, end - context - 1), first, end))
        first, end = end, end + stride
    return found


def batches(lengths: Sequence[int], tokens: int) -> Iterator[list[int]]:
    """Positions grouped so that rows times the longest row is at most ``tokens``; a longer row goes alone.

    Rows of similar length share a batch, longest first, so the first batch shows whether the memory suffices. The
    grouping depends only on the lengths, so equal requests are computed in equal batches and give equal bits.
    """
    order = sorted(range(len(lengths)), key=lambda position: (-lengths[position], position))
    batch: list[int] = []
    for position in order:
        if batch and (len(batch) + 1) * lengths[batch[0]] > tokens:
            yield batch
            batch = []
        batch.append(position)
    if batch:
        yield batch
