"""The kernels of contamination against plain Python: tokens, alignment, stretches; and what a slice may not change."""

import unicodedata

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.tasks.contamination.index import MatchConfig, build_index
from gristmill.tasks.contamination.matching import find
from gristmill.tasks.contamination.words import UNSPACED, words_of
from gristmill.tasks.kernels.matching.passage_match import align, find_passages, n_grams
from tests.helpers.contaminated import items, row

TEXT = st.text(st.sampled_from("ab Zé_é́.,-'7٣磨ガ가ก\n　ﬁß😀Ａ"), max_size=40)
WORDS = st.lists(st.sampled_from(["one", "two", "three", "four", "five", "磨"]), max_size=60)


def plain_tokens(text: str) -> list[str]:
    """Runs of letters, digits and marks, and single characters of scripts without spaces."""
    found, run = [], ""
    for character in text:
        if unicodedata.category(character)[0] in "LNM" and character not in UNSPACED:
            run += character
            continue
        found += [run] if run else []
        found += [character] if character in UNSPACED and unicodedata.category(character)[0] in "LNM" else []
        run = ""
    return [*found, run] if run else found


@given(st.lists(TEXT, max_size=4))
def test_tokens_are_those_of_plain_python(texts: list[str]) -> None:
    column = words_of(pa.array(texts, pa.string()))
    for number, text in enumerate(texts):
        low, high = column.offsets[number], column.offsets[number + 1]
        cut = [
            column.data[a:b].tobytes().decode()
            for a, b in zip(column.start[low:high], column.end[low:high], strict=True)
        ]
        assert cut == plain_tokens(text)


def plain_share(text: list[int], weights: list[float], window: list[int]) -> float:
    """One minus the least weighted cost of turning a part of the window into the text."""
    total = sum(weights)
    extra = total / len(text)
    before = [sum(weights[:row]) for row in range(len(text) + 1)]
    best = before[-1]
    for token in window:
        now = [0.0]
        for place, word in enumerate(text):
            swap = before[place] + (0.0 if word == token else weights[place])
            now.append(min(swap, before[place + 1] + extra, now[place] + weights[place]))
        best, before = min(best, now[-1]), now
    return 1 - best / total


@given(
    st.lists(st.tuples(st.integers(0, 4), st.floats(0.125, 4, width=32)), min_size=1, max_size=12),
    st.lists(st.integers(0, 4), max_size=30),
)
def test_the_alignment_is_that_of_the_textbook(text: list[tuple[int, float]], window: list[int]) -> None:
    words, weights = [word for word, _ in text], [weight for _, weight in text]
    ends = (np.array([0]), np.array([len(window)]), np.array([0]), np.array([len(words)]))
    hashes, needle = np.array(window, np.uint64), np.array(words, np.uint64)
    share, low, high = align(hashes, ends[0], ends[1], needle, np.array(weights, np.float32), ends[2], ends[3])
    assert np.isclose(share[0], plain_share(words, weights, window), atol=1e-5)
    inside = plain_share(words, weights, window[low[0] : high[0]])
    assert np.isclose(inside, share[0], atol=1e-5), "the place it names holds what it counted"


@settings(max_examples=60)
@given(st.lists(WORDS, min_size=1, max_size=3), st.lists(WORDS, max_size=3), st.integers(1, 6))
def test_stretches_cover_what_they_say(texts: list[list[str]], documents: list[list[str]], misses: int) -> None:
    config = MatchConfig(n=3, misses=misses, perfect_words=0, coverage=0.01)
    table = items(*(row(str(number), " ".join(words), []) for number, words in enumerate(texts)))
    index = build_index(table, config)
    column = words_of(pa.array([" ".join(words) for words in documents], pa.string()))
    tables = (index.keys, index.number, index.bits, index.posting_offsets, index.postings)
    found = find_passages(column.hashes, column.offsets, 3, *tables, index.needed, index.reach)
    grams = [
        set(n_grams(index.words.of(text), np.array([0, len(index.words.of(text))]), 3)[0])
        for text in range(len(index.rows))
    ]
    reached = set()
    for document, text, first, last in zip(*found, strict=True):
        inside = column.of(document)[first:last]
        assert set(n_grams(inside, np.array([0, len(inside)]), 3)[0]) & grams[text]
        reached.add((int(document), int(text)))
    for document in range(len(documents)):
        held = set(n_grams(column.of(document), np.array([0, len(column.of(document))]), 3)[0])
        for text, wanted in enumerate(grams):
            assert ((document, text) in reached) == bool(held & wanted)


@settings(max_examples=30)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=6), st.data())
def test_documents_are_judged_each_by_itself(kinds: list[int], data: st.DataObject) -> None:
    question = "where does the old miller of the northern valley keep the keys of his three barns at night"
    table = items(row("keys", question, ["under the stone by the well"]))
    texts = [
        ("nothing here " * 5, question, f"{question}? Under the stone by the well.", f"so {question[:50]}")[kind]
        for kind in kinds
    ]
    config = MatchConfig()
    index = build_index(table, config)
    together = [(found.document, found.start, found.end, found.label) for found in find(pa.array(texts), index, config)]
    cut = data.draw(st.integers(0, len(texts)))
    parts = [
        (found.document + shift, found.start, found.end, found.label)
        for shift, part in ((0, texts[:cut]), (cut, texts[cut:]))
        for found in find(pa.array(part, pa.string()), index, config)
    ]
    assert together == parts
    assert [label for _, _, _, label in together] == [
        ("", "input", "answer", "")[kind] for kind in kinds if kind in (1, 2)
    ]
