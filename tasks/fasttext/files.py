"""A supervised fastText model file (``.bin`` or ``.ftz``) as NumPy arrays.

Source: ``fasttext.cc``, ``args.cc``, ``dictionary.cc``, ``densematrix.cc``, ``quantmatrix.cc``, ``productquantizer.cc``
of facebookresearch/fastText (MIT), file format 11 and 12. The format is plain numbers and words, not pickle: nothing
in it is run, and every size and index is checked before it is used. A quantised matrix is decoded to floats (rows of
lid.176.ftz: 3.7 MB), exactly as fastText decodes it for each look-up.
Cost: reads the file once; 0.05 s for lid.176.ftz.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gristmill.tasks.fasttext.dictionary import Bytes, Ints, Longs, copy_words, hash_table, scan_dictionary

Floats = npt.NDArray[np.float32]

MAGIC, NEWEST = 793712314, 12
SUPERVISED = 3
HIERARCHICAL, SOFTMAX, ONE_VS_ALL = 1, 3, 4
CENTROIDS = 256
MAX_BUCKETS = 1 << 26


@dataclass(frozen=True)
class FastTextModel:
    """What prediction needs of a model.

    ``words``: UTF-8 of the vocabulary (words, then labels), word ``i`` at ``word_ends[i] : word_ends[i + 1]``.
    ``table``: open addressing by FNV hash, -1 where free; its length is a power of two.
    ``pruned``: for each bucket its row less ``n_words``, -1 where pruned away; empty when no bucket was pruned.
    ``kept``: one bit for each bucket, set where it was not pruned away, small enough to stay in the cache.
    ``rows``: float32 (words + buckets, dim). ``output``: float32 (labels or inner nodes, dim).
    ``left``, ``right``: children in the tree of hierarchical softmax, -1 for a leaf; empty for another loss.
    """

    n_words: int
    labels: tuple[str, ...]
    loss: int
    buckets: int
    min_n: int
    max_n: int
    word_n: int
    has_buckets: bool
    words: Bytes
    word_ends: Longs
    table: Ints
    pruned: Ints
    kept: Bytes
    rows: Floats
    output: Floats
    left: Ints
    right: Ints


def read_model(path: Path) -> FastTextModel:
    """Read a supervised model. Raises ``ValueError`` saying what is wrong with the file, ``OSError`` as ``open``."""
    if path.stat().st_size == 0:
        raise ValueError("it is empty")
    reader = _Reader(np.memmap(path, np.uint8, "r"))
    magic, version = reader.numbers("<i4", 2)
    if magic != MAGIC:
        raise ValueError("it does not begin as a fastText model does")
    if version not in (11, NEWEST):
        raise ValueError(f"its format {version} is not one of 11 and {NEWEST}")
    dim, _, _, _, _, word_n, loss, kind, buckets, min_n, max_n, _ = reader.numbers("<i4", 12)
    reader.numbers("<f8", 1)
    if kind != SUPERVISED:
        raise ValueError("it holds word vectors, not a classifier (train one with `fasttext supervised`)")
    if loss not in (HIERARCHICAL, SOFTMAX, ONE_VS_ALL):
        raise ValueError(f"its loss ({loss}) is none of hierarchical softmax, softmax and one-vs-all")
    if not (0 < dim <= 1 << 16 and 0 <= buckets <= MAX_BUCKETS and 0 <= word_n <= 64 and max_n <= 64):
        raise ValueError("its settings make no sense")
    max_n = 0 if version == 11 else max_n  # old supervised models do not use character n-grams
    if buckets == 0 and (max_n > 0 or word_n > 1):
        raise ValueError("it uses n-grams and has no buckets for them")
    size, n_words, n_labels = reader.numbers("<i4", 3)
    _, prunes = reader.numbers("<i8", 2)
    if min(n_words, n_labels) < 0 or n_words + n_labels != size or n_labels < 1 or prunes < -1:
        raise ValueError("its dictionary makes no sense")
    words, word_ends, counts = reader.dictionary(size, n_words)
    pruned = reader.pruned(prunes, buckets)
    (quantised,) = reader.numbers("u1", 1)
    rows = reader.quantised() if quantised else reader.dense()
    (quantised_output,) = reader.numbers("u1", 1)
    output = reader.quantised() if quantised and quantised_output else reader.dense()
    needed = int(pruned.max(initial=-1)) + 1 if prunes >= 0 else (buckets if max_n > 0 or word_n > 1 else 0)
    if rows.shape[0] < n_words + needed or rows.shape[1] != dim or output.shape != (n_labels, dim):
        raise ValueError(f"its matrices have the wrong shape: {rows.shape} and {output.shape}")
    if not (np.isfinite(output).all() and np.isfinite(rows).all()):
        raise ValueError("it holds numbers that are not finite")
    left, right = _tree(counts) if loss == HIERARCHICAL else (np.empty(0, np.int32), np.empty(0, np.int32))
    labels = tuple(
        words[word_ends[i] : word_ends[i + 1]].tobytes().decode("utf-8", "replace") for i in range(n_words, size)
    )
    return FastTextModel(
        n_words=n_words,
        labels=labels,
        loss=loss,
        buckets=max(buckets, 1),
        min_n=max(min_n, 0),
        max_n=max(max_n, 0),
        word_n=word_n,
        has_buckets=prunes != 0 and buckets > 0,
        words=words,
        word_ends=word_ends,
        table=hash_table(words, word_ends),
        pruned=pruned,
        kept=np.packbits(pruned >= 0, bitorder="little"),
        rows=rows,
        output=output,
        left=left,
        right=right,
    )


class _Reader:
    """A cursor over the bytes of a file."""

    def __init__(self, data: Bytes) -> None:
        self.data = data
        self.place = 0

    def numbers(self, kind: str, count: int) -> list[int]:
        return [int(value) if value == value else 0 for value in self.array(kind, count).tolist()]

    def array(self, kind: str, count: int) -> npt.NDArray[np.generic]:
        size = np.dtype(kind).itemsize * count
        if count < 0 or self.place + size > len(self.data):
            raise ValueError("it ends too early")
        found = self.data[self.place : self.place + size].view(kind)
        self.place += size
        return found

    def dictionary(self, size: int, n_words: int) -> tuple[Bytes, Longs, Longs]:
        """Words end to end, where each begins and ends, and how often each label was seen."""
        starts, ends, self.place = scan_dictionary(self.data, self.place, size, n_words)
        if self.place < 0:
            raise ValueError("its dictionary is broken")
        lengths = np.zeros(size + 1, np.int64)
        np.cumsum(ends - starts, out=lengths[1:])
        counts = np.array([self.data[end + 1 : end + 9].view("<i8")[0] for end in ends[n_words:]], np.int64)
        return copy_words(self.data, starts, ends, lengths), lengths, counts

    def pruned(self, prunes: int, buckets: int) -> Ints:
        if prunes < 0:
            return np.empty(0, np.int32)
        if prunes > buckets:
            raise ValueError("it keeps more n-grams than it has buckets")
        pairs = self.array("<i4", 2 * prunes).astype(np.int32).reshape(-1, 2)
        if prunes and (pairs.min() < 0 or pairs[:, 0].max() >= max(buckets, 1) or pairs[:, 1].max() >= prunes):
            raise ValueError("its list of kept n-grams points outside the model")
        places = np.full(max(buckets, 1), -1, np.int32)
        places[pairs[:, 0]] = pairs[:, 1]
        return places

    def dense(self) -> Floats:
        rows, columns = self._shape()
        return self.array("<f4", rows * columns).astype(np.float32).reshape(rows, columns)

    def quantised(self) -> Floats:
        """Decode product quantisation: each row is a centroid for each group of columns, times the row's norm."""
        (with_norms,) = self.numbers("u1", 1)
        rows, columns = self._shape()
        (size,) = self.numbers("<i4", 1)
        codes = self.array("u1", size)
        groups, centroids = self._quantiser(columns)
        if size != rows * groups:
            raise ValueError("its codes do not fit its matrix")
        decoded = np.empty((rows, columns), np.float32)
        first, codes = 0, codes.reshape(rows, groups)
        for group, table in enumerate(centroids):
            decoded[:, first : first + table.shape[1]] = table[codes[:, group]]
            first += table.shape[1]
        if with_norms:
            norm_codes = self.array("u1", rows)
            _, [norms] = self._quantiser(1)
            decoded *= norms[norm_codes]
        return decoded

    def _shape(self) -> tuple[int, int]:
        rows, columns = self.numbers("<i8", 2)
        if rows < 0 or not 0 < columns <= 1 << 16:
            raise ValueError("its matrices make no sense")
        return rows, columns

    def _quantiser(self, columns: int) -> tuple[int, list[Floats]]:
        """The number of groups of columns, and for each its 256 centroids."""
        dim, groups, width, last = self.numbers("<i4", 4)
        if dim != columns or groups < 1 or width < 1 or not 0 < last <= width or (groups - 1) * width + last != dim:
            raise ValueError("its quantiser makes no sense")
        flat = self.array("<f4", dim * CENTROIDS).astype(np.float32)
        full = (groups - 1) * CENTROIDS * width
        tables = list(flat[:full].reshape(groups - 1, CENTROIDS, width))
        return groups, [*tables, flat[full:].reshape(CENTROIDS, last)]


def _tree(counts: Longs) -> tuple[Ints, Ints]:
    """The Huffman tree over labels sorted by falling count: children of each node, the root last."""
    leaves = len(counts)
    nodes = 2 * leaves - 1
    weight = np.full(nodes, 10**15, np.int64)
    weight[:leaves] = counts
    left, right = np.full(nodes, -1, np.int32), np.full(nodes, -1, np.int32)
    leaf, node = leaves - 1, leaves
    for parent in range(leaves, nodes):
        pair = []
        for _ in range(2):
            if leaf >= 0 and weight[leaf] < weight[node]:
                pair.append(leaf)
                leaf -= 1
            else:
                pair.append(node)
                node += 1
        if max(pair) >= parent:
            raise ValueError("the counts of its labels make no tree")
        left[parent], right[parent] = pair
        weight[parent] = weight[pair[0]] + weight[pair[1]]
    return left, right
