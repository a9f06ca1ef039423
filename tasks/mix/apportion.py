"""Sharing rows out among domains: exact at every length, in closed form, with nothing stored but the weights.

A binary tree of domains gives the left half floor(w_left * n / w + 1/2) of the first n rows of a node and the rest to
the right half, and so on down. The counts sum to n, never decrease with n, and each new row has one owner. With a
Huffman tree they stay within 2 rows of w_i * n for every n: a node is at most 2/3 of its parent unless it is a leaf,
so the rounding of 1/2 at each level adds up to less than 3/2 above a leaf. In practice it is about 1, and there is no
drift. (Flooring each domain's own cumulated share, as mixture datasets often do, does not sum to n.)
Cost: O(depth) for a row, O(k) for the counts. Integers only.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gristmill.tasks.mix.domains import Vector
from gristmill.tasks.mix.permutation import Integers

UNIT = 1 << 31  # weights are whole numbers of 1/UNIT, so that counts are exact in 64 bits up to UNIT rows
DEVIATION_ROWS = 2  # bound of |rows of a domain - its share|, for any number of rows


@dataclass(frozen=True)
class ShareTree:
    """The Huffman tree that shares rows out: each inner node as (left child, right child, left weight, weight).

    A child below zero is a leaf, the domain ``-1 - child``; else it is an inner node. The root is the last node; a
    tree of one domain has no nodes.
    """

    domains: int
    nodes: tuple[tuple[int, int, int, int], ...]
    root: int

    @classmethod
    def of(cls, weights: Sequence[int]) -> "ShareTree":
        heap = [(weight, place, -1 - place) for place, weight in enumerate(weights) if weight]
        heapq.heapify(heap)
        nodes: list[tuple[int, int, int, int]] = []
        while len(heap) > 1:
            light, place, left = heapq.heappop(heap)
            heavy, _, right = heapq.heappop(heap)
            nodes.append((left, right, light, light + heavy))
            heapq.heappush(heap, (light + heavy, len(weights) + place, len(nodes) - 1))
        return cls(len(weights), tuple(nodes), heap[0][2])

    def counts(self, rows: int) -> Integers:
        """Rows of each domain among the first ``rows``: shape (domains,)."""
        counts = np.zeros(self.domains, dtype=np.int64)
        todo = [(self.root, rows)]
        while todo:
            child, size = todo.pop()
            if child < 0:
                counts[-1 - child] = size
                continue
            left, right, light, weight = self.nodes[child]
            taken = (size * light + weight // 2) // weight
            todo += [(left, taken), (right, size - taken)]
        return counts

    def assign(self, rows: Integers) -> tuple[Integers, Integers]:
        """For each row its domain, and how many earlier rows that domain has."""
        domain, ordinal = np.empty_like(rows), np.empty_like(rows)
        todo = [(self.root, np.arange(len(rows)), rows)]
        while todo:
            child, places, inside = todo.pop()
            if child < 0:
                domain[places], ordinal[places] = -1 - child, inside
                continue
            left, right, light, weight = self.nodes[child]
            before = (inside * light + weight // 2) // weight
            goes = ((inside + 1) * light + weight // 2) // weight > before
            todo += [(left, places[goes], before[goes]), (right, places[~goes], (inside - before)[~goes])]
        return domain, ordinal

    def rows(self, domain: int, ordinals: Integers) -> Integers:
        """The inverse of :meth:`assign`: the row that is the domain's, with ``ordinals`` of its rows before it.

        Raises ``ValueError`` for a domain of weight 0, which has no rows.
        """
        parents = {child: node for node in self.nodes for child in node[:2]}
        numbers = {node: number for number, node in enumerate(self.nodes)}
        child, rows = -1 - domain, ordinals
        if child != self.root and child not in parents:
            raise ValueError(f"the domain {domain} has no rows")
        while child != self.root:
            node = parents[child]
            left, _, light, weight = node
            if child == left:  # the last n with floor(n * light / weight + 1/2) <= ordinal
                rows = -(-((rows + 1) * weight - weight // 2) // light) - 1
            else:
                rows = (rows * weight + weight // 2) // (weight - light)
            child = numbers[node]
        return rows


def quantise(weights: Vector) -> tuple[int, ...]:
    """Weights as whole numbers of 1/2**31 that sum to 2**31, by largest remainder."""
    exact = weights * UNIT
    whole = np.floor(exact).astype(np.int64)
    most = np.argsort(-(exact - whole), kind="stable")[: UNIT - int(whole.sum())]
    whole[most] += 1
    return tuple(whole.tolist())
