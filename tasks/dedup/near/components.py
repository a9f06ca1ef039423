"""Connected components of edges, out of core: union-find (``kernels.common.union_find``) over one array in a file.

Edges may come in any number of pieces and from several machines. Cost: about 20 million edges a second. Memory: 8 bytes
a node, in a mapped file, and one piece of the edges.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from gristmill.tasks.dedup.shingles import Counts
from gristmill.tasks.dedup.spill import mapped
from gristmill.tasks.kernels.common.union_find import flatten, link


def components(edges: Iterable[tuple[Counts, Counts]], nodes: int, path: Path | None = None) -> Counts:
    """For each node from 0 to ``nodes - 1`` the smallest node of its component.

    ``edges``: pieces ``(left, right)`` of int64 arrays. ``path``: the file of the array; in memory without one.
    """
    parent: Counts = np.zeros(nodes, np.int64) if path is None else mapped(path, nodes, np.int64)
    parent[:] = np.arange(nodes)
    for left, right in edges:
        link(parent, np.ascontiguousarray(left, np.int64), np.ascontiguousarray(right, np.int64))
    flatten(parent)
    return parent
