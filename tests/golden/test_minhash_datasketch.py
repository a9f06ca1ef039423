"""Signatures equal datasketch's, bit for bit, for its default hash and for the column hash."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import xxhash
from datasketch import MinHash
from datasketch.hashfunc import sha1_hash32, sha1_hash64

from gristmill.tasks.dedup.minhash import signatures
from gristmill.tasks.dedup.presets import MinHashConfig, ShingleConfig
from gristmill.tasks.dedup.shingles import shingle
from gristmill.tasks.kernels.ngrams.ngram_hashes import MULTIPLIER
from tests.helpers.near_duplicates import chars_of, windows, words_of

TEXTS = [
    "The quick brown fox jumps over the lazy dog, and the quick brown fox jumps again.",
    "Four words are few",
    "",
    "... --- ...",
    "Größe ist 42 cm; ΣΊΣΥΦΟΣ naïve cafe\u0301 ŐŰ under_score x2",
    "深度学习模型需要大量的训练数据 and some English, かなカナ 한국어",
    "word " * 400,
    "\n".join(f"line {number} of a long text with {number * 7} things in it" for number in range(300)),
]


def fmix64(value: int) -> int:
    mask = (1 << 64) - 1
    value ^= value >> 33
    value = value * 0xFF51AFD7ED558CCD & mask
    value ^= value >> 33
    value = value * 0xC4CEB9FE1A85EC53 & mask
    return value ^ value >> 33


def column_hash(tokens: tuple[str, ...]) -> int:
    total = sum(xxhash.xxh3_64_intdigest(token.encode()) * MULTIPLIER**k for k, token in enumerate(tokens))
    return fmix64(total % (1 << 64))


@pytest.mark.parametrize("scheme", ["affine32", "affine64"])
@pytest.mark.parametrize("unit", ["word", "char"])
@pytest.mark.parametrize(("n", "seed", "bands", "rows"), [(5, 1, 14, 8), (5, 1, 26, 11), (13, 77, 3, 4), (1, 0, 1, 1)])
@pytest.mark.parametrize("hash_name", ["sha1", "xxh3"])
def test_equals_datasketch(scheme: str, unit: str, n: int, seed: int, bands: int, rows: int, hash_name: str) -> None:
    shingles = ShingleConfig.parse({"unit": unit, "n": n, "hash": hash_name}, "test")
    config = MinHashConfig.parse(
        {"shingles": shingles, "bands": bands, "rows": rows, "seed": seed, "scheme": scheme}, "test"
    )
    found = signatures(shingle(pa.array(TEXTS), shingles), config)
    width = 32 if scheme == "affine32" else 64
    for text, signature in zip(TEXTS, found, strict=True):
        if hash_name == "sha1":
            theirs = MinHash(
                num_perm=bands * rows,
                seed=seed,
                scheme=scheme,
                hashfunc=sha1_hash32 if width == 32 else sha1_hash64,
            )
            separator = " " if unit == "word" else ""
            values: list[Any] = [
                separator.join(w).encode() for w in windows((words_of if unit == "word" else chars_of)(text), n)
            ]
        else:
            theirs = MinHash(
                num_perm=bands * rows,
                seed=seed,
                scheme=scheme,
                hashfunc=lambda tokens: column_hash(tokens) % (1 << width),
            )
            values = list(windows((words_of if unit == "word" else chars_of)(text), n))
        theirs.update_batch(values)
        assert signature.dtype == theirs.hashvalues.dtype
        np.testing.assert_array_equal(signature, theirs.hashvalues)


def test_datasketch_defaults_are_the_sha1_configuration() -> None:
    """MinHash() as datasketch users call it: 128 permutations, seed 1, SHA-1."""
    config = MinHashConfig(shingles=ShingleConfig(hash="sha1"), bands=16, rows=8)
    theirs = MinHash()
    theirs.update_batch([" ".join(w).encode() for w in windows(words_of(TEXTS[0]), 5)])
    found = signatures(shingle(pa.array(TEXTS[:1]), config.shingles), config)
    np.testing.assert_array_equal(found[0], theirs.hashvalues)
