"""Clusters: planted topics are found, named and found again; the same seed gives the same bytes; memory is bounded."""

import json
import random
import tracemalloc
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import save_file
from scipy import sparse
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from gristmill.core.digests import digest_folder
from gristmill.core.errors import UsageError
from gristmill.tasks.domains.clustering.clusters import CENTRES, FILE, Clusters, ClustersCard, clusters_model, read_card
from gristmill.tasks.domains.clustering.embeddings import Embeddings, digest_model
from gristmill.tasks.domains.clustering.fit import ClusteringConfig, ClusteringContext, clusters_step
from gristmill.tasks.domains.clustering.hashed import HashedConfig, counts_of, idf_of, weighted
from gristmill.tasks.domains.clustering.kmeans import assigned, k_means, silhouette
from gristmill.tasks.domains.clustering.naming import names_of
from tests.helpers.topic_corpus import WORDS, curated_table, topic_documents, topic_text


def fitted(out: Path, curated: list[Path], model: Path | None = None, **settings: object) -> ClustersCard:
    out.mkdir()
    config = ClusteringConfig.parse({"k": 3, **settings}, "test")
    if model is not None:
        config = config.model_copy(update={"hashed": None, "embeddings": digest_model(model)})
    clusters_step(ClusteringContext(model)).function(curated, config, out)
    return read_card(out)


@pytest.fixture(scope="module")
def curated(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three topics, in two shards."""
    folder, rows = tmp_path_factory.mktemp("curated"), topic_documents(40)
    paths = [folder / "a.parquet", folder / "b.parquet"]
    for part, path in enumerate(paths):
        pq.write_table(curated_table(rows[part::2]), path)
    return paths


@pytest.fixture(scope="module")
def embeddings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model as model2vec saves one: a vector a word, those of a topic alike; the fillers weigh nothing."""
    folder, draw = tmp_path_factory.mktemp("model"), np.random.default_rng(0)
    vocabulary, vectors = {"[UNK]": 0}, [np.zeros(8)]
    for topic, words in enumerate(WORDS.values()):
        for word in words.split():
            vocabulary[word] = len(vocabulary)
            vectors.append(np.eye(8)[topic] + 0.1 * draw.normal(size=8))
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))  # noqa: S106 - no password
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    save_file({"embeddings": np.array(vectors, np.float32)}, folder / "model.safetensors")
    return folder


def of_topics(clusters: Clusters) -> list[int]:
    """The cluster of each topic by texts it has not seen; -1 where they do not agree."""
    draw = random.Random(99)
    found = [clusters.of(pl.Series([topic_text(topic, draw) for _ in range(10)]))[0] for topic in WORDS]
    return [int(numbers[0]) if len(set(numbers.tolist())) == 1 else -1 for numbers in found]


def test_planted_topics_are_found_and_named(curated: list[Path], tmp_path: Path) -> None:
    card = fitted(tmp_path / "out", curated)
    assert [each.texts for each in card.clusters] == [40, 40, 40]
    clusters = Clusters.load(clusters_model(tmp_path / "out"))
    places = of_topics(clusters)
    assert sorted(places) == [0, 1, 2]
    for topic, place in zip(WORDS, places, strict=True):
        assert set(card.clusters[place].terms) <= set(WORDS[topic].split())
        assert set(clusters.names[place].split("-")) <= set(WORDS[topic].split())
        assert len(card.clusters[place].examples) == 3
    assert card.silhouette is not None
    assert card.silhouette > 0.2
    assert clusters.of(pl.Series(["", "12 -- 34"]))[0].tolist() == [-1, -1]


def test_the_same_seed_gives_the_same_bytes_however_documents_are_divided(curated: list[Path], tmp_path: Path) -> None:
    pq.write_table(curated_table(topic_documents(40)), tmp_path / "one.parquet")
    fitted(tmp_path / "a", curated, documents=60)
    fitted(tmp_path / "b", [tmp_path / "one.parquet"], documents=60)
    assert digest_folder(tmp_path / "a") == digest_folder(tmp_path / "b")
    other = fitted(tmp_path / "c", curated, documents=60, seed=1)
    assert (other.texts, other.documents) == (60, 120)
    assert digest_folder(tmp_path / "c") != digest_folder(tmp_path / "a")


def test_static_embeddings_are_those_of_model2vec(embeddings: Path) -> None:
    """Mean of the vectors without unknown tokens, of length 1; zeros without any."""
    model = Embeddings.load(embeddings)
    found = model.of(pl.Series(["flour oven what", "", "what"]))
    mean = model.vectors[[1, 2]].mean(axis=0)
    assert np.allclose(found[0], mean / np.linalg.norm(mean), atol=1e-6)
    assert not found[1:].any()


def test_mapping_and_weights_are_applied(embeddings: Path, tmp_path: Path) -> None:
    whole = Embeddings.load(embeddings)
    mapping = np.arange(len(whole.vectors))[::-1].copy()
    weights = np.linspace(0.1, 2, len(whole.vectors)).astype(np.float32)
    tensors = {"embedding.weight": whole.vectors, "mapping": mapping, "weights": weights}
    save_file(tensors, tmp_path / "model.safetensors")
    (tmp_path / "tokenizer.json").write_bytes((embeddings / "tokenizer.json").read_bytes())
    mean = (whole.vectors[mapping[[1, 2]]] * weights[[1, 2], None]).mean(axis=0)
    assert np.allclose(
        Embeddings.load(tmp_path).of(pl.Series(["flour oven"]))[0], mean / np.linalg.norm(mean), atol=1e-6
    )


def test_clusters_by_embeddings_carry_the_model(curated: list[Path], embeddings: Path, tmp_path: Path) -> None:
    rows = [row | {"text": " ".join(row["text"])} if row["language"] == "zh" else row for row in topic_documents(20)]
    rows = [row for row in rows if row["language"] == "en"]
    pq.write_table(curated_table(rows), tmp_path / "curated.parquet")
    card = fitted(tmp_path / "out", [tmp_path / "curated.parquet"], embeddings, k=2)
    assert card.hashed is None
    assert [each.texts for each in card.clusters] == [20, 20]
    places = of_topics(Clusters.load(clusters_model(tmp_path / "out")))[:2]
    assert sorted(places) == [0, 1]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "the folder has no model.safetensors. Give the folder of a model2vec model"),
        ({"model.safetensors": b"x" * 90, "tokenizer.json": b"{}"}, "this is not a file of safetensors"),
        ({"model.safetensors": None, "tokenizer.json": b"{}"}, "not a file of the library tokenizers"),
    ],
)
def test_what_is_no_model_is_refused(
    files: dict[str, bytes | None], message: str, embeddings: Path, tmp_path: Path
) -> None:
    for name, content in files.items():
        (tmp_path / name).write_bytes((embeddings / name).read_bytes() if content is None else content)
    with pytest.raises(UsageError, match=message):
        Embeddings.load(tmp_path)
    with pytest.raises(UsageError, match=r"--model .*gone: there is no such folder"):
        Embeddings.load(tmp_path / "gone")


def test_too_few_vectors_are_refused(embeddings: Path, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_bytes((embeddings / "tokenizer.json").read_bytes())
    save_file({"embeddings": np.zeros((3, 8), np.float32)}, tmp_path / "model.safetensors")
    with pytest.raises(UsageError, match="3 vectors for 37 tokens"):
        Embeddings.load(tmp_path)
    save_file({"other": np.zeros((3, 8), np.float32)}, tmp_path / "model.safetensors")
    with pytest.raises(UsageError, match=r"it holds no static embeddings, only \['other'\]"):
        Embeddings.load(tmp_path)


def test_more_clusters_than_documents_with_words_are_refused(tmp_path: Path) -> None:
    rows = [row | {"text": "1234 --"} for row in topic_documents(1)]
    pq.write_table(curated_table(rows), tmp_path / "curated.parquet")
    with pytest.raises(UsageError, match="--k 3: of 3 documents 0 have words that count"):
        fitted(tmp_path / "out", [tmp_path / "curated.parquet"])


def test_changed_or_missing_clusters_are_refused(curated: list[Path], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there are no clusters here. Name clusters that `gristmill domains cluster`"):
        clusters_model(tmp_path)
    fitted(tmp_path / "out", curated)
    config = clusters_model(tmp_path / "out")
    card = json.loads((tmp_path / "out" / FILE).read_bytes())
    (tmp_path / "out" / FILE).write_text(json.dumps(card | {"seed": 5}), encoding="utf-8")
    with pytest.raises(UsageError, match="these are not the clusters"):
        Clusters.load(config)
    save_file({"centres": np.zeros((2, 4), np.float32), "idf": np.zeros(4, np.float32)}, tmp_path / "out" / CENTRES)
    with pytest.raises(UsageError, match=r"these centres do not fit clusters\.json"):
        clusters_model(tmp_path / "out")


# -- vectors and k-means ----------------------------------------------------------------------------------------------


def test_vectors_count_words_and_pairs() -> None:
    texts = pl.Series(["Mill mill stone", "", "stone", "水车 水车"])
    counts = counts_of(texts, HashedConfig(bits=16))
    assert counts.sum(axis=1).tolist() == [5, 0, 1, 3]
    assert sorted(counts[[0]].data.tolist()) == [1, 1, 1, 2]
    assert counts_of(texts, HashedConfig(bits=16, pairs=False)).sum(axis=1).tolist() == [3, 0, 1, 2]
    rows = weighted(counts, np.ones(1 << 16, np.float32))
    assert np.allclose(np.sqrt((rows**2).sum(axis=1)), [1, 0, 1, 1])


def test_columns_of_one_text_or_of_most_texts_count_nothing() -> None:
    texts = pl.Series(["all rare", "all both", "all both", "all none"])
    counts = counts_of(texts, HashedConfig(bits=16, pairs=False))
    idf = idf_of(counts)
    assert np.count_nonzero(idf) == 1
    assert idf.max() == pytest.approx(np.log(5 / 3) + 1)


@pytest.mark.parametrize("dense", [False, True])
def test_k_means_finds_what_lloyd_finds_and_ends(dense: bool) -> None:
    draw = np.random.default_rng(1)
    centres = np.eye(12, dtype=np.float32)[:5]
    truth = draw.integers(0, 5, 6_000)
    rows = (centres[truth] + 0.15 * draw.normal(size=(6_000, 12))).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    found = k_means(rows if dense else sparse.csr_array(rows), 5, 3, 25)
    pairs = {(int(a), int(b)) for a, b in zip(truth, found.nearest, strict=True)}
    counted = np.zeros((5, 5))
    np.add.at(counted, (truth, found.nearest), 1)
    assert len(pairs) >= 5
    assert counted.max(axis=1).sum() / 6_000 > 0.99
    assert np.allclose(np.linalg.norm(found.centres, axis=1), 1, atol=1e-4)
    assert found.passes < 25
    means = np.stack([rows[found.nearest == number].mean(axis=0) for number in range(5)])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    assert np.allclose(found.centres, means, atol=0.01)


def test_every_cluster_has_rows_where_rows_differ() -> None:
    rows = np.eye(6, dtype=np.float32).repeat(30, axis=0)
    found = k_means(rows, 6, 0, 10)
    assert sorted(np.bincount(found.nearest, minlength=6).tolist()) == [30] * 6
    with pytest.raises(ValueError, match="2 rows cannot have 3 centres"):
        k_means(rows[:2], 3, 0, 10)


def test_silhouettes_by_hand() -> None:
    rows = np.array([[1, 0], [1, 0], [0, 1], [0.6, 0.8]], np.float32)
    scores = silhouette(rows, np.array([0, 0, 1, 1], np.int32), 2)
    outside = (1 - 0.0 + 1 - 0.6) / 2
    assert scores[0] == pytest.approx((outside - 0) / outside)
    assert scores[3] == pytest.approx(((1 - 0.6) - (1 - 0.8)) / (1 - 0.6))
    assert silhouette(rows[:3], np.array([0, 0, 1], np.int32), 2)[2] == 0
    assert assigned(np.zeros((1, 2), np.float32), rows[:2])[0].tolist() == [-1]


def test_names_can_name_files_and_differ() -> None:
    names = names_of([["sea", "c++", "sea"], ["sea", "c"], [], ["2024"], ["词" * 40, "b"]])
    assert names[:4] == ["sea-c", "sea-c-1", "cluster-2", "2024-3"]
    assert len(names[4].encode()) <= 60


# -- memory -----------------------------------------------------------------------------------------------------------


def test_memory_does_not_grow_with_the_corpus(curated: list[Path], tmp_path: Path) -> None:
    """What Python and numpy hold at most, for 300 documents and for 3,000; a sample of all would take ten times as
    much."""

    def peak(copies: int, documents: int) -> int:
        path, out = tmp_path / f"{copies}.parquet", tmp_path / f"{copies}-{documents}"
        if not path.exists():
            rows = [row for seed in range(copies) for row in topic_documents(100, seed)]
            pq.write_table(curated_table(rows), path, row_group_size=200)
        tracemalloc.start()
        fitted(out, [path], documents=documents)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    fitted(tmp_path / "first", curated)  # tables that are made once
    small, large = peak(1, 250), peak(10, 250)
    assert large / small <= 1.15
    assert peak(10, 3_000) / small > 3
