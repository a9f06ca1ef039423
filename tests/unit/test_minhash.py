"""Bands: which documents get them, what they depend on, and shingles at the edges."""

import numpy as np
import pyarrow as pa
import pytest

from schemas.lake import conform
from schemas.tables import Bands
from tasks import minhash
from tasks.minhash import PRESETS, MinHashConfig, bands, candidate_probability, signatures
from tasks.shingles import ShingleConfig, Shingles, runs, shingle, slices, tokenize
from tests.helpers.folded import spelled
from tests.helpers.ledger_rows import all_kept, documents_of

LONG = {str(number): f"text {number} " + "with quite a few words in it " * (number % 7) for number in range(60)}


def test_presets_have_the_published_curves() -> None:
    """Section 3.6 of the reference: probability of becoming a candidate at .5 to .9."""
    expected = {"fineweb": [0.053, 0.211, 0.565, 0.924, 1.0], "26x11": [0.013, 0.090, 0.405, 0.903, 1.0]}
    for name, values in expected.items():
        found = [candidate_probability(similarity / 10, PRESETS[name]) for similarity in range(5, 10)]
        assert found == pytest.approx(values, abs=1e-3)
    assert PRESETS["fineweb"].permutations == 112


def test_only_kept_documents_with_words_have_bands() -> None:
    documents = documents_of({"a": "one two three", "b": "rejected by the policy", "c": " ... "})
    by_name = dict(zip(documents.column("text").to_pylist(), documents.column("doc_id").to_pylist(), strict=True))
    kept = documents.filter(pa.array([text != "rejected by the policy" for text in documents["text"].to_pylist()]))
    rows = conform(Bands, bands.function(documents, all_kept(kept), PRESETS["fineweb"]))
    assert set(rows.column("doc_id").to_pylist()) == {by_name["one two three"]}
    assert rows.column("band").to_pylist() == list(range(14))


def test_equal_texts_share_every_bucket_and_normalisation_is_case_and_marks() -> None:
    documents = documents_of({"a": "The QUICK, brown fox: jumps!", "b": "the quick brown -- fox jumps", "c": "else"})
    rows = bands.function(documents, all_kept(documents), PRESETS["fineweb"]).to_pylist()
    bucket: dict[str, set[tuple[int, int]]] = {text: set() for text in documents.column("text").to_pylist()}
    names = dict(zip(documents.column("doc_id").to_pylist(), documents.column("text").to_pylist(), strict=True))
    for row in rows:
        bucket[names[row["doc_id"]]].add((row["band"], row["bucket"]))
    assert bucket["The QUICK, brown fox: jumps!"] == bucket["the quick brown -- fox jumps"]
    assert not bucket["else"] & bucket["the quick brown -- fox jumps"]


@pytest.mark.parametrize("scheme", ["affine32", "affine64"])
def test_slices_change_nothing(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    documents = documents_of(LONG)
    config = MinHashConfig.parse({"scheme": scheme}, "test")
    whole = conform(Bands, bands.function(documents, all_kept(documents), config))
    monkeypatch.setattr(minhash, "slices", lambda texts: slices(texts, 50))
    assert conform(Bands, bands.function(documents, all_kept(documents), config)).equals(whole)


def test_a_seed_gives_other_signatures() -> None:
    found = shingle(pa.array(["a few words of text are enough here"]), ShingleConfig())
    first, second = (signatures(found, MinHashConfig(seed=seed)) for seed in (1, 2))
    assert not np.array_equal(first, second)


def test_a_text_without_shingles_has_the_empty_signature() -> None:
    found = signatures(shingle(pa.array(["", "one"]), ShingleConfig()), PRESETS["fineweb"])
    assert (found[0] == np.iinfo(np.uint32).max).all()
    assert not (found[1] == np.iinfo(np.uint32).max).all()
    assert signatures(Shingles(np.zeros(0, np.uint64), np.zeros(0, np.int64)), PRESETS["fineweb"]).shape == (0, 112)


@pytest.mark.parametrize("unit", ["word", "char"])
@pytest.mark.parametrize("name", ["xxh3", "sha1"])
def test_shingles_at_the_edges(unit: str, name: str) -> None:
    config = ShingleConfig.parse({"unit": unit, "hash": name, "n": 3}, "test")
    texts = ["", "   ", "a", "a b", "a b c d"]
    found = shingle(pa.array(texts), config)
    assert found.counts.tolist() == ([0, 0, 1, 1, 2] if unit == "word" else [0, 0, 1, 1, 5])
    alone = [shingle(pa.array([text]), config).hashes.tolist() for text in texts]
    assert found.hashes.tolist() == [value for hashes in alone for value in hashes]
    assert shingle(pa.array([], pa.string()), config).counts.tolist() == []


def test_han_characters_are_words_of_their_own() -> None:
    tokens = tokenize(pa.array(["abc深度学习x2 かな", "한국"]), ShingleConfig())
    assert spelled(tokens) == [["abc", "深", "度", "学", "习", "x2", "か", "な"], ["한", "국"]]


def test_runs_respect_the_budget_and_lose_nothing() -> None:
    sizes = np.array([5, 5, 1, 30, 0, 0, 9, 2])
    cuts = list(runs(sizes, 10))
    assert [sizes[cut].tolist() for cut in cuts] == [[5, 5], [1], [30], [0, 0, 9], [2]]
    assert [place for cut in cuts for place in range(cut.start, cut.stop)] == list(range(8))
