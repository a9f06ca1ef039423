"""Deduplication by the pipeline's own steps, text in to text out, as one command without Prefect.

    python -m benchmarks.dedup INPUT_JSONL_FOLDER OUTPUT_FOLDER [--preset fineweb] [--threshold 0.75]

Reads JSON lines (``id``, ``text``, ``url``), runs bands, exact duplicates, pairs (verified), clusters and verdicts
over the shards, and writes what is kept to ``OUTPUT_FOLDER/output``. Everything that the pipeline would store in its
lake is written as Parquet under ``OUTPUT_FOLDER/lake``, including the evidence. Prints each stage's processor time.
"""

import argparse
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.shards import Run, read, sources, write_kept
from gristmill.core.table import conform
from gristmill.schemas.stages import StageName
from gristmill.schemas.tables import (
    SIGNALS,
    Bands,
    Clusters,
    Copies,
    Cuts,
    Documents,
    Pairs,
    SignalsGopherQuality,
    Verdicts,
)
from gristmill.tasks.dedup.config import DedupConfig
from gristmill.tasks.dedup.exact_duplicates import copies
from gristmill.tasks.dedup.minhash import bands
from gristmill.tasks.dedup.near.clusters import clusters
from gristmill.tasks.dedup.near.pairs import pairs
from gristmill.tasks.dedup.presets import PRESETS
from gristmill.tasks.dedup.verdicts import dedup_verdicts
from gristmill.tasks.filtering.decide import kept_rows, ledger

QUALITY = "gopher_quality.alpha_word_ratio"


def main() -> None:
    """Deduplicate and report the time of each stage."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--preset", default="fineweb", choices=sorted(PRESETS))
    parser.add_argument("--threshold", type=float, default=0.75)
    arguments = parser.parse_args()
    config = DedupConfig(minhash=PRESETS[arguments.preset], threshold=arguments.threshold, max_loss=1)
    run = deduplicate(sources(arguments.source), arguments.target, config)
    run.report()


def deduplicate(sources: list[Path], target: Path, config: DedupConfig) -> Run:
    """Deduplicate the files of ``sources``, one shard each."""
    run = Run(target)
    run.lap("imports")
    shards = [path.stem for path in sources]
    for path in sources:
        documents = run.store(Documents, path.stem, read(path))
        verdicts = ledger([kept_rows(pl.DataFrame(documents.select(["doc_id", "source"])), StageName.DECIDE)])
        run.store(Verdicts, path.stem, verdicts)
        run.store(SignalsGopherQuality, path.stem, no_quality(documents))
        run.lap("read")
        run.store(Bands, path.stem, bands.function(documents, verdicts, config.minhash))
        run.lap("bands")
    found = [run.files[Documents.name], run.files[Verdicts.name]]
    run.scatter(copies, Copies, shards, *found, [], config.copies())
    found += [run.files[Copies.name], []]
    run.scatter(pairs, Pairs, shards, *found, run.files[Bands.name], [], [], config.pairs())
    signals = {table.name: run.files.get(table.name, []) for table in SIGNALS}
    run.scatter(clusters, Clusters, shards, *found, run.files[Pairs.name], signals, config.clusters(QUALITY))
    for place, path in enumerate(sources):
        write(run, place, path.stem, config)
    return run


def no_quality(documents: pa.Table) -> pa.Table:
    """Signals that rank no document before another: the longest represents a cluster."""
    zeros = np.zeros(documents.num_rows)
    return pa.table(
        {
            field.name: documents.column("doc_id") if field.name == "doc_id" else pa.array(zeros).cast(field.type)
            for field in SignalsGopherQuality.schema
        }
    )


def write(run: Run, place: int, shard: str, config: DedupConfig) -> None:
    """Write the verdicts of a shard, and the kept texts as JSON lines."""
    documents, verdicts, found = (
        pq.read_table(run.files[table.name][place]) for table in (Documents, Verdicts, Clusters)
    )
    fates = dedup_verdicts.function(documents, verdicts, found, Cuts.schema.empty_table(), config.verdicts())
    pq.write_table(conform(Verdicts, fates), run.folder / "lake" / f"fates-{shard}.parquet", compression="zstd")
    write_kept(documents, fates, run.folder / "output" / f"{shard}.jsonl")
    run.lap("write")


if __name__ == "__main__":
    main()
