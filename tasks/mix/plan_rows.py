"""Long runs of a plan by a compiled kernel: the rows of ``Plan.rows``, some five times as fast.

Short runs stay with numpy's: starting a compiler takes longer than they do. Cost: 0.1 microseconds a row.
"""

import numpy as np

from gristmill.tasks.kernels.mixing.plan_rows import Tree, epochs_and_positions, shuffled_rows
from gristmill.tasks.mix.apportion import ShareTree
from gristmill.tasks.mix.permutation import Integers, Words


def share_out(tree: ShareTree, start: int, rows: int, size: int, block: int, key: Words) -> tuple[Integers, Integers]:
    """Domain and ordinal in the stage of ``rows`` rows from ``start`` of a shuffled stage of ``size`` rows.

    ``key``: of the stage, shape (1,).
    """
    domain, ordinal = np.empty((2, rows), dtype=np.int64)
    nodes = np.array(tree.nodes, dtype=np.int64).reshape(-1, 4).T.copy()
    table = Tree(nodes[0], nodes[1], nodes[2].astype(np.uint64), nodes[3].astype(np.uint64), tree.root)
    shuffled_rows(start, size, block, key[0], table, domain, ordinal)
    return domain, ordinal


def positions(domain: Integers, ordinal: Integers, sizes: Integers, keys: Words) -> tuple[Integers, Integers]:
    """Epoch, and row of its domain, of rows with these ordinals in the whole run; ``keys``: one a domain."""
    epoch, position = np.empty((2, len(domain)), dtype=np.int64)
    epochs_and_positions(domain, ordinal, sizes, keys, epoch, position)
    return epoch, position
