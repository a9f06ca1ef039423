"""Deduplication of small corpora against brute force, in any cut and order."""

import tempfile
from collections import defaultdict
from pathlib import Path

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gristmill.core.digests import digest_text
from gristmill.tasks.dedup.config import DedupConfig
from tests.helpers.dedup_run import Shard, deduplicate
from tests.helpers.ledger_rows import all_kept, documents_of
from tests.helpers.near_duplicates import jaccard, shingles_of

# One row a band: two texts that share one shingle in four are candidates with probability 1 - 0.75**128.
THOROUGH = DedupConfig.parse({"minhash": {"shingles": {"n": 2}, "bands": 128, "rows": 1}, "threshold": 0.6}, "test")
TEXTS = st.lists(
    st.lists(st.sampled_from(list("abcdef")), min_size=0, max_size=9).map(" ".join), min_size=1, max_size=9
)


def brute_force(texts: dict[str, str], quality: dict[str, float], threshold: float) -> dict[str, tuple[str, str]]:
    """For each removed name its rule and the name that stays, by definition: exact copies first, then components."""
    first: dict[str, str] = {}
    for name in sorted(texts, key=digest_text):
        first.setdefault(texts[name], name)
    sets = {name: shingles_of(texts[name], 2) for name in first.values()}
    group = {name: name for name in sets}

    def root(name: str) -> str:
        return name if group[name] == name else root(group[name])

    for a in sets:
        for b in sets:
            if a < b and jaccard(sets[a], sets[b]) >= threshold:
                group[root(a)] = root(b)
    members: dict[str, list[str]] = defaultdict(list)
    for name in sets:
        members[root(name)].append(name)
    stays = {
        one: min(names, key=lambda name: (-quality[name], -len(texts[name]), digest_text(name)))
        for names in members.values()
        for one in names
    }
    removed = {}
    for name, text in texts.items():
        if first[text] != name:
            removed[name] = ("exact", stays[first[text]])
        elif stays[name] != name:
            removed[name] = ("near", stays[name])
    return removed


@settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(TEXTS, st.data())
def test_fates_are_those_of_brute_force(texts: list[str], data: st.DataObject) -> None:
    named = {str(number): text for number, text in enumerate(texts)}
    by_text = {text: data.draw(st.sampled_from([0.1, 0.5, 0.9]), label=f"quality of {text!r}") for text in set(texts)}
    quality = {name: by_text[text] for name, text in named.items()}
    cut = data.draw(st.lists(st.integers(0, 2), min_size=len(texts), max_size=len(texts)), label="shard of each text")
    shards, names = [], []
    for number in data.draw(st.permutations(sorted(set(cut))), label="order of the shards"):
        part = {name: text for place, (name, text) in enumerate(named.items()) if cut[place] == number}
        documents = documents_of(part, file=f"file{number}")
        by_id = {digest_text(name): quality[name] for name in part}
        shards.append(Shard(documents, all_kept(documents), [by_id[i] for i in documents["doc_id"].to_pylist()]))
        names.append(list(part))
    with tempfile.TemporaryDirectory() as folder:
        result = deduplicate(shards, Path(folder), THOROUGH)
    expected = brute_force(named, quality, THOROUGH.threshold)
    for number, part_names in enumerate(names):
        for name in part_names:
            kept, rule, _, explanation, _ = result.fate(number, name)
            if name in expected:
                assert (kept, rule, explanation) == (
                    False,
                    expected[name][0],
                    f"duplicate of {digest_text(expected[name][1])}",
                )
            else:
                assert kept
    assert all(row["verified"] == (row["jaccard"] >= THOROUGH.threshold) for row in result.pairs.to_pylist())


ANY = DedupConfig.parse(
    {
        "minhash": {"shingles": {"n": 2}, "bands": 24, "rows": 1},
        "threshold": 0.6,
        "url": True,
        "lines": {"min_chars": 3, "min_documents": 3, "scope": "corpus", "min_left": 0.4},
    },
    "test",
)
WORDS = st.lists(st.sampled_from(list("abcdef")), min_size=0, max_size=6).map(" ".join)
PAGES = st.tuples(
    st.integers(0, 9), st.lists(WORDS, min_size=1, max_size=3).map("\n".join), st.sampled_from([0.1, 0.5, 0.9])
)


def shards_of(pages: list[list[tuple[int, str, float]]]) -> list[Shard]:
    """Shards of pages (number, text, quality). A number may come again in another shard: with another text, too."""
    shards = []
    for place, part in enumerate(pages):
        rows = {str(number): (text, quality) for number, text, quality in part}
        documents = documents_of({name: text for name, (text, _) in rows.items()}, file=f"file{place}")
        urls = [f"https://example.org/{int(doc_id, 16) % 6}" for doc_id in documents.column("doc_id").to_pylist()]
        column = documents.schema.get_field_index("url")
        documents = documents.set_column(column, documents.schema.field("url"), pa.array(urls, pa.string()))
        by_id = {digest_text(name): quality for name, (_, quality) in rows.items()}
        quality = [by_id[doc_id] for doc_id in documents.column("doc_id").to_pylist()]
        shards.append(Shard(documents, all_kept(documents), quality))
    return shards


@settings(max_examples=4, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.lists(PAGES, max_size=7), min_size=2, max_size=3), st.sampled_from([2, 3, 200]))
def test_an_incremental_run_gives_what_a_single_run_gives(
    pages: list[list[tuple[int, str, float]]], max_bucket: int
) -> None:
    """Every table of every shard, after crawls that came one by one; and every document has one fate."""
    config = ANY.model_copy(update={"max_bucket": max_bucket})
    shards = shards_of(pages)
    with tempfile.TemporaryDirectory() as folder:
        known = None
        for count in range(1, len(shards) + 1):
            known = deduplicate(shards[:count], Path(folder) / f"step{count}", config, known=known)
        single = deduplicate(shards, Path(folder) / "single", config)
        assert known is not None
        for name in ("copies", "cuts", "pairs", "clusters"):
            assert known.tables[name] == single.tables[name], name
        assert known.verdicts == single.verdicts
    for shard, verdicts in zip(shards, single.verdicts, strict=True):
        assert verdicts.column("doc_id").to_pylist() == shard.documents.column("doc_id").to_pylist()


@settings(max_examples=5, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.lists(PAGES, max_size=7), min_size=1, max_size=3))
def test_deduplicating_what_stayed_removes_nothing(pages: list[list[tuple[int, str, float]]]) -> None:
    """Without cuts, which change the texts, and as long as no bucket is larger than max_bucket."""
    config = ANY.model_copy(update={"lines": None})
    shards = shards_of(pages)
    with tempfile.TemporaryDirectory() as folder:
        first = deduplicate(shards, Path(folder) / "first", config)
        left = []
        for shard, verdicts in zip(shards, first.verdicts, strict=True):
            stays = verdicts.column("kept").to_pylist()
            documents = shard.documents.filter(pa.array(stays, pa.bool_()))
            quality = [value for value, kept in zip(shard.quality, stays, strict=True) if kept]
            left.append(Shard(documents, all_kept(documents), quality))
        again = deduplicate(left, Path(folder) / "again", config)
    assert all(verdicts.column("kept").to_pylist() == [True] * verdicts.num_rows for verdicts in again.verdicts)


@settings(max_examples=4, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.lists(PAGES, max_size=7), min_size=2, max_size=3))
def test_what_was_kept_earlier_stays_when_it_must(pages: list[list[tuple[int, str, float]]]) -> None:
    """Frozen shards: no verdict of theirs changes, and nothing new stays that repeats what they kept."""
    config = ANY.model_copy(update={"lines": None})
    shards = shards_of(pages)
    with tempfile.TemporaryDirectory() as folder:
        earlier = deduplicate(shards[:-1], Path(folder) / "earlier", config)
        frozen = range(len(shards) - 1)
        result = deduplicate(shards, Path(folder) / "all", config, frozen=frozen, earlier=earlier)
        assert all(result.tables[name][place].num_rows == 0 for place in frozen for name in ("copies", "clusters"))
        assert result.verdicts[:-1] == earlier.verdicts
        ours = {row["doc_id"]: row for row in shards[-1].documents.to_pylist()}
        kept = [doc_id for doc_id in ours if (doc_id, True) in fates(result.verdicts[-1])]
        before = {
            (row["doc_id"], row["url"], row["text"])
            for shard, verdicts in zip(shards[:-1], earlier.verdicts, strict=True)
            for row in shard.documents.to_pylist()
            if (row["doc_id"], True) in fates(verdicts)
        }
        for doc_id in kept:
            assert not any(doc_id == d or ours[doc_id]["url"] == u or ours[doc_id]["text"] == t for d, u, t in before)


def fates(verdicts: pa.Table) -> set[tuple[str, bool]]:
    """(doc_id, kept) of every row."""
    return {(row["doc_id"], row["kept"]) for row in verdicts.to_pylist()}
