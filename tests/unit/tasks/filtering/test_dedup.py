"""Deduplication from documents to verdicts, through the steps, on small shards."""

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pytest

from gristmill.core.digests import digest_text
from gristmill.core.errors import GristmillError
from gristmill.tasks.dedup.config import DedupConfig
from gristmill.tasks.filtering.decide import kept_by
from tests.helpers.dedup_run import Shard, deduplicate
from tests.helpers.ledger_rows import all_kept, documents_of

WORDS = [f"word{number}" for number in range(2000)]


def shard(
    texts: Mapping[str, str], quality: Mapping[str, float] | None = None, file: str = "a", source: str = "s"
) -> Shard:
    documents = documents_of(texts, source=source, file=file)
    by_id = {digest_text(name): value for name, value in (quality or {}).items()}
    values = [by_id.get(doc_id, 0.5) for doc_id in documents.column("doc_id").to_pylist()]
    return Shard(documents, all_kept(documents), values)


def text(seed: int, length: int = 300) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=length))


def edited(original: str, changes: int, seed: int) -> str:
    """``original`` with some words replaced: about 5 of its shingles a change are others."""
    words = original.split()
    generator = random.Random(seed)
    for place in generator.sample(range(len(words)), changes):
        words[place] = f"other{generator.randrange(10**9)}"
    return " ".join(words)


def test_near_duplicates_leave_the_one_of_highest_quality(tmp_path: Path) -> None:
    base = text(1)
    part = shard(
        {"a": base, "b": edited(base, 2, 1), "c": base + " and a tail", "d": text(2)}, {"a": 0.5, "b": 0.9, "c": 0.7}
    )
    result = deduplicate([part], tmp_path)
    assert result.cluster("a") == {digest_text(name) for name in "abc"}
    assert result.fate(0, "b") == (True, None, None, None, None)
    assert result.fate(0, "d") == (True, None, None, None, None)
    kept, rule, value, explanation, threshold = result.fate(0, "a")
    assert (kept, rule, threshold) == (False, "near", "< 0.75")
    assert explanation == f"duplicate of {digest_text('b')}"
    assert 0.75 <= value < 1
    assert not result.fate(0, "c")[0]


def test_equal_quality_leaves_the_longest_then_the_smallest_id(tmp_path: Path) -> None:
    base = text(3)
    result = deduplicate([shard({"a": base, "b": base + " tail", "c": base + " liat"})], tmp_path)
    assert result.fate(0, min("bc", key=digest_text))[0]


def test_a_missing_quality_is_the_lowest(tmp_path: Path) -> None:
    base = text(4)
    part = shard({"a": base, "b": base + " a much longer tail"}, {"a": 0.1, "b": float("nan")})
    assert deduplicate([part], tmp_path).fate(0, "a")[0]


def test_exact_copies_leave_the_smallest_id_and_are_no_pairs(tmp_path: Path) -> None:
    names = ["a", "b", "c", "d"]
    result = deduplicate(
        [shard(dict.fromkeys(names[:2], text(5))), shard(dict.fromkeys(names[2:], text(5)), file="b")], tmp_path
    )
    winner = min(names, key=digest_text)
    for name in names:
        expected: tuple[Any, ...] = (True, None, None, None, None)
        if name != winner:
            expected = (False, "exact", 1.0, f"duplicate of {digest_text(winner)}", "< 1")
        assert result.fate(0 if name in "ab" else 1, name) == expected
    assert result.pairs.num_rows == 0
    assert {row["reason"] for row in result.clusters.to_pylist()} == {"kept", "exact"}


def test_a_text_without_words_is_deduplicated_when_equal_and_kept_otherwise(tmp_path: Path) -> None:
    result = deduplicate([shard({"a": "!!!", "b": "!!!", "c": "???", "d": "", "e": ""})], tmp_path)
    kept = {name for name in "abcde" if result.fate(0, name)[0]}
    assert kept == {min("ab", key=digest_text), "c", min("de", key=digest_text)}


def test_one_record_in_two_files_stays_once(tmp_path: Path) -> None:
    base = text(6)
    first, second = shard({"a": base, "b": text(7)}, file="one"), shard({"a": base}, file="two")
    result = deduplicate([first, second], tmp_path)
    assert result.fate(0, "a") == (True, None, None, None, None)
    assert result.fate(1, "a") == (False, "same_record", 1.0, f"duplicate of {digest_text('a')}", "< 1")
    assert result.fate(0, "b")[0]


def test_of_one_record_the_longer_text_stays_and_speaks_for_it(tmp_path: Path) -> None:
    """The near-duplicate is compared with the text that stays, not with the cut-off copy."""
    base = text(8)
    cut, whole = shard({"a": base[:200]}, file="one"), shard({"a": base, "b": base + " tail"}, {"a": 0.9}, file="two")
    result = deduplicate([cut, whole], tmp_path)
    assert result.fate(0, "a")[1] == "same_record"
    assert result.fate(1, "a")[0]
    assert result.fate(1, "b")[1] == "near"


def test_two_inputs_of_one_name_with_the_same_record_are_refused(tmp_path: Path) -> None:
    with pytest.raises(GristmillError, match="Rename one of them"):
        deduplicate([shard({"a": text(9)}), shard({"a": text(10)})], tmp_path)


def test_files_of_different_shards_are_refused(tmp_path: Path) -> None:
    first, second = shard({"a": text(9)}, file="one"), shard({"b": text(10)}, file="two")
    swapped = [Shard(first.documents, second.verdicts, [0.5]), Shard(second.documents, first.verdicts, [0.5])]
    with pytest.raises(GristmillError, match="same shards, in the same order"):
        deduplicate(swapped, tmp_path)


def test_what_the_policy_rejected_takes_no_part(tmp_path: Path) -> None:
    base = text(11)
    part = shard({"a": base, "b": base + " tail", "c": base}, {"a": 0.9})
    kept = part.documents.filter(pc.not_equal(part.documents.column("doc_id"), digest_text("a")))
    result = deduplicate([Shard(part.documents, all_kept(kept), part.quality)], tmp_path)
    assert digest_text("a") not in result.verdicts[0].column("doc_id").to_pylist()
    assert digest_text("a") not in result.clusters.column("doc_id").to_pylist()
    assert result.fate(0, "b")[0]
    assert result.fate(0, "c")[1] == "near"


def test_candidates_below_the_threshold_stay_as_evidence_and_join_nothing(tmp_path: Path) -> None:
    base = text(12)
    half = " ".join(base.split()[:190] + text(13).split()[:110])
    config = DedupConfig.parse({"minhash": {"bands": 60, "rows": 1}}, "test")
    result = deduplicate([shard({"a": base, "b": half})], tmp_path, config)
    assert result.pairs.num_rows == 1
    row = result.pairs.to_pylist()[0]
    assert 0.3 < row["jaccard"] < 0.75
    assert not row["verified"]
    assert result.clusters.num_rows == 0
    assert result.fate(0, "a")[0]
    assert result.fate(0, "b")[0]


def test_chains_are_one_cluster(tmp_path: Path) -> None:
    """a ~ b ~ c with a and c further apart than the threshold: components are transitive, over verified pairs only."""
    words = text(14, 400).split()
    texts = {name: " ".join(words[start : start + 300]) for name, start in (("a", 0), ("b", 35), ("c", 70))}
    config = DedupConfig.parse({"minhash": {"bands": 100, "rows": 2}}, "test")
    result = deduplicate([shard(texts, {"b": 0.9})], tmp_path, config)
    verified = [row for row in result.pairs.to_pylist() if row["verified"]]
    assert len(verified) == 2
    assert result.cluster("a") == {digest_text(name) for name in "abc"}
    assert result.fate(0, "b")[0]


def test_a_large_bucket_is_linked_as_a_star(tmp_path: Path) -> None:
    base = text(15)
    texts = {str(number): f"{base} {number}" for number in range(30)}
    every = deduplicate([shard(texts)], tmp_path / "every")
    star = deduplicate([shard(texts)], tmp_path / "star", DedupConfig(max_bucket=5))
    assert every.pairs.num_rows == 30 * 29 // 2
    assert star.pairs.num_rows < 120
    assert star.cluster("0") == every.cluster("0") == {digest_text(name) for name in texts}


def test_the_order_of_the_shards_changes_nothing(tmp_path: Path) -> None:
    base = [text(seed) for seed in range(20, 26)]
    shards = [
        shard(
            {f"{file}{place}": edited(one, place % 3, place) for place, one in enumerate(base)} | {"x": base[0]},
            file=file,
        )
        for file in ("one", "two", "three")
    ]
    forward = deduplicate(shards, tmp_path / "forward")
    backward = deduplicate(shards[::-1], tmp_path / "backward")
    assert forward.pairs.equals(backward.pairs)
    assert forward.clusters.equals(backward.clusters)
    assert forward.clusters.num_rows > 10
    for one, other in zip(forward.verdicts, backward.verdicts[::-1], strict=True):
        assert one.equals(other)


def test_a_source_that_would_lose_too_much_stops_the_run(tmp_path: Path) -> None:
    base = text(30)
    part = shard({str(number): f"{base} {number}" for number in range(20)} | {"z": text(31)}, source="books")
    settings = {"max_loss": 0.5, "min_documents": 10}
    with pytest.raises(GristmillError, match="19 of 21 documents of source books") as caught:
        deduplicate([part], tmp_path / "stopped", DedupConfig.parse(settings, "test"))
    assert "20 documents around" in str(caught.value)
    assert "https://example.org/" in str(caught.value)
    assert deduplicate([part], tmp_path / "small", DedupConfig(max_loss=0.5)).clusters.num_rows == 20


def test_no_documents_at_all(tmp_path: Path) -> None:
    result = deduplicate([shard({})], tmp_path)
    assert (result.pairs.num_rows, result.clusters.num_rows, result.verdicts[0].num_rows) == (0, 0, 0)


def test_survivors_are_what_the_ledger_says(tmp_path: Path) -> None:
    base = text(40)
    part = shard({"a": base, "b": base, "c": text(41)})
    result = deduplicate([part], tmp_path)
    assert kept_by(result.verdicts[0], "deduplicate", part.documents).num_rows == 2
