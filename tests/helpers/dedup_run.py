"""Deduplication from documents to verdicts through the steps' functions, over shards stored under a folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from schemas.digests import digest_text
from schemas.lake import conform
from schemas.signals import SIGNALS
from schemas.tables import Bands, Clusters, Documents, Pairs, Verdicts
from tasks.dedup.clusters import clusters
from tasks.dedup.config import DedupConfig
from tasks.dedup.pairs import pairs
from tasks.dedup.verdicts import dedup_verdicts
from tasks.minhash import bands
from tests.helpers.ledger_rows import signals_of, store

QUALITY = "gopher_quality.alpha_word_ratio"


@dataclass(frozen=True)
class Shard:
    """Documents, what the policy said of them, and the quality of each."""

    documents: pa.Table
    verdicts: pa.Table
    quality: list[float]


@dataclass(frozen=True)
class Result:
    """What deduplication wrote."""

    pairs: pa.Table
    clusters: pa.Table
    verdicts: list[pa.Table]

    def fate(self, shard: int, name: str) -> tuple[Any, ...]:
        """(kept, rule, value, value_text, threshold) of the one row of a document."""
        rows = [row for row in self.verdicts[shard].to_pylist() if row["doc_id"] == digest_text(name)]
        assert len(rows) == 1
        return tuple(rows[0][column] for column in ("kept", "rule", "value", "value_text", "threshold"))

    def cluster(self, name: str) -> set[str]:
        """doc_ids of the cluster that ``name`` is in."""
        rows = self.clusters.to_pylist()
        mine = {row["cluster_id"] for row in rows if row["doc_id"] == digest_text(name)}
        return {row["doc_id"] for row in rows if row["cluster_id"] in mine}


def deduplicate(shards: list[Shard], folder: Path, config: DedupConfig | None = None) -> Result:
    """Run the four steps over ``shards``; every file goes under ``folder``, which must not hold an earlier run."""
    config = config or DedupConfig()
    documents, verdicts, band_files = [], [], []
    signal_files: list[list[Path]] = [[] for _ in SIGNALS]
    for place, part in enumerate(shards):
        home = folder / f"shard[{place}]*'"  # characters that a file list must not expand
        documents.append(store(home, Documents, part.documents))
        verdicts.append(store(home, Verdicts, part.verdicts))
        band_files.append(store(home, Bands, bands.function(part.documents, part.verdicts, config.minhash)))
        rows = signals_of(part.documents, {QUALITY: part.quality})
        for table, signal, paths in zip(SIGNALS, rows, signal_files, strict=True):
            paths.append(store(home, table, signal))
    scratch = [folder / "scratch1", folder / "scratch2"]
    for empty in scratch:
        empty.mkdir()
    found = conform(Pairs, pairs.function(band_files, documents, verdicts, config.pairs(), scratch[0]))
    pair_files = [store(folder / "pairs", Pairs, found)]
    members = conform(
        Clusters,
        clusters.function(documents, verdicts, pair_files, *signal_files, config.clusters(QUALITY), scratch[1]),
    )
    fates = [
        conform(Verdicts, dedup_verdicts.function(part.documents, part.verdicts, members, config.verdicts()))
        for part in shards
    ]
    return Result(found, members, fates)
