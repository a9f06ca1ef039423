"""Recall and precision on real near-duplicates with known exact similarity (shared/corpora/neardup)."""

import gzip
import json
import math
import re
from collections import Counter, defaultdict
from itertools import chain, combinations
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from gristmill.core.digests import digest_text
from gristmill.tasks.dedup.config import DedupConfig
from gristmill.tasks.dedup.minhash import buckets, signatures
from gristmill.tasks.dedup.near.verify import jaccard as measured
from gristmill.tasks.dedup.near.verify import sets_of
from gristmill.tasks.dedup.presets import PRESETS
from gristmill.tasks.dedup.shape import candidate_probability
from gristmill.tasks.dedup.shingles import shingle
from tests.helpers.dedup_run import Result, Shard, deduplicate
from tests.helpers.ledger_rows import all_kept, documents_of
from tests.helpers.near_duplicates import chars_of, jaccard, shingles_of, windows, words_of

SETS = ("planted", "licence_texts", "doc_releases_django", "news_articles_plagiarism")
SEEDS = 40
PLAIN_WORD = re.compile(r"[^\W_]+")
CURVES = ("fineweb", "26x11", "20x5@duplodocus", "data-juicer", "megamath", "map-neo", "curator", "rpv2@0.8")


def lines(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def texts_of(folder: Path) -> dict[str, str]:
    """Texts by id; of the large planted set those half of the ids whose digest begins with 0 to 7."""
    texts = {row["id"]: row["text"] for row in lines(folder / "docs.jsonl.gz")}
    return {doc: text for doc, text in texts.items() if folder.name != "planted" or digest_text(doc) < "8"}


def run(texts: dict[str, str], folder: Path, config: DedupConfig, shards: int = 3) -> Result:
    names = list(texts)
    parts = []
    for first in range(shards):
        documents = documents_of({name: texts[name] for name in names[first::shards]}, file=f"file{first}")
        parts.append(Shard(documents, all_kept(documents), [0.5] * documents.num_rows))
    return deduplicate(parts, folder, config)


def similar_pairs(folder: Path, name: str, texts: dict[str, str]) -> dict[frozenset[str], float]:
    """Known pairs of different texts with their exact similarity; the smallest doc_id speaks for exact copies."""
    file = folder / ("truth.jsonl.gz" if name == "planted" else "all_pairs_ge_0.3.jsonl.gz")
    speaker: dict[str, str] = {}
    for doc in sorted(texts, key=digest_text):
        speaker.setdefault(texts[doc], doc)
    found = {}
    for row in lines(file):
        if row["a"] not in texts or row["b"] not in texts:
            continue
        pair = frozenset((speaker[texts[row["a"]]], speaker[texts[row["b"]]]))
        if len(pair) == 2:
            found[pair] = row["jaccard5"]
    return found


@pytest.mark.parametrize(
    ("name", "preset"),
    [
        ("planted", "fineweb"),
        ("news_articles_plagiarism", "fineweb"),
        *(("licence_texts", preset) for preset in CURVES),
    ],
)
def test_recall_is_the_theoretical_curve(shared: Path, name: str, preset: str) -> None:
    """Every pair of texts with a known similarity, against brute force over the preset's own shingles.

    Over seeds: pairs of one family share shingles and are found or missed together, so one draw says little. The mean
    number found in a bin may miss the sum of the pairs' probabilities by four standard errors and half a pair.
    """
    folder = shared / "corpora" / "neardup" / name
    texts = texts_of(folder)
    place = {doc: number for number, doc in enumerate(texts)}
    known = [(place[a], place[b]) for a, b in map(sorted, similar_pairs(folder, name, texts))]
    left, right = (np.array(column) for column in zip(*known, strict=True))
    shingles = shingle(pa.array(texts.values()), PRESETS[preset].shingles)
    similarity = measured(sets_of(shingles), left, right)
    shared_bands = []
    for seed in range(1, SEEDS + 1):
        config = PRESETS[preset].model_copy(update={"seed": seed})
        found = buckets(signatures(shingles, config), config)
        shared_bands.append((found[left] == found[right]).any(axis=1))
    for low, high in ((0.3, 0.5), (0.5, 0.6), (0.6, 0.7), (0.7, 0.8), (0.8, 0.9), (0.9, 1.0)):
        of_bin = (low <= similarity) & (similarity < high)
        bands, rows = PRESETS[preset].bands, PRESETS[preset].rows
        expected = sum(candidate_probability(value, bands, rows) for value in similarity[of_bin])
        hits = [int(draw[of_bin].sum()) for draw in shared_bands]
        error = np.std(hits, ddof=1) / math.sqrt(SEEDS)
        assert abs(np.mean(hits) - expected) <= 4 * error + 0.5, (low, hits, expected)


def test_what_recall_is_judged_by_is_the_exact_similarity(shared: Path) -> None:
    texts = texts_of(shared / "corpora" / "neardup" / "licence_texts")
    chosen = list(texts.values())[:12]
    left, right = (found.ravel() for found in np.meshgrid(np.arange(len(chosen)), np.arange(len(chosen))))
    found = measured(sets_of(shingle(pa.array(chosen), PRESETS["map-neo"].shingles)), left, right)
    plain = [set(windows(chars_of(text), 13)) for text in chosen]
    expected = [jaccard(plain[a], plain[b]) for a, b in zip(left, right, strict=True)]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ["planted", "licence_texts"])
def test_candidates_are_all_that_share_a_bucket_and_are_measured_exactly(
    shared: Path, tmp_path: Path, name: str
) -> None:
    texts = texts_of(shared / "corpora" / "neardup" / name)
    config = DedupConfig(max_loss=1, max_bucket=100_000)
    result = run(texts, tmp_path, config)
    distinct = {
        text: digest_text(doc) for doc, text in sorted(texts.items(), key=lambda item: digest_text(item[0]))[::-1]
    }
    found = buckets(signatures(shingle(pa.array(distinct), config.minhash.shingles), config.minhash), config.minhash)
    in_bucket: dict[tuple[int, int], list[str]] = defaultdict(list)
    for doc_id, row in zip(distinct.values(), found.tolist(), strict=True):
        for band, bucket in enumerate(row):
            in_bucket[band, bucket].append(doc_id)
    expected = Counter(pair for members in in_bucket.values() for pair in combinations(sorted(members), 2))
    rows = result.pairs.to_pylist()
    assert {(row["doc_id"], row["other"]): row["bands"] for row in rows} == expected

    sets = {doc_id: shingles_of(text) for text, doc_id in distinct.items()}
    for row in rows:
        assert row["jaccard"] == pytest.approx(jaccard(sets[row["doc_id"]], sets[row["other"]]), abs=1e-12)
        assert row["verified"] == (row["jaccard"] >= config.threshold)
    assert any(row["verified"] for row in rows)
    assert not all(row["verified"] for row in rows)


@pytest.mark.parametrize("name", SETS)
def test_equals_the_published_similarities(shared: Path, tmp_path: Path, name: str) -> None:
    """To the four digits of the truth files, whose words are Python's runs of letters and digits: texts that have other
    words here (with combining marks, soft hyphens, or ideographs) are compared elsewhere."""
    folder = shared / "corpora" / "neardup" / name
    texts = texts_of(folder)
    result = run(texts, tmp_path, DedupConfig(max_loss=1))
    by_id = {digest_text(doc): doc for doc in texts}
    known = similar_pairs(folder, name, texts)
    plain = {doc for doc in {*chain(*known)} if words_of(texts[doc]) == PLAIN_WORD.findall(texts[doc].lower())}
    compared = 0
    for row in result.pairs.to_pylist():
        pair = frozenset((by_id[row["doc_id"]], by_id[row["other"]]))
        if pair in known and pair <= plain:
            assert row["jaccard"] == pytest.approx(known[pair], abs=5.1e-5)
            compared += 1
    assert compared >= 5


def test_any_cut_into_shards_gives_the_same_fates(shared: Path, tmp_path: Path) -> None:
    texts = texts_of(shared / "corpora" / "neardup" / "licence_texts")
    fates = []
    for shards in (1, 4):
        result = run(texts, tmp_path / str(shards), DedupConfig(max_loss=1), shards)
        rows = [row for verdicts in result.verdicts for row in verdicts.to_pylist()]
        fates.append(sorted((row["doc_id"], row["kept"], row["rule"], row["value"]) for row in rows if not row["kept"]))
        assert len(rows) == len(texts)
    assert fates[0] == fates[1]
    assert fates[0]
