"""Shingles: the set of overlapping n-grams that stands for a text when texts are compared.

Normalisation ``plain``: lower case, digits kept, invisible characters (soft hyphens, zero-width spaces and joiners)
gone. Unit ``word``: a token is a run of letters, digits and combining marks (Unicode categories L, N and M); everything
else separates. Scripts without spaces have no such runs: each Han, kana and hangul character, and each Thai, Lao, Khmer
or Burmese letter, is a token of its own, with the marks behind it. Unit ``char``: a token is a code point of the text
with runs of white space made one space. ``gristmill.tasks.dedup.normalization`` says what ``datatrove`` does instead. A
shingle is ``n`` consecutive tokens; a text of fewer tokens has one shingle of all of them, a text without tokens none.

A shingle is kept as a 64-bit hash. Hash ``xxh3`` never builds the shingle's string: each token is hashed (xxh3-64) and
n neighbours are combined as ``fmix64(sum of token_k * MULTIPLIER**k mod 2**64)``, ``fmix64`` being MurmurHash3's
finalizer. Hash ``sha1`` is the first 8 bytes, little-endian, of SHA-1 over the tokens joined by a space (``word``) or
by nothing (``char``): ``datasketch.hashfunc.sha1_hash64``; its low 32 bits are ``sha1_hash32``.

Cost: ``xxh3`` about 200 MB of English a second a core and 130 of Japanese, ``sha1`` a quarter of that. Memory: 6 bytes
a byte of a slice and 24 bytes a token, so callers cut a shard with :func:`slices`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.tasks.dedup.normalization import folding
from gristmill.tasks.dedup.presets import ShingleConfig
from gristmill.tasks.kernels.common import sha1, xxh3
from gristmill.tasks.kernels.minhash.normalize import Bytes, NormalizedTokens, fold
from gristmill.tasks.kernels.ngrams.ngram_hashes import hash_windows

SLICE_BYTES = 4 << 20

Hashes = npt.NDArray[np.uint64]
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Shingles:
    """Shingle hashes of several texts, one after the other: ``counts[i]`` of them (repeats included) for text ``i``."""

    hashes: Hashes
    counts: Counts

    @property
    def offsets(self) -> Counts:
        """Where each text's hashes start, and the end: shape ``(texts + 1,)``."""
        return offsets(self.counts)


def shingle(texts: pa.Array, config: ShingleConfig) -> Shingles:
    """The shingles of every text (a string array or chunked array without nulls)."""
    tokens = tokenize(texts, config)
    windows = np.where(tokens.counts > 0, np.maximum(tokens.counts - config.n + 1, 1), 0)
    if config.hash == "xxh3":
        hashes = xxh3.hash_spans(tokens.data, tokens.starts[:-1], tokens.ends)
        return Shingles(hash_windows(hashes, tokens.counts, config.n), windows)
    first = np.repeat(offsets(tokens.counts)[:-1], windows) + ranges(windows)
    last = first + np.repeat(np.minimum(tokens.counts, config.n), windows) - 1
    return Shingles(sha1.hash_spans(tokens.data, tokens.starts[first], tokens.ends[last]), windows)


def tokenize(texts: pa.Array, config: ShingleConfig) -> NormalizedTokens:
    """Normalised tokens of all texts, one after the other."""
    if config.max_chars is not None:
        texts = pc.utf8_slice_codeunits(texts, 0, config.max_chars)
    data, places = utf8(texts)
    return fold(data, places, folding(config.normalise, config.unit), words=config.unit == "word")


def utf8(texts: pa.Array) -> tuple[Bytes, Counts]:
    """The bytes of a string array, and where each text begins and the last ends: shape ``(texts + 1,)``."""
    array = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    if not len(array):
        return np.zeros(0, np.uint8), np.zeros(1, np.int64)
    _, places, data = array.buffers()
    kind = np.int64 if pa.types.is_large_string(array.type) else np.int32
    starts = np.frombuffer(places, kind)[array.offset : array.offset + len(array) + 1].astype(np.int64)
    return np.frombuffer(data or b"", np.uint8), starts


def slices(texts: pa.Array, budget: int = SLICE_BYTES) -> Iterator[slice]:
    """Cut texts into runs of at most ``budget`` bytes; a longer text is a run of its own."""
    sizes = pc.binary_length(texts).to_numpy(zero_copy_only=False).astype(np.int64)
    return runs(sizes, budget)


def runs(sizes: Counts, budget: int) -> Iterator[slice]:
    """Cut items into runs whose sizes add up to at most ``budget``; a larger item is a run of its own."""
    ends = np.cumsum(sizes)
    start = 0
    while start < len(sizes):
        before = int(ends[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + budget, side="right")))
        yield slice(start, stop)
        start = stop


def offsets(counts: Counts) -> Counts:
    """Start of each run and the end of the last: ``[0, counts[0], counts[0] + counts[1], ...]``."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])


def ranges(counts: Counts) -> Counts:
    """``0, 1, ... counts[0]-1, 0, 1, ... counts[1]-1, ...``."""
    starts = offsets(counts)
    return np.arange(starts[-1], dtype=np.int64) - np.repeat(starts[:-1], counts)
