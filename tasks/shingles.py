"""Shingles: the set of overlapping n-grams that stands for a text when texts are compared.

Normalisation: lower case, digits kept. Unit ``word``: a token is a run of letters and digits (Unicode categories L and
N); each Han, kana and hangul character is a token of its own; everything else separates. Unit ``char``: a token is a
code point of the text with runs of white space made one space. A shingle is ``n`` consecutive tokens; a text of fewer
tokens has one shingle of all of them, a text without tokens none.

A shingle is kept as a 64-bit hash. Hash ``xxh3`` never builds the shingle's string: each distinct token of a slice is
hashed once (xxh3-64) and n neighbours are combined as ``fmix64(sum of token_k * MULTIPLIER**k mod 2**64)``, ``fmix64``
being MurmurHash3's finalizer. Hash ``sha1`` is the first 8 bytes, little-endian, of SHA-1 over the tokens joined by a
space (``word``) or by nothing (``char``): ``datasketch.hashfunc.sha1_hash64``; its low 32 bits are ``sha1_hash32``.

Cost: ``xxh3`` about 20 MB of text a second a core, ``sha1`` a quarter of that. Memory: about 60 bytes a token of a
slice, so callers cut a shard with :func:`slices`.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import xxhash
from pydantic import Field

from schemas.config import Config

IDEOGRAPHS = r"\u{3040}-\u{30ff}\u{3400}-\u{9fff}\u{ac00}-\u{d7af}"
WORD = rf"[{IDEOGRAPHS}]|[[\p{{L}}\p{{N}}]--[{IDEOGRAPHS}]]+"
MULTIPLIER = 0x9E3779B97F4A7C15
SLICE_BYTES = 4 << 20

Hashes = npt.NDArray[np.uint64]
Counts = npt.NDArray[np.int64]


class ShingleConfig(Config):
    """Which n-grams stand for a text. Two near-duplicate runs compare only when these agree."""

    unit: Literal["word", "char"] = "word"
    n: int = Field(default=5, ge=1, le=64)
    hash: Literal["xxh3", "sha1"] = "xxh3"


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
    tokens, counts = tokenize(texts, config.unit)
    starts = offsets(counts)[:-1]
    windows = np.where(counts > 0, np.maximum(counts - config.n + 1, 1), 0)
    first = np.repeat(starts, windows) + ranges(windows)
    length = np.repeat(np.minimum(counts, config.n), windows)
    if config.hash == "sha1":
        return Shingles(_sha1(tokens, first, length, " " if config.unit == "word" else ""), windows)
    return Shingles(_combined(_token_hashes(tokens), first, length), windows)


def tokenize(texts: pa.Array, unit: Literal["word", "char"]) -> tuple[pl.Series, Counts]:
    """Tokens of all texts, one after the other, and the number of tokens of each text."""
    lowered = pl.Series("text", texts, dtype=pl.String).str.to_lowercase()
    if unit == "word":
        lists = lowered.str.extract_all(WORD)
    else:
        lists = lowered.str.replace_all(r"\s+", " ").str.strip_chars().str.split("")
    counts = lists.list.len()
    return lists.filter(counts > 0).explode(), counts.to_numpy().astype(np.int64)


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


def fmix64(values: Hashes) -> Hashes:
    """MurmurHash3's 64-bit finalizer: a bijection that spreads every input bit over every output bit."""
    values = values ^ (values >> np.uint64(33))
    values = values * np.uint64(0xFF51AFD7ED558CCD)
    values = values ^ (values >> np.uint64(33))
    values = values * np.uint64(0xC4CEB9FE1A85EC53)
    return values ^ (values >> np.uint64(33))


def _token_hashes(tokens: pl.Series) -> Hashes:
    """xxh3-64 of each token's UTF-8; each distinct token is hashed once."""
    distinct, codes = _coded(tokens)
    hashes = np.fromiter(map(xxhash.xxh3_64_intdigest, distinct), dtype=np.uint64, count=len(distinct))
    return np.take(hashes, codes)


def _combined(tokens: Hashes, first: Counts, length: Counts) -> Hashes:
    """Hash of the windows that start at ``first`` and hold ``length`` tokens."""
    total = np.zeros(len(first), np.uint64)
    for k in range(int(length.max(initial=0))):
        factor = np.uint64(pow(MULTIPLIER, k, 1 << 64))
        inside = slice(None) if length.min() > k else np.flatnonzero(length > k)
        total[inside] += tokens[first[inside] + k] * factor
    return fmix64(total)


def _sha1(tokens: pl.Series, first: Counts, length: Counts, separator: str) -> Hashes:
    """SHA-1 of each window's string; each distinct string is hashed once."""
    columns = [
        tokens.gather(np.minimum(first + k, len(tokens) - 1)).set(pl.Series(length <= k), None).alias(str(k))
        for k in range(int(length.max(initial=0)))
    ]
    if not columns:
        return np.zeros(0, np.uint64)
    joined = pl.DataFrame(columns).select(pl.concat_str(pl.all(), separator=separator, ignore_nulls=True)).to_series()
    distinct, codes = _coded(joined)
    digests = b"".join(hashlib.sha1(text).digest()[:8] for text in distinct)  # noqa: S324 - datasketch's hash, no secret
    return np.take(np.frombuffer(digests, dtype="<u8"), codes)


def _coded(strings: pl.Series) -> tuple[list[bytes], Counts]:
    """The distinct strings as UTF-8, and for each string the index of its value among them."""
    coded: Any = strings.to_arrow(compat_level=pl.CompatLevel.oldest()).dictionary_encode()
    distinct: list[bytes] = coded.dictionary.cast(pa.large_binary()).to_pylist()
    return distinct, coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
