"""Spans of a text that stand verbatim in the training tokens, by binary search in suffix arrays.

For every position of the text, the longest run of tokens that occurs from there (matching statistics; Chang and Lawler
1994) is found by one binary search over all positions at once. It compares from the shorter of the two lengths that the
bounds share with the text (Manber and Myers 1993, section 2), so a long match is read once and not at every step. Spans
are those runs that no other one contains, as in OLMoTrace (Liu et al. 2025, arXiv 2504.07096). Cost: two random reads
for each position and step, 25 steps for a block of 2**25 tokens: a text of 1,000 tokens takes about 25 ms a block whose
pages are in memory. Memory follows the text.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np

from gristmill.tasks.lineage.reads import train_parts
from gristmill.tasks.lineage.suffixes import Positions, open_suffixes
from gristmill.tasks.mix.permutation import Integers
from gristmill.tasks.mix.token_store import Part, Tokens, TokenStore

COMPARED_AT_ONCE = 8


@dataclass(frozen=True)
class SortedBlock:
    """A block of a part: its tokens, their positions in order, and where both begin in the part and in the domain."""

    tokens: Tokens
    order: Positions
    part: Part
    begin: int
    domain: str
    base: int


@dataclass(frozen=True)
class Span:
    """Tokens ``start`` to ``stop`` of the text. ``found``: for each block the range of its order that holds them."""

    start: int
    stop: int
    found: tuple[tuple[int, int], ...]

    @property
    def occurrences(self) -> int:
        """How many times the span occurs."""
        return sum(high - low for low, high in self.found)


def open_blocks(store: TokenStore, suffixes: Sequence[tuple[Path, Path]]) -> list[SortedBlock]:
    """The blocks of a store. ``suffixes``: for each folder of tokens the folder of its suffix arrays."""
    orders = {tokens: open_suffixes(folder) for tokens, folder in suffixes}
    return [
        SortedBlock(
            cast("Tokens", np.asarray(part.tokens))[begin : begin + len(order)], order, part, begin, domain, base
        )
        for domain, base, part in train_parts(store)
        for begin, order in orders[part.path.parent][domain]
    ]


def find_spans(blocks: Sequence[SortedBlock], text: Tokens, least: int) -> list[Span]:
    """The spans of ``text`` of at least ``least`` tokens that occur, in order; none lies inside another."""
    positions = np.arange(len(text), dtype=np.int64)
    ends = np.full(len(text), len(text), dtype=np.int64)
    longest = np.zeros(len(text), dtype=np.int64)
    for block in blocks:
        longest = np.maximum(longest, _search(block, text, positions, ends)[1])
    reach = positions + longest
    further = reach > np.concatenate([[-1], np.maximum.accumulate(reach)[:-1]])
    starts = np.flatnonzero(further & (longest >= least))
    stops = reach[starts]
    ranges = [
        zip(
            _search(block, text, starts, stops)[0].tolist(),
            _search(block, text, starts, stops, above=True)[0].tolist(),
            strict=True,
        )
        for block in blocks
    ]
    found = zip(*ranges, strict=True) if blocks else iter([()] * len(starts))
    return [Span(*entry) for entry in zip(starts.tolist(), stops.tolist(), found, strict=True)]


def occurrences(span: Span, blocks: Sequence[SortedBlock], most: int) -> Iterator[tuple[SortedBlock, Integers]]:
    """The first ``most`` positions of a span, block by block, counted from the start of the block's part."""
    for block, (low, high) in zip(blocks, span.found, strict=True):
        taken = min(high - low, most)
        if taken > 0:
            yield block, block.begin + np.sort(block.order[low : low + taken]).astype(np.int64)
            most -= taken


def _search(
    block: SortedBlock, text: Tokens, starts: Integers, stops: Integers, above: bool = False
) -> tuple[Integers, Integers]:
    """For each pattern ``text[start:stop]`` the number of suffixes below it, and the longest part of it that occurs.

    ``above``: suffixes that begin with the pattern count as below it too; the length is then of no use.
    """
    low = np.zeros(len(starts), dtype=np.int64)
    high = np.full(len(starts), len(block.order), dtype=np.int64)
    shared_low, shared_high = np.zeros_like(low), np.zeros_like(low)
    todo = np.arange(len(starts))
    while todo.size:
        middle = (low[todo] + high[todo]) // 2
        place = block.order[middle].astype(np.int64)
        begin, stop = starts[todo], stops[todo]
        shared = np.minimum(shared_low[todo], shared_high[todo])
        shared = _extend(block.tokens, place, text, begin, stop, shared)
        whole, over = begin + shared == stop, place + shared == len(block.tokens)
        differ = ~whole & ~over
        below = np.where(whole, above, True)
        below[differ] = block.tokens[(place + shared)[differ]] < text[(begin + shared)[differ]]
        low[todo] = np.where(below, middle + 1, low[todo])
        high[todo] = np.where(below, high[todo], middle)
        shared_low[todo] = np.where(below, shared, shared_low[todo])
        shared_high[todo] = np.where(below, shared_high[todo], shared)
        todo = todo[low[todo] < high[todo]]
    return low, np.maximum(shared_low, shared_high)


def _extend(
    tokens: Tokens, positions: Integers, text: Tokens, begins: Integers, stops: Integers, known: Integers
) -> Integers:
    """How many tokens from each place and from each beginning are alike; ``known`` of them are."""
    shared = known.copy()
    todo = np.arange(len(positions))
    step = np.arange(COMPARED_AT_ONCE)
    while todo.size:
        left, right = positions[todo] + shared[todo], begins[todo] + shared[todo]
        room = np.minimum(len(tokens) - left, stops[todo] - right)
        ours = tokens[np.minimum(left[:, None] + step, len(tokens) - 1)]
        theirs = text[np.minimum(right[:, None] + step, len(text) - 1)]
        alike = (ours == theirs) & (step < room[:, None])
        run = np.where(alike.all(axis=1), COMPARED_AT_ONCE, np.argmin(alike, axis=1))
        shared[todo] += run
        todo = todo[run == COMPARED_AT_ONCE]
    return shared
