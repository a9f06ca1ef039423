"""The joins of deduplication: the same result whatever they are cut into, and equal to plain implementations."""

import tempfile
from collections import Counter, defaultdict
from itertools import combinations, pairwise
from pathlib import Path
from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.tasks.dedup.near.candidates import count_pairs, pairs_of, partition_of, ranges_for, within
from gristmill.tasks.dedup.near.components import components
from gristmill.tasks.dedup.spill import Spill

FAST = settings(max_examples=60, deadline=None, derandomize=True)
BUCKETS = st.sampled_from([0, 1, 1 << 61, 1 << 62, 1 << 63, (1 << 63) + 5, (1 << 64) - 1])
EDGES = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=40)


@FAST
@given(st.lists(st.lists(BUCKETS, min_size=3, max_size=3), max_size=25), st.sampled_from([2, 4, 100]), st.randoms())
def test_any_cut_into_ranges_gives_the_pairs_of_the_buckets(
    texts: list[list[int]], max_bucket: int, random: Random
) -> None:
    members: dict[tuple[int, int], list[int]] = defaultdict(list)
    for text, row in enumerate(texts):
        for band, bucket in enumerate(row):
            members[band, bucket].append(text)
    expected: Counter[tuple[int, int]] = Counter()
    for found in members.values():
        if len(found) <= max_bucket:
            expected.update(combinations(found, 2))
        else:
            expected.update((found[0], other) for other in found[1:])

    rows = [(text, band, bucket) for text, row in enumerate(texts) for band, bucket in enumerate(row)]
    random.shuffle(rows)
    number = np.array([row[0] for row in rows], np.int64)
    band = np.array([row[1] for row in rows], np.int16)
    bucket = np.array([row[2] for row in rows], np.uint64)
    for cuts in (1, 2, 8):
        partition = partition_of(band, bucket, cuts)
        assert ((partition // cuts) == band).all()
        keys = []
        for place in random.sample(range(3 * cuts), 3 * cuts):
            mine = partition == place
            for left, right in pairs_of(number[mine], bucket[mine], max_bucket, piece=3):
                assert (left < right).all()
                keys.append((left << 40 | right).astype(np.uint64))
        pairs, counts = count_pairs(np.concatenate([np.zeros(0, np.uint64), *keys]))
        found = {(int(key) >> 40, int(key) & (1 << 40) - 1): int(n) for key, n in zip(pairs, counts, strict=True)}
        assert found == expected


@FAST
@given(st.integers(0, 1 << 33), st.integers(1 << 20, 1 << 33))
def test_a_range_fits_into_its_memory(texts: int, memory: int) -> None:
    cuts = ranges_for(texts, memory)
    assert cuts & (cuts - 1) == 0
    assert texts / cuts * 64 <= memory or cuts == 1 << 16


@FAST
@given(EDGES, st.lists(st.integers(0, 40), max_size=5), st.randoms())
def test_components_equal_a_plain_search_in_any_order_and_cut(
    edges: list[tuple[int, int]], cuts: list[int], random: Random
) -> None:
    neighbours: dict[int, set[int]] = defaultdict(set)
    for a, b in edges:
        neighbours[a].add(b)
        neighbours[b].add(a)
    smallest = {}
    for start in range(31):
        reached, waiting = {start}, [start]
        while waiting:
            new = neighbours[waiting.pop()] - reached
            reached |= new
            waiting += new
        smallest[start] = min(reached)

    shuffled = [edge if random.random() < 0.5 else edge[::-1] for edge in random.sample(edges, len(edges))]
    bounds = sorted(min(cut, len(edges)) for cut in [0, *cuts, len(edges)])
    pieces = [shuffled[first:last] for first, last in pairwise(bounds)]
    arrays = [np.array(piece, np.int64).reshape(-1, 2) for piece in pieces]
    with tempfile.TemporaryDirectory() as folder:
        for path in (None, Path(folder) / "parent"):
            found = components(((piece[:, 0], piece[:, 1]) for piece in arrays), 31, path)
            assert found.tolist() == [smallest[node] for node in range(31)]


@FAST
@given(
    st.lists(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 99)), max_size=20), max_size=8),
    st.sampled_from([1, 60, 10_000]),
)
def test_what_is_spilled_comes_back_by_partition_in_order(rows: list[list[tuple[int, int]]], limit: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        spill = Spill(Path(folder) / "spill", np.int64, 6, limit)
        for piece in rows:
            spill.add(
                np.array([value for _, value in piece], np.int64), np.array([place for place, _ in piece], np.int32)
            )
        for place in range(6):
            expected = [value for piece in rows for where, value in piece if where == place]
            assert spill.read(place).tolist() == expected
            assert spill.read(place).tolist() == expected


@FAST
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, (1 << 64) - 1) | BUCKETS), max_size=30), st.integers(1, 9))
def test_every_row_is_in_one_part_and_no_bucket_is_torn(rows: list[tuple[int, int]], parts: int) -> None:
    band = np.array([row[0] for row in rows], np.int16)
    bucket = np.array([row[1] for row in rows], np.uint64)
    inside = np.array([within(band, bucket, 5, part, parts) for part in range(parts)])
    assert (inside.sum(axis=0) == 1).all()
    where = inside.argmax(axis=0)
    assert (np.diff(where[np.lexsort((bucket, band))]) >= 0).all()
    assert len({(*row, part) for row, part in zip(rows, where.tolist(), strict=True)}) == len(set(rows))
