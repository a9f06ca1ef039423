"""Rows of a plan: to which domain a row of the run goes, and which of the domain's rows it reads.

The arithmetic of ``gristmill.tasks.mix.permutation`` and ``gristmill.tasks.mix.apportion``, which say what it does and
which it equals to the bit, a row at a time: the keys of a block's rounds and of a domain's epoch are made once, and a
level of the tree takes one division. Unsigned integers throughout. Cost: about 0.1 microseconds a row of a plan of 20
domains.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gristmill.tasks.kernels.common.compiled import helper, kernel

Integers = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]

ROUNDS = 6
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_30, _27, _31, _64 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(64)
_ZERO, _ONE, _TWO = np.uint64(0), np.uint64(1), np.uint64(2)


class Tree(NamedTuple):
    """A tree that shares rows out. Node n: children ``left[n]`` and ``right[n]``, ``-1 - domain`` for a leaf, and the
    left one's weight of the node's ``weight``. Without nodes, all rows are the root's, a leaf.
    """

    left: Integers
    right: Integers
    light: Words
    weight: Words
    root: int


@kernel
def shuffled_rows(
    start: int, size: int, block: int, key: np.uint64, tree: Tree, domain: Integers, ordinal: Integers
) -> None:
    """Domain, and rows of that domain before it in the stage, of each row from ``start`` of a stage of ``size`` rows.

    ``key``: of the stage, to which the number of a block is added. Fills ``domain`` and ``ordinal``.
    """
    keys = np.empty(ROUNDS, np.uint64)
    current, base, rows = -1, 0, 0
    half = _ONE
    for place in range(len(domain)):
        row = start + place
        if row // block != current:
            current = row // block
            base = current * block
            rows = min(block, size - base)
            half = _half_bits(rows)
            _round_keys(_mixed(key ^ np.uint64(current)), keys)
        inside = np.uint64(base) + _permuted(np.uint64(row - base), np.uint64(rows), half, keys)
        node = tree.root
        while node >= 0:
            light, weight = tree.light[node], tree.weight[node]
            numerator = inside * light + weight // _TWO
            before = numerator // weight
            if numerator - before * weight + light >= weight:  # one more row would be one more of the left child's
                node, inside = tree.left[node], before
            else:
                node, inside = tree.right[node], inside - before
        domain[place] = -1 - node
        ordinal[place] = inside


@kernel
def epochs_and_positions(
    domain: Integers, ordinal: Integers, sizes: Integers, name_keys: Words, epoch: Integers, position: Integers
) -> None:
    """Epoch and position in the domain of each row, from its ordinal in the whole run.

    ``sizes``: rows of each domain. ``name_keys``: keys of the domains, to which the number of an epoch is added. Fills
    ``epoch`` and ``position``.
    """
    keys = np.empty((len(sizes), ROUNDS), np.uint64)
    current = np.full(len(sizes), -1, np.int64)
    halves = np.empty(len(sizes), np.uint64)
    for place in range(len(domain)):
        number = domain[place]
        size = np.uint64(sizes[number])
        passed = np.uint64(ordinal[place]) // size
        if np.int64(passed) != current[number]:
            current[number] = np.int64(passed)
            halves[number] = _half_bits(sizes[number])
            _round_keys(_mixed(name_keys[number] ^ passed), keys[number])
        inside = np.uint64(ordinal[place]) - passed * size
        epoch[place] = passed
        position[place] = _permuted(inside, size, halves[number], keys[number])


@helper
def _permuted(value: np.uint64, size: np.uint64, half: np.uint64, keys: Words) -> np.uint64:
    """Where a value of ``range(size)`` goes: a Feistel network, again until it lies in the range."""
    mask = (_ONE << half) - _ONE
    shift = _64 - half
    while True:
        left, right = value >> half, value & mask
        for place in range(ROUNDS):
            left, right = right, left ^ _mixed(right ^ keys[place]) >> shift
        value = left << half | right
        if value < size:
            return value


@helper
def _round_keys(key: np.uint64, keys: Words) -> None:
    for place in range(ROUNDS):
        key = _mixed(key)
        keys[place] = key


@helper
def _mixed(value: np.uint64) -> np.uint64:
    """The finaliser of SplitMix64."""
    value += _GOLDEN
    value = (value ^ value >> _30) * _FIRST
    value = (value ^ value >> _27) * _SECOND
    return value ^ value >> _31


@helper
def _half_bits(size: int) -> np.uint64:
    """Half the (even) number of bits that hold ``size - 1``: at least one."""
    half = _ONE
    while np.uint64(size - 1) >> (_TWO * half) != _ZERO:
        half += _ONE
    return half
