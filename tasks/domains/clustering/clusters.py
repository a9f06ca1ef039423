"""Clusters that were found: their centres and names on disk, and the nearest one of each text.

::

    clusters.json         names, terms, sizes, silhouettes and examples, and how texts become vectors
    centres.safetensors   centres (k, columns), and for hashed vectors the weight of each column
    embeddings/           the static embeddings that the centres belong to, where they were found with some

Everything that is needed is in the folder, and nothing in it is run. Cost: that of the vectors
(:mod:`gristmill.tasks.domains.clustering.hashed`, :mod:`gristmill.tasks.domains.clustering.embeddings`).
"""

import threading
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl
from safetensors import SafetensorError
from safetensors.numpy import load_file

from gristmill.core.config import Config
from gristmill.core.digests import digest_folder
from gristmill.core.errors import UsageError
from gristmill.tasks.domains.clustering.embeddings import Embeddings
from gristmill.tasks.domains.clustering.hashed import HashedConfig, Idf, counts_of, weighted
from gristmill.tasks.domains.clustering.kmeans import Centres, Floats, Numbers, Rows, assigned
from gristmill.tasks.domains.models import ClustersModelConfig

FILE, CENTRES, EMBEDDINGS = "clusters.json", "centres.safetensors", "embeddings"
HINT = "Name clusters that `gristmill domains cluster` found, or their folder."

_loading = threading.Lock()


class NearExample(Config):
    """A document near the centre of its cluster."""

    doc_id: str
    url: str | None
    record_uri: str
    begins: str
    similarity: float


class ClusterCard(Config):
    """One cluster of the sample. ``texts``: how many; ``silhouette``: their mean, None where none was measured."""

    number: int
    name: str
    terms: tuple[str, ...]
    texts: int
    similarity: float
    silhouette: float | None
    examples: tuple[NearExample, ...]


class ClustersCard(Config):
    """What is known of all clusters. ``documents``: of the sources; ``texts``: how many were divided, and
    ``wordless`` how many of the sample had no word that counts. ``hashed`` is null with static embeddings."""

    format: Literal[1] = 1
    k: int
    seed: int
    documents: int
    texts: int
    wordless: int
    passes: int
    hashed: HashedConfig | None
    silhouette: float | None
    silhouette_texts: int
    clusters: tuple[ClusterCard, ...]


def clusters_model(path: Path) -> ClustersModelConfig:
    """The config for a folder of clusters. Raises :class:`UsageError` when it is not one."""
    if not (path / FILE).is_file():
        raise UsageError(f"clusters: {path}: there are no clusters here. {HINT}")
    config = ClustersModelConfig(digest=digest_folder(path), path=path)
    Clusters.load(config)
    return config


def read_card(path: Path) -> ClustersCard:
    """What is known of the clusters in a folder. Raises :class:`UsageError` when it cannot be read."""
    try:
        return ClustersCard.model_validate_json((path / FILE).read_bytes())
    except (OSError, ValueError) as error:
        raise UsageError(f"{path / FILE}: this cannot be read: {error}. {HINT}") from error


@dataclass(frozen=True)
class Vectors:
    """How texts become rows: hashed TF-IDF with its weights, or static embeddings."""

    hashed: HashedConfig | None
    idf: Idf
    embeddings: Embeddings | None

    def of(self, texts: pl.Series) -> Rows:
        """A row of length 1 for each text, or of zeros where nothing in it counts."""
        if self.embeddings is not None:
            return self.embeddings.of(texts)
        return weighted(counts_of(texts, self.hashed or HashedConfig()), self.idf)


@dataclass(frozen=True)
class Clusters:
    """Loaded clusters."""

    names: tuple[str, ...]
    centres: Centres
    vectors: Vectors

    @classmethod
    def load(cls, config: ClustersModelConfig) -> "Clusters":
        """The clusters, loaded once in a process. Raises :class:`UsageError` for a folder that holds none, or others
        than the config says."""
        with _loading:
            if not config.path.is_dir() or digest_folder(config.path) != config.digest:
                raise UsageError(f"{config.path}: these are not the clusters {config.digest} of the settings. {HINT}")
            return _load(config.path, config.digest)

    def of(self, texts: pl.Series) -> tuple[Numbers, Floats]:
        """The number of the nearest cluster of each text, and the cosine similarity to its centre; -1 and 0 for a text
        without anything that counts."""
        return assigned(self.vectors.of(texts), self.centres)


@lru_cache(maxsize=4)
def _load(path: Path, digest: str) -> Clusters:
    card = read_card(path)
    try:
        tensors = load_file(path / CENTRES)
        centres: npt.NDArray[np.float32] = tensors["centres"]
        idf: Idf = tensors["idf"] if card.hashed is not None else np.empty(0, np.float32)
    except (SafetensorError, OSError, KeyError) as error:
        raise UsageError(f"{path / CENTRES}: this is not a file of centres: {error}. {HINT}") from error
    embeddings = Embeddings.load(path / EMBEDDINGS) if card.hashed is None else None
    columns = embeddings.vectors.shape[1] if embeddings is not None else len(idf)
    wanted = columns if card.hashed is None else 1 << card.hashed.bits
    if centres.shape != (len(card.clusters), columns) or columns != wanted or not np.isfinite(centres).all():
        raise UsageError(f"{path / CENTRES}: these centres do not fit {FILE}. {HINT}")
    return Clusters(tuple(each.name for each in card.clusters), centres, Vectors(card.hashed, idf, embeddings))
