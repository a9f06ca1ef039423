"""Memory and time of deduplication's global steps at N and 10 N documents under one budget.

    python -m benchmarks.joins [--documents 100000] [--memory 512MiB] [--folder DIR]

Documents are synthetic: 30 words each, half of them in families of five that differ in their last word, in shards of
50,000, with the bands that such families have (ten of fourteen shared). The steps run in a fresh process each time,
with that budget; the kernel reports its peak resident memory. Results: ``benchmarks/results/joins.json``.
"""

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from benchmarks.harness import Side, machine, measure
from gristmill.core.steps.step import Step
from gristmill.core.table import Table, conform
from gristmill.schemas.stages import StageName
from gristmill.schemas.tables import SIGNALS, Bands, Clusters, Copies, Documents, Pairs, SignalsGopherQuality, Verdicts
from gristmill.tasks.dedup.config import DedupConfig
from gristmill.tasks.dedup.exact_duplicates import copies
from gristmill.tasks.dedup.near.clusters import clusters
from gristmill.tasks.dedup.near.pairs import pairs
from gristmill.tasks.filtering.decide import kept_rows, ledger

SHARD, FAMILY, WIDTH, SHARED, WORDS = 50_000, 5, 14, 10, 30
QUALITY = "gopher_quality.alpha_word_ratio"
RESULTS = Path(__file__).parent / "results" / "joins.json"


def main() -> None:
    """Make both corpora, measure both, and write and print the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--memory", default="512MiB")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside:
        run(arguments.inside, DedupConfig.parse({"memory": arguments.memory, "max_loss": 1}, "--memory"))
        return
    home = Path(tempfile.mkdtemp(dir=arguments.folder))
    try:
        rows = [
            one(home / str(count), count, arguments.memory) for count in (arguments.documents, 10 * arguments.documents)
        ]
    finally:
        shutil.rmtree(home)
    small, large = rows
    result = {
        "machine": machine(),
        "memory": arguments.memory,
        "runs": rows,
        "time_ratio": round(large["cpu_s"] / small["cpu_s"], 2),
        "peak_ratio": round(large["peak_mb"] / small["peak_mb"], 2),
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))


def one(folder: Path, documents: int, memory: str) -> dict[str, float]:
    """Make a corpus and measure the steps on it."""
    make(folder, documents)
    command = [sys.executable, "-m", "benchmarks.joins", "--memory", memory, "--inside", str(folder)]
    found = measure(Side(f"{documents:,} documents", command, cores=2), folder / "log")
    print((folder / "log").read_text(encoding="utf-8"))
    return {
        "documents": documents,
        "wall_s": round(found.wall, 1),
        "cpu_s": round(found.cpu, 1),
        "peak_mb": round(found.peak / 1e6),
    }


def make(folder: Path, documents: int) -> None:
    """Write documents, verdicts, bands and the signal of quality in shards; the members of a family are far apart."""
    generator = np.random.default_rng(documents)
    families = np.where(
        generator.random(documents) < 0.5, generator.integers(0, documents // (2 * FAMILY), documents), -1
    )
    for number, first in enumerate(range(0, documents, SHARD)):
        family = families[first : first + SHARD]
        size = len(family)
        ids = generator.integers(0, 1 << 64, (2, size), dtype=np.uint64)
        order = np.lexsort((ids[1], ids[0]))
        family = family[order]
        doc_ids = [f"{high:016x}{low:016x}" for high, low in zip(ids[0][order], ids[1][order], strict=True)]
        group = np.where(family < 0, np.arange(first, first + size) + documents, family)
        texts = [
            " ".join(f"w{one}x{place}" for place in range(WORDS - 1)) + f" own{first + place}"
            for place, one in enumerate(group.tolist())
        ]
        rows = pl.DataFrame({"doc_id": doc_ids, "text": texts}).with_columns(
            source=pl.lit("synthetic"),
            record_uri=pl.format("file{}@{}", pl.lit(number), pl.int_range(pl.len())),
            record_digest=pl.lit(""),
            text_hash=pl.col("doc_id"),
            chars=pl.col("text").str.len_chars().cast(pl.Int32),
            extractor=pl.lit("row"),
            encoding=pl.lit("utf-8"),
            url=pl.lit(None, pl.String),
            host=pl.lit(None, pl.String),
            fetched_at=pl.lit(None, pl.Datetime("us", "UTC")),
        )
        shard = f"{number:05d}"
        write(folder, Documents, shard, rows)
        write(folder, Verdicts, shard, ledger([kept_rows(rows.select("doc_id", "source"), StageName.DECIDE)]))
        quality = {
            name: pl.lit(None, dtype=pl.Float64) for name in SignalsGopherQuality.schema.names if name != "doc_id"
        }
        write(folder, SignalsGopherQuality, shard, rows.select("doc_id", **quality), checked=False)
        band = np.tile(np.arange(WIDTH), size)
        bucket = np.repeat(group, WIDTH).astype(np.uint64) * np.uint64(WIDTH) + band.astype(np.uint64)
        apart = np.tile(np.arange(WIDTH) >= SHARED, size)
        bucket[apart] = generator.integers(0, 1 << 64, int(apart.sum()), dtype=np.uint64)
        bucket *= np.uint64(0x9E3779B97F4A7C15)
        found = pl.DataFrame({"doc_id": np.repeat(doc_ids, WIDTH), "band": band.astype(np.int16), "bucket": bucket})
        write(folder, Bands, shard, found)


def write(folder: Path, table: Table, shard: str, rows: pl.DataFrame, *, checked: bool = True) -> None:
    """Write rows as a lake would. ``checked``: after checking them against the table's schema."""
    path = folder / table.sql_name / shard / "key.parquet"
    path.parent.mkdir(parents=True)
    arrow = rows if not isinstance(rows, pl.DataFrame) else rows.to_arrow()
    pq.write_table(conform(table, arrow) if checked else arrow, path, compression="zstd", row_group_size=16_384)


def run(folder: Path, config: DedupConfig) -> None:
    """The global steps over a corpus that :func:`make` made."""
    documents, verdicts, bands = (files(folder, table) for table in (Documents, Verdicts, Bands))
    scatter(folder, copies, Copies, documents, verdicts, [], config.copies())
    found = (documents, verdicts, files(folder, Copies), [])
    scatter(folder, pairs, Pairs, *found, bands, [], [], config.pairs())
    signals = {table.name: files(folder, table) for table in SIGNALS}
    scatter(folder, clusters, Clusters, *found, files(folder, Pairs), signals, config.clusters(QUALITY))


def files(folder: Path, table: Table) -> list[Path]:
    """The files of a table, by shard."""
    return sorted((folder / table.sql_name).glob("*/*.parquet"))


def scatter(folder: Path, step: Step[Any], table: Table, *arguments: object) -> None:
    """Run a step and write its result for each shard."""
    scratch = folder / f"scratch-{step.name}"
    scratch.mkdir()
    total = 0
    for number, rows in enumerate(step.function(*arguments, scratch)):
        path = folder / table.sql_name / f"{number:05d}" / "key.parquet"
        path.parent.mkdir(parents=True)
        pq.write_table(conform(table, rows), path, compression="zstd")
        total += rows.num_rows
    shutil.rmtree(scratch)
    print(f"{step.name}: {total:,} rows", resident(), flush=True)


def resident() -> str:
    """The kernel's figure for this process's peak memory so far."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return " ".join(next(line for line in lines if line.startswith("VmHWM")).split())


if __name__ == "__main__":
    main()
