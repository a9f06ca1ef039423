"""Deduplication of small corpora against brute force, in any cut and order."""

import tempfile
from collections import defaultdict
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.digests import digest_text
from tasks.dedup.config import DedupConfig
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


@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
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
