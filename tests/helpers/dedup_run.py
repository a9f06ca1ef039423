"""Deduplication from documents to verdicts through the steps' functions, over shards stored under a folder."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.core.digests import digest_text
from gristmill.core.steps.step import Step
from gristmill.core.table import Table, conform
from gristmill.schemas.tables import SIGNALS, Bands, Clusters, Copies, Cuts, Documents, Lines, Pairs, Verdicts
from gristmill.tasks.dedup.config import DedupConfig
from gristmill.tasks.dedup.exact_duplicates import copies
from gristmill.tasks.dedup.minhash import bands
from gristmill.tasks.dedup.near.clusters import clusters
from gristmill.tasks.dedup.near.pairs import pairs
from gristmill.tasks.dedup.records import file_name
from gristmill.tasks.dedup.repeated_lines import lines, repeated_lines
from gristmill.tasks.dedup.verdicts import dedup_verdicts
from tests.helpers.ledger_rows import signals_of

QUALITY = "gopher_quality.alpha_word_ratio"


@dataclass(frozen=True)
class Shard:
    """Documents, what the policy said of them, and the quality of each."""

    documents: pa.Table
    verdicts: pa.Table
    quality: list[float]


@dataclass(frozen=True)
class Result:
    """What deduplication wrote: ``tables`` holds a table for each shard, ``files`` the files of every table."""

    tables: dict[str, list[pa.Table]]
    verdicts: list[pa.Table]
    files: dict[str, list[Path]] = field(repr=False)

    @property
    def pairs(self) -> pa.Table:
        """Pairs of all shards, sorted."""
        return conform(Pairs, pa.concat_tables(self.tables[Pairs.name]))

    @property
    def clusters(self) -> pa.Table:
        """Clusters of all shards, sorted."""
        return conform(Clusters, pa.concat_tables(self.tables[Clusters.name]))

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

    def kept(self) -> set[str]:
        """doc_ids that stay."""
        return {row["doc_id"] for verdicts in self.verdicts for row in verdicts.to_pylist() if row["kept"]}


def deduplicate(
    shards: Sequence[Shard],
    folder: Path,
    config: DedupConfig | None = None,
    *,
    known: Result | None = None,
    frozen: Sequence[int] = (),
    earlier: Result | None = None,
) -> Result:
    """Run the steps over ``shards``; every file goes under ``folder``, which must not hold an earlier run.

    ``known``: a run over some of these shards whose work is to be used again. ``frozen``: numbers of the shards for
    which the verdicts of ``earlier`` stand.
    """
    config = config or DedupConfig()
    run = _Run(folder, len(shards))
    for place, part in enumerate(shards):
        run.store(Documents, place, part.documents)
        run.store(Verdicts, place, part.verdicts)
        run.store(Bands, place, bands.function(part.documents, part.verdicts, config.minhash))
        if config.lines:
            run.store(Lines, place, lines.function(part.documents, part.verdicts, config.lines.lines()))
        signals = signals_of(part.documents, {QUALITY: part.quality})
        for table in SIGNALS:
            run.store(table, place, signals[table.name])
    documents, verdicts = run.files[Documents.name], run.files[Verdicts.name]
    names = tuple(file_name(documents[place]) for place in frozen)
    if earlier is not None:
        verdicts = [
            run.earlier(place, earlier.verdicts[place]) if place in frozen else path
            for place, path in enumerate(verdicts)
        ]
    before = known.files if known else {}

    run.scatter(copies, Copies, documents, verdicts, before.get(Copies.name, []), config.copies(names))
    copied = run.files[Copies.name]
    if config.lines:
        run.scatter(repeated_lines, Cuts, documents, verdicts, copied, run.files[Lines.name], config.repeats(names))
    cuts = run.files.get(Cuts.name, [])
    found = (documents, verdicts, copied, cuts)
    run.scatter(pairs, Pairs, *found, run.files[Bands.name], [], before.get(Pairs.name, []), config.pairs(names))
    scores = {table.name: run.files[table.name] for table in SIGNALS}
    run.scatter(clusters, Clusters, *found, run.files[Pairs.name], scores, config.clusters(QUALITY, names))
    fates = []
    for place, part in enumerate(shards):
        of_shard = (
            run.tables[Clusters.name][place],
            run.tables[Cuts.name][place] if cuts else Cuts.schema.empty_table(),
        )
        fates.append(
            conform(Verdicts, dedup_verdicts.function(part.documents, part.verdicts, *of_shard, config.verdicts()))
            if place not in frozen or earlier is None
            else earlier.verdicts[place]
        )
    return Result(run.tables, fates, run.files)


class _Run:
    """Files of one run, as a lake names them: ``<table>/<shard>/<key>.parquet``."""

    def __init__(self, folder: Path, shards: int) -> None:
        self.folder = folder
        self.shards = [f"shard[{place}]*'" for place in range(shards)]  # characters that a file list must not expand
        self.tables: dict[str, list[pa.Table]] = {}
        self.files: dict[str, list[Path]] = {}

    def store(self, table: Table, place: int, rows: pa.Table) -> None:
        """Write rows as the lake would."""
        path = self.folder / table.sql_name / self.shards[place] / "key.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        conformed = conform(table, rows)
        pq.write_table(conformed, path)
        self.files.setdefault(table.name, []).append(path)
        self.tables.setdefault(table.name, []).append(conformed)

    def earlier(self, place: int, verdicts: pa.Table) -> Path:
        """Write verdicts of an earlier run for a shard."""
        path = self.folder / "earlier" / self.shards[place] / "key.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(verdicts, path)
        return path

    def scatter(self, step: Step[Any], table: Table, *arguments: Any) -> None:
        """Run a step over all shards and store what it gives for each."""
        scratch = self.folder / f"scratch-{step.name}"
        scratch.mkdir(parents=True)
        for place, rows in enumerate(step.function(*arguments, scratch)):
            self.store(table, place, rows)
        assert len(self.files[table.name]) == len(self.shards)
