"""The step ``clusters``: k-means over a sample of curated documents.

The sample is the documents of least seeded hash, so it does not depend on how documents are divided among shards, and
equal documents are sampled whatever else there is. Memory is that of the sample, not of the sources: about 2 kB a
document hashed, 4 bytes a dimension and 4 kB with static embeddings. Cost: two looks at every doc_id, the texts read
once, some 4,000 documents of the sample a second to make vectors.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import Field
from safetensors.numpy import save_file
from scipy import sparse

from gristmill.core.config import Config
from gristmill.core.digests import canonical_json
from gristmill.core.errors import UsageError
from gristmill.core.steps.files import FilesStep, Written, files_step
from gristmill.core.steps.step import StepContext
from gristmill.schemas.tables import Curated
from gristmill.tasks.domains.clustering.clusters import (
    CENTRES,
    EMBEDDINGS,
    FILE,
    ClusterCard,
    ClustersCard,
    NearExample,
)
from gristmill.tasks.domains.clustering.embeddings import Embeddings, copy_model
from gristmill.tasks.domains.clustering.hashed import HashedConfig, Idf, counts_of, idf_of, weighted
from gristmill.tasks.domains.clustering.kmeans import Partition, Rows, k_means, silhouette
from gristmill.tasks.domains.clustering.naming import names_of, terms_of
from gristmill.tasks.mix.curated import batches
from gristmill.tasks.mix.permutation import hash_unit

SAMPLE_SALT, SILHOUETTE_SALT = 0xC105, 0x51
HEAD = 1_000
BEGINS = 120
EXAMPLES = 3
SILHOUETTE_TEXTS = 1_500

Mask = npt.NDArray[np.bool_]


class ClusteringConfig(Config):
    """What clusters depend on, beside the text."""

    k: int = Field(ge=2, le=4096, description="how many clusters")
    seed: int = Field(0, ge=0, lt=1 << 31, description="seed of the sample, the starts and the batches")
    documents: int = Field(20_000, ge=2, description="documents that are sampled, or all where there are fewer")
    passes: int = Field(25, ge=1, description="the most passes over the sample")
    hashed: HashedConfig | None = Field(HashedConfig(), description="null with static embeddings")
    embeddings: str = Field("", description="digest of the static embeddings")


@dataclass(frozen=True)
class ClusteringContext(StepContext):
    """Where the static embeddings are, None for hashed vectors; and what is told how far it is."""

    model: Path | None = None
    told: Callable[[str], None] = field(default=lambda _: None)


@dataclass(frozen=True)
class _Drawn:
    """The documents of the sample by doc_id: columns doc_id, url, record_uri and head; and their vectors, counts where
    they are hashed."""

    frame: pl.DataFrame
    rows: Rows
    documents: int


def clusters_step(context: ClusteringContext) -> FilesStep[ClusteringConfig, list[Path]]:
    """The step that finds clusters."""

    @files_step("clusters", version=1, reads=(Curated,))
    def find_clusters(curated: list[Path], config: ClusteringConfig, out: Path) -> Written:
        """Sample, divide, name, measure; write ``clusters.json`` and the centres.

        Facts: k, texts and the mean silhouette. Raises :class:`UsageError` for fewer documents with words than
        clusters.
        """
        model = None if context.model is None else Embeddings.load(context.model)
        drawn = _draw(curated, config, model, context.told)
        idf = np.empty(0, np.float32) if model is not None else idf_of(_sparse(drawn.rows))
        rows = drawn.rows if model is not None else weighted(_sparse(drawn.rows), idf)
        told = np.asarray(abs(rows).sum(axis=1)).ravel() > 0
        if told.sum() < config.k:
            raise UsageError(
                f"--k {config.k}: of {drawn.documents:,} documents {int(told.sum()):,} have words that count, and each "
                "cluster needs one. Ask for fewer clusters, or name more --source."
            )
        rows, frame = rows[np.flatnonzero(told)], drawn.frame.filter(pl.Series(told))
        context.told(f"dividing {len(frame):,} documents into {config.k} clusters")
        partition = k_means(rows, config.k, config.seed, config.passes)
        card = _card(frame, rows, partition, config, drawn.documents, int((~told).sum()))
        (out / FILE).write_bytes(canonical_json(card.model_dump(mode="json")) + b"\n")
        _save(partition, idf, out)
        if context.model is not None:
            copy_model(context.model, out / EMBEDDINGS)
        return Written({"k": config.k, "texts": card.texts, "silhouette": card.silhouette})

    return find_clusters


def _draw(
    curated: list[Path], config: ClusteringConfig, model: Embeddings | None, told: Callable[[str], None]
) -> _Drawn:
    salt = SAMPLE_SALT + config.seed
    least, documents = np.empty(0), 0
    for batch in batches(curated, ["doc_id"]):
        least = np.sort(np.append(least, hash_unit(batch["doc_id"].to_pylist(), salt)))[: config.documents]
        documents += batch.num_rows
    if not documents:
        raise UsageError("the curated sources have no documents, so there is nothing to divide into clusters.")
    limit = float(least[-1])
    frames, rows, made, started = [], [], 0, time.perf_counter()
    for batch in batches(curated, ["doc_id", "url", "record_uri", "text"]):
        chosen = np.flatnonzero(hash_unit(batch["doc_id"].to_pylist(), salt) <= limit)
        frame = pl.DataFrame(batch.take(chosen))
        if frame.height:
            rows.append(model.of(frame["text"]) if model is not None else counts_of(frame["text"], _hashed(config)))
            made += frame.height
            told(f"reading: {made:,} documents sampled, {made / (time.perf_counter() - started):,.0f}/s")
            frames.append(frame.select("doc_id", "url", "record_uri", head=pl.col("text").str.slice(0, HEAD)))
    whole = pl.concat(frames)
    order = whole["doc_id"].arg_sort().to_numpy()
    stacked = np.concatenate(rows) if model is not None else sparse.csr_array(sparse.vstack(rows, format="csr"))
    return _Drawn(whole[order], stacked[order], documents)


def _card(
    frame: pl.DataFrame,
    rows: Rows,
    partition: Partition,
    config: ClusteringConfig,
    documents: int,
    wordless: int,
) -> ClustersCard:
    nearest, similarity = partition.nearest, partition.similarity
    terms = terms_of(frame["head"], nearest, config.k)
    names = names_of(terms)
    measured = np.argsort(hash_unit(frame["doc_id"].to_list(), SILHOUETTE_SALT), kind="stable")[:SILHOUETTE_TEXTS]
    measured.sort()
    scores = silhouette(rows[measured], nearest[measured], config.k)
    cards = []
    for number in range(config.k):
        members = np.flatnonzero(nearest == number)
        first = members[np.argsort(-similarity[members], kind="stable")][:EXAMPLES]
        own = scores[nearest[measured] == number]
        cards.append(
            ClusterCard(
                number=number,
                name=names[number],
                terms=tuple(terms[number]),
                texts=len(members),
                similarity=_rounded(similarity[members]) or 0.0,
                silhouette=_rounded(own),
                examples=tuple(_example(frame, int(place), float(similarity[place])) for place in first),
            )
        )
    return ClustersCard(
        k=config.k,
        seed=config.seed,
        documents=documents,
        texts=len(nearest),
        wordless=wordless,
        passes=partition.passes,
        hashed=config.hashed,
        silhouette=_rounded(scores),
        silhouette_texts=len(measured),
        clusters=tuple(cards),
    )


def _example(frame: pl.DataFrame, place: int, similarity: float) -> NearExample:
    row = frame.row(place, named=True)
    begins = " ".join(row["head"].split())[:BEGINS]
    return NearExample(
        doc_id=row["doc_id"],
        url=row["url"],
        record_uri=row["record_uri"],
        begins=begins,
        similarity=round(similarity, 6),
    )


def _save(partition: Partition, idf: Idf, out: Path) -> None:
    tensors = {"centres": np.ascontiguousarray(partition.centres)}
    save_file(tensors | ({"idf": idf} if len(idf) else {}), out / CENTRES)


def _rounded(values: Sequence[float] | npt.NDArray[np.float64]) -> float | None:
    return round(float(np.mean(values)), 6) if len(values) else None


def _hashed(config: ClusteringConfig) -> HashedConfig:
    return config.hashed or HashedConfig()


def _sparse(rows: Rows) -> sparse.csr_array:
    return sparse.csr_array(rows)
