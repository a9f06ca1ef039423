"""Shards of a benchmark: JSON lines in and out, tables as Parquet in between, processor time by stage."""

import shutil
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gristmill.core.digests import digest_text
from gristmill.core.steps.step import Step
from gristmill.core.table import Table, conform
from gristmill.schemas.tables import Documents


class Run:
    """Files of one run, ``lake/<table>/<shard>.parquet``, and the processor seconds of each stage."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: dict[str, list[Path]] = {}
        self.seconds = {"imports": time.process_time()}
        self._clock = time.process_time()

    def lap(self, stage: str) -> None:
        """Count the time since the last lap as this stage's."""
        now = time.process_time()
        self.seconds[stage] = self.seconds.get(stage, 0) + now - self._clock
        self._clock = now

    def store(self, table: Table, shard: str, rows: pa.Table) -> pa.Table:
        """Write rows as a lake would."""
        path = self.folder / "lake" / table.sql_name / f"{shard}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        conformed = conform(table, rows)
        pq.write_table(conformed, path, compression="zstd")
        self.files.setdefault(table.name, []).append(path)
        return conformed

    def scatter(self, step: Step[Any], table: Table, shards: Iterable[str], *arguments: Any) -> None:
        """Run a step over all shards."""
        scratch = self.folder / "scratch" / step.name
        scratch.mkdir(parents=True)
        for shard, rows in zip(shards, step.function(*arguments, scratch), strict=True):
            self.store(table, shard, rows)
        shutil.rmtree(scratch)
        self.lap(step.name)

    def report(self) -> None:
        """Print the seconds of each stage."""
        print("\n".join(f"{stage:14} {seconds:8.2f} s" for stage, seconds in self.seconds.items()))


def sources(folder: Path) -> list[Path]:
    """The files of an input, each a shard."""
    found = sorted(folder.glob("*.jsonl"))
    if not found:
        raise SystemExit(f"no *.jsonl in {folder}")
    return found


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


def write_kept(documents: pa.Table, verdicts: pa.Table, path: Path) -> None:
    """The documents with a kept verdict as JSON lines."""
    kept = pl.DataFrame(verdicts).filter("kept").select("doc_id")
    texts = pl.DataFrame(documents.select(["doc_id", "record_uri", "text", "url"])).join(kept, on="doc_id", how="semi")
    path.parent.mkdir(parents=True, exist_ok=True)
    texts.select(id=pl.col("record_uri").str.split("#").list.last(), text="text", url="url").write_ndjson(path)
