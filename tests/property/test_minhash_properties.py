"""Shingles and signatures against plain Python, for any text; and the laws of MinHash."""

import hashlib

import numpy as np
import pyarrow as pa
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.tasks.dedup.minhash import signatures
from gristmill.tasks.dedup.near.verify import jaccard, sets_of
from gristmill.tasks.dedup.presets import MinHashConfig, ShingleConfig, Unit
from gristmill.tasks.dedup.shingles import Shingles, shingle, tokenize
from gristmill.tasks.kernels.common import sha1, xxh3
from tests.helpers import near_duplicates as plain
from tests.helpers.folded import by_expressions, spelled

TEXTS = st.lists(st.text(st.characters(codec="utf-8"), max_size=40) | st.text("ab 日本.\n", max_size=30), max_size=6)
WORDY = st.lists(st.lists(st.sampled_from(["a", "b", "c", "dd", "日"]), max_size=12).map(" ".join), max_size=6)
CONFIG = MinHashConfig(bands=4, rows=4)
UNITS = st.sampled_from(("word", "char"))


@settings(deadline=None)
@given(WORDY, st.integers(1, 6))
def test_equal_shingles_are_equal_windows(texts: list[str], n: int) -> None:
    """As many distinct hashes as distinct n-grams, the same for the same n-gram in any text."""
    found = shingle(pa.array(texts, pa.string()), ShingleConfig(n=n))
    expected = [window for text in texts for window in plain.windows(plain.words_of(text), n)]
    assert found.counts.tolist() == [len(plain.windows(plain.words_of(text), n)) for text in texts]
    assert len(found.hashes) == len(expected)
    seen: dict[tuple[str, ...], int] = {}
    for window, value in zip(expected, found.hashes.tolist(), strict=True):
        assert seen.setdefault(window, value) == value
    assert len(set(seen.values())) == len(seen)


@settings(deadline=None)
@given(TEXTS)
def test_any_text_is_tokenised_as_plain_python_does(texts: list[str]) -> None:
    """Python and Rust know different versions of Unicode, so only old letters (below U+0530) and ideographs count."""
    known = ["".join(char for char in text if ord(char) < 0x530 or plain.IDEOGRAPH.match(char)) for text in texts]
    tokens = tokenize(pa.array(known, pa.string()), ShingleConfig())
    assert spelled(tokens) == [plain.words_of(text) for text in known]


@settings(deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8") | st.sampled_from("ΣσAbİ'.\u0301 \u00a0")), max_size=6), UNITS)
def test_the_kernel_folds_as_the_expressions_do(texts: list[str], unit: Unit) -> None:
    """Any character, in one version of Unicode, with capital sigmas at the ends of words and inside them."""
    assert spelled(tokenize(pa.array(texts, pa.string()), ShingleConfig(unit=unit))) == by_expressions(texts, unit)


@settings(deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=200), max_size=20))
def test_hashes_of_spans_are_those_of_the_packages(strings: list[bytes]) -> None:
    """Every length up to 200 bytes: several blocks of SHA-1, each branch of XXH3 and its fallback."""
    data = np.frombuffer(b"".join(strings), np.uint8)
    ends = np.cumsum([len(string) for string in strings], dtype=np.int64)
    starts = ends - np.array([len(string) for string in strings], np.int64)
    assert xxh3.hash_spans(data, starts, ends).tolist() == [xxhash.xxh3_64_intdigest(string) for string in strings]
    digests = [hashlib.sha1(string).digest()[:8] for string in strings]  # noqa: S324 - no secret
    assert sha1.hash_spans(data, starts, ends).tolist() == [int.from_bytes(digest, "little") for digest in digests]


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 70), max_size=80), max_size=5))
def test_sets_are_sorted_and_without_repeats(lists: list[list[int]]) -> None:
    """Evenly spread hashes and hashes that all fall together."""
    hashes = np.array([value for values in lists for value in values], np.uint64)
    sets = sets_of(Shingles(hashes, np.array([len(values) for values in lists], np.int64)))
    assert sets.counts.tolist() == [len(set(values)) for values in lists]
    assert sets.elements.tolist() == [value for values in lists for value in sorted(set(values))]


@settings(deadline=None)
@given(TEXTS, st.sampled_from(["word", "char"]), st.sampled_from(["xxh3", "sha1"]))
def test_a_text_has_the_same_shingles_alone_and_in_company(texts: list[str], unit: str, name: str) -> None:
    config = ShingleConfig.parse({"unit": unit, "hash": name}, "test")
    together = shingle(pa.array(texts, pa.string()), config)
    alone = [shingle(pa.array([text], pa.string()), config).hashes.tolist() for text in texts]
    assert together.hashes.tolist() == [value for hashes in alone for value in hashes]
    assert together.counts.tolist() == [len(hashes) for hashes in alone]


@settings(deadline=None)
@given(st.lists(st.integers(0, 2**64 - 1), min_size=1), st.lists(st.integers(0, 2**64 - 1), min_size=1), st.randoms())
def test_signature_of_a_union_is_the_minimum_and_order_means_nothing(
    left: list[int], right: list[int], generator: object
) -> None:
    mixed = left + right + left
    generator.shuffle(mixed)  # type: ignore[attr-defined] # hypothesis gives a random.Random
    hashes = np.array(left + right + mixed, np.uint64)
    found = signatures(Shingles(hashes, np.array([len(left), len(right), len(mixed)])), CONFIG)
    assert np.array_equal(np.minimum(found[0], found[1]), found[2])


@settings(deadline=None)
@given(WORDY.filter(lambda texts: len(texts) > 1))
def test_measured_similarity_is_the_similarity(texts: list[str]) -> None:
    sets = sets_of(shingle(pa.array(texts, pa.string()), ShingleConfig(n=2)))
    left, right = (found.ravel() for found in np.meshgrid(np.arange(len(texts)), np.arange(len(texts))))
    expected = [
        plain.jaccard(plain.shingles_of(texts[a], 2), plain.shingles_of(texts[b], 2))
        for a, b in zip(left, right, strict=True)
    ]
    np.testing.assert_allclose(jaccard(sets, left, right), expected, rtol=0, atol=1e-12)
