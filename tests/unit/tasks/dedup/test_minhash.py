"""Bands: which documents get them, what they depend on, and shingles at the edges."""

import numpy as np
import pyarrow as pa
import pytest

from gristmill.core.errors import UsageError
from gristmill.core.table import conform
from gristmill.schemas.tables import Bands
from gristmill.tasks.dedup import minhash
from gristmill.tasks.dedup.minhash import bands, signatures
from gristmill.tasks.dedup.presets import PRESETS, MinHashConfig, ShingleConfig, preset
from gristmill.tasks.dedup.shape import candidate_probability
from gristmill.tasks.dedup.shingles import Shingles, runs, shingle, slices, tokenize
from tests.helpers.folded import by_expressions, spelled
from tests.helpers.ledger_rows import all_kept, documents_of

LONG = {str(number): f"text {number} " + "with quite a few words in it " * (number % 7) for number in range(60)}


CURVES = {  # section 3.6 of the reference: probability of becoming a candidate at .5 to .9; unit and n
    "fineweb": ([0.053, 0.211, 0.565, 0.924, 1.0], "word", 5),
    "fineweb@datatrove-0.10": ([0.053, 0.211, 0.565, 0.924, 1.0], "word", 5),
    "curator": ([0.002, 0.026, 0.177, 0.677, 0.997], "char", 24),
    "26x11": ([0.013, 0.090, 0.405, 0.903, 1.0], "word", 5),
    "dolma3@marin": ([0.013, 0.090, 0.405, 0.903, 1.0], "char", 5),
    "20x5@duplodocus": ([0.47, 0.80, 0.975, 1.0, 1.0], "word", 5),
    "data-juicer": ([0.024, 0.141, 0.511, 0.942, 1.0], "word", 5),
    "text-dedup": ([0.023, 0.135, 0.497, 0.935, 1.0], "word", 5),
    "daft": ([0.031, 0.127, 0.378, 0.770, 0.989], "word", 5),
    "megamath": ([0.011, 0.065, 0.270, 0.713, 0.991], "word", 5),
    "map-neo": ([0.001, 0.012, 0.084, 0.399, 0.929], "char", 13),
    "rpv2@0.8": ([0.001, 0.012, 0.084, 0.399, 0.929], "word", 13),
}


@pytest.mark.parametrize("name", sorted(CURVES))
def test_presets_have_the_published_curves(name: str) -> None:
    values, unit, n = CURVES[name]
    bands, rows = preset(name).bands, preset(name).rows
    found = [candidate_probability(similarity / 10, bands, rows) for similarity in range(5, 10)]
    assert found == pytest.approx(values, abs=6e-3 if name == "20x5@duplodocus" else 1e-3)
    assert (preset(name).shingles.unit, preset(name).shingles.n) == (unit, n)


def test_rpv2_has_a_shape_for_each_threshold() -> None:
    """128 permutations, fewer where the shape leaves some over."""
    shapes = {name: (preset(name).bands, preset(name).rows) for name in PRESETS if name.startswith("rpv2")}
    assert shapes == {"rpv2@0.7": (14, 9), "rpv2@0.8": (9, 13), "rpv2@0.9": (5, 25), "rpv2@1.0": (1, 128)}


def test_a_preset_that_is_not_there_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="26x11"):
        preset("26x10")


def test_every_character_folds_as_the_expressions_do() -> None:
    """Between a cased letter and a capital sigma, where what it is decides three things."""
    codes = [*range(0xD800), *range(0xE000, 0x34000), *range(0xE0000, 0xE0200), 0x10FFFF]
    texts = [f"x{chr(code)}Σ" for code in codes]
    found = spelled(tokenize(pa.array(texts), ShingleConfig()))
    assert found == by_expressions(texts, "word")


def test_no_more_than_max_chars_of_a_text_count() -> None:
    config = ShingleConfig(n=1, max_chars=6)
    assert spelled(tokenize(pa.array(["één twee", "四五六七八九十"]), config)) == [["één", "tw"], list("四五六七八九")]


def test_datatrove_normalises_numbers_marks_and_accents() -> None:
    """Its ``simplify_text``, then white space. Digits of any script, at most one decimal part; marks off, NFD."""
    texts = ["Été: 3.14, 1,234,567 v2.0!", "ΟΔΟΣ ۳٫۵ x²  —  „gut“", "한 がぎ ｶﾞ", "a\u0301\u0308b  Ｃ３"]
    found = spelled(tokenize(pa.array(texts), ShingleConfig(normalise="datatrove")))
    assert found == [
        ["ete", "0", "0", "0", "v0"],
        ["οδος", "0", "x²", "gut"],
        ["\u1112\u1161\u11ab", "かき", "ｶﾞ"],
        ["ab", "ｃ0"],
    ]


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
