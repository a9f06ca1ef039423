"""Spherical k-means in mini-batches, over sparse or dense rows of length 1.

Source: Dhillon and Modha 2001 (centres of length 1, cosine similarity), k-means++ (Arthur and Vassilvitskii 2007) with
several candidates a centre as scikit-learn has it, mini-batches after Sculley 2010. Instead of Sculley's rate of one
over the rows seen, each batch of b of n rows first scales what a centre has gathered by 1 - b/n, so that a centre is
the mean of about the last n rows: rows that have left it are forgotten. With one batch that is Lloyd's algorithm. A
last pass over all rows makes each centre the mean of its rows. A centre without rows starts again at the row that is
farthest from its own.

The order of batches, the starts and the ties follow from the seed. Cost: about ``passes * rows * entries * k``
multiplications; memory: the rows, and two arrays of (k, columns).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

Rows = Any
"""A sparse or dense array of shape (rows, columns), float32: scipy ships no types."""
Centres = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]

START_ROWS, STARTS = 2048, 3
BATCH_ROWS = 4096
SETTLED = 0.002
DIGITS = 6
"""Centres are rounded, so that the order in which a library adds does not show."""


@dataclass(frozen=True)
class Partition:
    """``centres``: (k, columns), of length 1. ``nearest``: the centre of each row; ``similarity``: to it."""

    centres: Centres
    nearest: Numbers
    similarity: Floats
    passes: int


def k_means(rows: Rows, k: int, seed: int, passes: int) -> Partition:
    """Divide ``rows``, of which none is all zeros, among ``k`` centres. ``passes``: the most over all rows.

    Raises ``ValueError`` for fewer rows than centres.
    """
    count = rows.shape[0]
    if count < k:
        raise ValueError(f"{count} rows cannot have {k} centres")
    generator = np.random.default_rng(seed)
    centres = _start(rows, k, generator)
    sums = np.zeros(centres.shape, np.float64)
    nearest = np.full(count, -1, np.int32)
    done = 0
    for done in range(1, passes + 1):  # noqa: B007 - how many were made
        moved = 0
        order = generator.permutation(count)
        for batch in np.array_split(order, -(-count // BATCH_ROWS)):
            batch.sort()
            part = rows[batch]
            found, similarity = assigned(part, centres)
            moved += int((found != nearest[batch]).sum())
            nearest[batch] = found
            sums *= 1 - len(batch) / count
            sums += _gathered(part, found, k)
            centres = _centres(sums, part, similarity, np.bincount(nearest[nearest >= 0], minlength=k), centres)
        if moved <= SETTLED * count:
            break
    found, similarity = _all_assigned(rows, centres)
    sizes = np.bincount(found, minlength=k)
    centres = _centres(_gathered(rows, found, k), rows, similarity, sizes, centres).round(DIGITS)
    found, similarity = _all_assigned(rows, centres)
    return Partition(centres, found, similarity, done)


def assigned(rows: Rows, centres: Centres) -> tuple[Numbers, Floats]:
    """The nearest centre of each row and the cosine similarity to it; -1 and 0 for a row of zeros."""
    similarity = np.asarray(rows @ np.ascontiguousarray(centres.T))
    nearest = similarity.argmax(axis=1).astype(np.int32)
    best = similarity[np.arange(len(nearest)), nearest].astype(np.float64)
    empty = np.asarray(abs(rows).sum(axis=1)).ravel() == 0
    nearest[empty], best[empty] = -1, 0.0
    return nearest, np.clip(best, -1.0, 1.0)


def silhouette(rows: Rows, nearest: Numbers, k: int) -> Floats:
    """For each row how much nearer it is to its own cluster than to the next, -1 to 1, by cosine distances.

    Source: Rousseeuw 1987. A row that is alone in its cluster has 0. Cost: rows squared; memory too.
    """
    products = rows @ rows.T
    distances = 1 - np.asarray(products.todense() if sparse.issparse(products) else products, dtype=np.float64)
    member = np.zeros((len(nearest), k))
    member[np.arange(len(nearest)), nearest] = 1
    sizes = member.sum(axis=0)
    sums = distances @ member
    own = nearest.astype(np.int64)
    places = np.arange(len(own))
    inside = sums[places, own] / np.maximum(sizes[own] - 1, 1)
    means = np.divide(sums, sizes, out=np.full_like(sums, np.inf), where=sizes > 0)
    means[places, own] = np.inf
    outside = means.min(axis=1)
    known = np.isfinite(outside) & (sizes[own] > 1)
    scores = (outside - inside) / np.maximum(np.maximum(inside, outside), 1e-12)
    return np.where(known, scores, 0.0)


def _all_assigned(rows: Rows, centres: Centres) -> tuple[Numbers, Floats]:
    """As :func:`assigned`, a batch at a time."""
    pieces = [assigned(rows[first : first + BATCH_ROWS], centres) for first in range(0, rows.shape[0], BATCH_ROWS)]
    return np.concatenate([numbers for numbers, _ in pieces]), np.concatenate([scores for _, scores in pieces])


def _start(rows: Rows, k: int, generator: np.random.Generator) -> Centres:
    """The best of several starts by k-means++ on a sample of the rows."""
    size = min(rows.shape[0], max(START_ROWS, 4 * k))
    sample = rows[np.sort(generator.choice(rows.shape[0], size, replace=False))]
    starts = [_plus_plus(sample, k, generator) for _ in range(STARTS)]
    chosen, _ = max(starts, key=lambda start: start[1])
    centres = sample[chosen]
    return np.asarray(centres.todense() if sparse.issparse(centres) else centres, dtype=np.float32)


def _plus_plus(rows: Rows, k: int, generator: np.random.Generator) -> tuple[list[int], float]:
    """Rows to begin with, each far from those before, and the sum of similarities to the nearest of them."""
    count, candidates = rows.shape[0], 2 + int(np.log(k))
    chosen = [int(generator.integers(count))]
    nearest = _similar(rows, chosen).ravel()
    for _ in range(1, k):
        far = np.maximum(1 - nearest, 0)
        total = far.sum()
        draws = generator.random(candidates) * total
        picked = np.minimum(np.searchsorted(np.cumsum(far), draws), count - 1) if total > 0 else np.arange(1)
        merged = np.maximum(_similar(rows, picked.tolist()), nearest[:, None])
        best = int(merged.sum(axis=0).argmax())
        chosen.append(int(picked[best]))
        nearest = merged[:, best]
    return chosen, float(nearest.sum())


def _similar(rows: Rows, chosen: list[int]) -> Floats:
    """The similarity of every row to each of the chosen ones: (rows, chosen)."""
    products = rows @ rows[chosen].T
    return np.asarray(products.todense() if sparse.issparse(products) else products, dtype=np.float64)


def _gathered(rows: Rows, nearest: Numbers, k: int) -> Floats:
    """The sum of the rows of each centre: (k, columns)."""
    kept = np.flatnonzero(nearest >= 0)
    member = sparse.csr_array((np.ones(len(kept), np.float32), (nearest[kept], kept)), shape=(k, len(nearest)))
    sums = member @ rows
    return np.asarray(sums.todense() if sparse.issparse(sums) else sums, dtype=np.float64)


def _centres(sums: Floats, rows: Rows, similarity: Floats, sizes: npt.NDArray[np.int64], before: Centres) -> Centres:
    """Sums as centres of length 1; those without rows move to the rows that are farthest from theirs."""
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    centres = np.where(lengths > 0, sums / np.maximum(lengths, 1e-12), before).astype(np.float32)
    empty = np.flatnonzero(sizes == 0)
    for centre, row in zip(empty, np.argsort(similarity, kind="stable")[: len(empty)], strict=False):
        found = rows[[row]]
        centres[centre] = np.asarray(found.todense() if sparse.issparse(found) else found)[0]
        sums[centre] = centres[centre]
    return centres
