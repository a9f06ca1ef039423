"""Deduplication by the pipeline's own steps, text in to text out, as one command without Prefect.

    python -m benchmarks.dedup INPUT_JSONL_FOLDER OUTPUT_FOLDER [--preset fineweb] [--threshold 0.75]

Reads JSON lines (``id``, ``text``, ``url``), runs bands, copies, pairs (with exact verification), clusters and verdicts
over the shards, and writes what stays to ``OUTPUT_FOLDER/output``. Everything that the pipeline would keep in its lake
is written as Parquet under ``OUTPUT_FOLDER/lake``, evidence included. Prints the seconds of processor of each stage.
"""

import argparse
import shutil
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.digests import digest_text
from schemas.lake import conform
from schemas.signals import SIGNALS, SignalsGopherQuality
from schemas.table import Table
from schemas.tables import Bands, Clusters, Copies, Cuts, Documents, Pairs, Verdicts
from tasks.decide import STAGE, kept_rows, ledger
from tasks.dedup.clusters import clusters
from tasks.dedup.config import DedupConfig
from tasks.dedup.copies import copies
from tasks.dedup.pairs import pairs
from tasks.dedup.verdicts import dedup_verdicts
from tasks.minhash import PRESETS, bands
from tasks.step import Step

QUALITY = "gopher_quality.alpha_word_ratio"


class Run:
    """Files of one run, ``lake/<table>/<shard>.parquet``, and the processor's seconds of each stage."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: dict[str, list[Path]] = {}
        self.seconds: dict[str, float] = {}
        self._clock = time.process_time()

    def lap(self, stage: str) -> None:
        """Count what has passed since the last lap as this stage's."""
        now = time.process_time()
        self.seconds[stage] = self.seconds.get(stage, 0) + now - self._clock
        self._clock = now

    def store(self, table: Table, shard: str, rows: pa.Table) -> pa.Table:
        """Write rows as the lake would."""
        path = self.folder / "lake" / table.sql_name / f"{shard}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        conformed = conform(table, rows)
        pq.write_table(conformed, path, compression="zstd")
        self.files.setdefault(table.name, []).append(path)
        return conformed

    def scatter(self, step: Step, table: Table, shards: Iterable[str], *arguments: Any) -> None:
        """Run a step over all shards."""
        scratch = self.folder / "scratch" / step.name
        scratch.mkdir(parents=True)
        for shard, rows in zip(shards, step.function(*arguments, scratch), strict=True):
            self.store(table, shard, rows)
        shutil.rmtree(scratch)
        self.lap(step.name)


def main() -> None:
    """Deduplicate and say what each stage took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--preset", default="fineweb", choices=sorted(PRESETS))
    parser.add_argument("--threshold", type=float, default=0.75)
    arguments = parser.parse_args()
    config = DedupConfig(minhash=PRESETS[arguments.preset], threshold=arguments.threshold, max_loss=1)
    run = deduplicate(sorted(arguments.source.glob("*.jsonl")), arguments.target, config)
    print("\n".join(f"{stage:14} {seconds:8.2f} s" for stage, seconds in run.seconds.items()))


def deduplicate(sources: list[Path], target: Path, config: DedupConfig) -> Run:
    """Every file of ``sources`` is a shard."""
    run = Run(target)
    run.lap("imports")
    shards = [path.stem for path in sources]
    for path in sources:
        documents = run.store(Documents, path.stem, read(path))
        verdicts = ledger([kept_rows(pl.DataFrame(documents.select(["doc_id", "source"])), STAGE)])
        run.store(Verdicts, path.stem, verdicts)
        run.store(SignalsGopherQuality, path.stem, no_quality(documents))
        run.lap("read")
        run.store(Bands, path.stem, bands.function(documents, verdicts, config.minhash))
        run.lap("bands")
    found = [run.files[Documents.name], run.files[Verdicts.name]]
    run.scatter(copies, Copies, shards, *found, [], config.copies())
    found += [run.files[Copies.name], []]
    run.scatter(pairs, Pairs, shards, *found, run.files[Bands.name], [], config.pairs())
    signals = [run.files.get(table.name, []) for table in SIGNALS]
    run.scatter(clusters, Clusters, shards, *found, run.files[Pairs.name], *signals, config.clusters(QUALITY))
    for place, path in enumerate(sources):
        write(run, place, path.stem, config)
    return run


def read(path: Path) -> pa.Table:
    """JSON lines as Documents."""
    rows = pl.read_ndjson(path, schema={"id": pl.String, "text": pl.String, "url": pl.String}).to_arrow()
    text = rows.column("text").cast(pa.string())
    ids = rows.column("id").to_pylist()
    given = {
        "doc_id": pa.array([digest_text(f"bench\n{name}") for name in ids]),
        "source": pa.array(["bench"] * len(ids)),
        "url": rows.column("url").cast(pa.string()),
        "record_uri": pa.array([f"{path.name}#{name}" for name in ids]),
        "text": text,
        "text_hash": pa.array([digest_text(value) for value in text.to_pylist()]),
        "chars": pc.utf8_length(text),
    }
    blank = pa.array([""] * len(ids))
    return pa.table(
        {
            field.name: given.get(field.name, pa.nulls(len(ids), field.type) if field.nullable else blank)
            for field in Documents.schema
        }
    )


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
    """The verdicts of a shard, and the texts that stay as JSON lines."""
    documents, verdicts, found = (
        pq.read_table(run.files[table.name][place]) for table in (Documents, Verdicts, Clusters)
    )
    fates = dedup_verdicts.function(documents, verdicts, found, Cuts.schema.empty_table(), config.verdicts())
    pq.write_table(conform(Verdicts, fates), run.folder / "lake" / f"fates-{shard}.parquet", compression="zstd")
    kept = pl.DataFrame(fates).filter("kept").select("doc_id")
    texts = pl.DataFrame(documents.select(["doc_id", "record_uri", "text", "url"])).join(kept, on="doc_id", how="semi")
    output = run.folder / "output"
    output.mkdir(exist_ok=True)
    texts.select(id=pl.col("record_uri").str.split("#").list.last(), text="text", url="url").write_ndjson(
        output / f"{shard}.jsonl"
    )
    run.lap("write")


if __name__ == "__main__":
    main()
