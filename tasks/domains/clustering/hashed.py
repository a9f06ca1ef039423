"""Texts as hashed TF-IDF vectors over words and pairs of neighbouring words, for clusters without any model.

The hashing trick (Weinberger et al. 2009): a word's hash gives its column, so no vocabulary is held and memory does not
depend on the text. Counts enter as 1 + log(count), times log((1 + n) / (1 + df)) + 1 over the texts that were sampled;
a column of fewer than ``LEAST`` of them, or of more than half, counts nothing. Rows have length 1. Cost: about 4,000
texts of 8,000 characters a second and core, most of it for words.
"""

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import Field
from scipy import sparse

from gristmill.core.config import Config
from gristmill.tasks.domains.clustering.words import word_hashes
from gristmill.tasks.kernels.ngrams.ngram_hashes import hash_windows

LEAST, MOST_SHARE = 2, 0.5

Idf = npt.NDArray[np.float32]


class HashedConfig(Config):
    """How texts become vectors."""

    bits: int = Field(15, ge=8, le=20, description="there are two to this power columns")
    characters: int = Field(8_000, ge=100, description="code points of a text that count; the rest is not read")
    pairs: bool = Field(True, description="count pairs of neighbouring words too")


def counts_of(texts: pl.Series, config: HashedConfig) -> sparse.csr_array:
    """How often each column occurs in each text: shape (texts, 2**bits), float32."""
    size = 1 << config.bits
    blocks, order = [sparse.csr_array((0, size), dtype=np.float32)], [np.empty(0, np.int64)]
    for words in word_hashes(texts.str.slice(0, config.characters)):
        block = _counted(words.hashes, words.counts, config.bits)
        if config.pairs:
            made = np.where(words.counts > 0, np.maximum(words.counts - 1, 1), 0)
            pairs = hash_windows(words.hashes, words.counts, 2)
            pairs = pairs[np.repeat(words.counts > 1, made)]  # a text of one word has a window, and no pair
            block = block + _counted(pairs, np.maximum(words.counts - 1, 0), config.bits)
        blocks.append(block)
        order.append(words.rows)
    stacked = sparse.csr_array(sparse.vstack(blocks, format="csr"))
    back = np.argsort(np.concatenate(order), kind="stable")
    return stacked[back]


def idf_of(counts: sparse.csr_array) -> Idf:
    """The weight of each column, by the texts that have it."""
    total = counts.shape[0]
    frequency = np.bincount(counts.indices, minlength=counts.shape[1])
    weights = np.log((1 + total) / (1 + frequency)) + 1
    weights[(frequency < min(LEAST, total)) | (frequency > max(MOST_SHARE * total, 1))] = 0
    found: Idf = weights.astype(np.float32)
    return found


def weighted(counts: sparse.csr_array, idf: Idf) -> sparse.csr_array:
    """Counts as TF-IDF rows of length 1; a text without a column that counts has a row of zeros."""
    rows = counts.copy()
    rows.data = ((1 + np.log(rows.data)) * idf[rows.indices]).astype(np.float32)
    lengths = np.sqrt(np.add.reduceat(np.append(rows.data.astype(np.float64) ** 2, 0.0), rows.indptr[:-1]))
    lengths[np.diff(rows.indptr) == 0] = 0
    scale = np.divide(1.0, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    rows.data *= np.repeat(scale, np.diff(rows.indptr)).astype(np.float32)
    return rows


def _counted(hashes: npt.NDArray[np.uint64], counts: npt.NDArray[np.int64], bits: int) -> sparse.csr_array:
    columns = (hashes >> np.uint64(64 - bits)).astype(np.int32)
    bounds = np.concatenate([[0], np.cumsum(counts)])
    rows = sparse.csr_array((np.ones(len(columns), np.float32), columns, bounds), shape=(len(counts), 1 << bits))
    rows.sum_duplicates()
    return rows
