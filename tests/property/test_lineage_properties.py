"""The inverse of a plan against the plan itself, and spans found by suffix arrays against a search at every place."""

from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.tasks.lineage.spans import SortedBlock, find_spans, occurrences
from gristmill.tasks.lineage.suffixes import blocks_of, suffix_array
from gristmill.tasks.lineage.visits import NEVER, visits
from gristmill.tasks.mix.apportion import ShareTree, quantise
from gristmill.tasks.mix.permutation import key, permute, unpermute
from gristmill.tasks.mix.plan import Plan
from gristmill.tasks.mix.token_store import Part
from tests.property.test_plan_properties import arms, plans, weights


@given(st.integers(1, 400), st.integers(0, 2**64 - 1))
def test_a_permutation_is_turned_round(size: int, seed: int) -> None:
    values = np.arange(size)
    assert np.array_equal(unpermute(permute(values, size, key(seed)), size, key(seed)), values)


@given(weights)
def test_the_row_of_a_domain_is_found_in_the_share_out(values: list[float]) -> None:
    tree = ShareTree.of(quantise(np.array(values) / sum(values)))
    domain, ordinal = tree.assign(np.arange(500))
    for number in np.unique(domain).tolist():
        assert np.array_equal(tree.rows(number, ordinal[domain == number]), np.flatnonzero(domain == number))


@given(st.one_of(plans(), arms().map(lambda pair: pair[1])), st.data())
@settings(max_examples=100, deadline=None)
def test_visits_are_those_of_a_walk_over_the_plan(plan: Plan, data: st.DataObject) -> None:
    stop = data.draw(st.integers(0, len(plan)))
    start = data.draw(st.one_of(st.just(0), st.integers(0, stop)))
    rows = plan.rows(start, stop)
    for number, domain in enumerate(plan.domains):
        mine = rows.domain == number
        first = np.full(domain.rows, NEVER)
        np.minimum.at(first, rows.position[mine], start + np.flatnonzero(mine))
        found = visits(plan, number, np.arange(domain.rows), start, stop)
        assert np.array_equal(found.times, np.bincount(rows.position[mine], minlength=domain.rows))
        assert np.array_equal(found.first, first)


def is_at(tokens: list[int], place: int, words: list[int]) -> bool:
    return tokens[place : place + len(words)] == words


@given(
    documents=st.lists(st.lists(st.integers(1, 4), max_size=30), min_size=1, max_size=8),
    text=st.lists(st.integers(1, 4), min_size=1, max_size=40),
    least=st.integers(1, 4),
    block_tokens=st.integers(1, 60),
    scale=st.sampled_from([1, 60, 12_000, 40_000]),
)
@settings(max_examples=150, deadline=None)
def test_spans_are_those_of_a_search_at_every_place(
    documents: list[list[int]], text: list[int], least: int, block_tokens: int, scale: int
) -> None:
    vocabulary, kind = 4 * scale + 1, np.uint16 if 4 * scale < 1 << 16 else np.uint32
    tokens = [token * scale for document in documents for token in [*document, 0]]
    words = [token * scale for token in text]
    stored = np.array(tokens, dtype=kind)
    part = Part(
        Path("web.train.tok"),
        stored,
        np.flatnonzero(stored == 0).astype("u8") + 1,
        np.zeros(len(documents), "V16"),
        0,
        "",
    )
    blocks = [
        SortedBlock(stored[low:high], suffix_array(stored[low:high], vocabulary), part, low, "domain", 0)
        for low, high in blocks_of(part, block_tokens)
    ]
    assert [place for block in blocks for place in sorted(block.begin + block.order)] == list(range(len(tokens)))
    longest = [
        max(
            n
            for n in range(len(words) - start + 1)
            if any(is_at(tokens, at, words[start : start + n]) for at in range(len(tokens)))
        )
        for start in range(len(words))
    ]
    expected = [
        (start, start + n)
        for start, n in enumerate(longest)
        if n >= least and (start == 0 or longest[start - 1] - 1 < n)
    ]
    found = find_spans(blocks, np.array(words, dtype=np.uint32), least)
    assert [(span.start, span.stop) for span in found] == expected
    for span in found:
        places = [at for at in range(len(tokens)) if is_at(tokens, at, words[span.start : span.stop])]
        assert span.occurrences == len(places)
        assert sorted(int(at) for _, some in occurrences(span, blocks, 1000) for at in some) == places
        assert sum(len(some) for _, some in occurrences(span, blocks, 2)) == min(2, len(places))
