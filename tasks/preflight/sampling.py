"""A sample of what ingest would read: some files, and of their records those whose address has a small hash.

Files are taken in the order of their names' hashes, all of them when they are few, otherwise until they hold ten times
the share that is asked for. They are read from end to end, since most formats cannot be entered in the middle, and
every record counts; a record is kept when the hash of its address (file, offset) is under a limit, which is halved
whenever twice the wanted number of records has come together. So the sample is random, depends on nothing but the
inputs, and is held in memory in at most twice its size and one part of ingest. Cost: reading the chosen files.
"""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from gristmill.schemas.tables import Records, SetAside
from gristmill.tasks.ingest.ingest import IngestConfig, ingest
from gristmill.tasks.ingest.sources import InputFile
from gristmill.tasks.preflight.config import SampleConfig

SEED = 1  # of the hashes that choose; another one draws another sample


@dataclass(frozen=True)
class FileCount:
    """The contents of one file that was read: its stored bytes, its items (records and set aside), and the kept
    ones."""

    name: str
    bytes: int
    items: int
    damaged: int
    payload_bytes: int


@dataclass(frozen=True)
class Sample:
    """The kept rows of ``records`` and ``set_aside``, and what they are a sample of.

    ``rate``: the chance of an item in the files read to be kept. ``seconds``: reading took, of one thread.
    """

    records: pa.Table
    set_aside: pa.Table
    read: tuple[FileCount, ...]
    files: int
    bytes: int
    rate: float
    seconds: float


@dataclass
class _Kept:
    """Rows kept so far, with the hashes that chose them."""

    config: SampleConfig
    limit: float = 1.0
    seen: int = 0
    tables: dict[str, list[pa.Table]] = field(default_factory=lambda: {Records.name: [], SetAside.name: []})

    def add(self, name: str, rows: pa.Table) -> None:
        uris = (uri.encode("utf-8", "surrogatepass") for uri in rows.column("record_uri").to_pylist())
        hashes = np.array([xxhash.xxh3_64_intdigest(uri, SEED) for uri in uris], np.uint64)
        rows = rows.append_column("hash", pa.array(hashes / 2.0**64, pa.float64()))
        self.tables[name].append(rows.filter(pc.less(rows.column("hash"), self.limit)))
        self.seen += len(rows)

    def shrink(self) -> None:
        wanted = max(min(self.config.share * self.seen, self.config.most), self.config.least)
        while sum(len(table) for tables in self.tables.values() for table in tables) >= 2 * wanted:
            self.limit /= 2
            for name, tables in self.tables.items():
                self.tables[name] = [table.filter(pc.less(table.column("hash"), self.limit)) for table in tables]

    def rows(self, name: str, schema: pa.Schema) -> pa.Table:
        """In the order of the hashes, so that any run of rows is a random sample too."""
        tables = [table.drop_columns("hash") for table in self.tables[name]]
        rows = pa.concat_tables([schema.empty_table(), *tables])
        hashes = [value for table in self.tables[name] for value in table.column("hash").to_pylist()]
        return rows.take(pa.array(np.argsort(hashes, kind="stable"), pa.int64())) if hashes else rows


def sample_inputs(
    files: Sequence[InputFile], ingest_config: IngestConfig, config: SampleConfig, downloads: Path
) -> Sample:
    """Read the chosen files through ``ingest`` and keep a sample. Raises what ingest raises."""
    chosen = choose_files(files, config)
    kept = _Kept(config)
    counts = []
    started = time.perf_counter()
    for file in chosen:
        counted: Counter[str] = Counter()
        for records, set_aside in ingest.function(file, ingest_config, downloads):
            damage = pc.not_equal(set_aside.column("kind"), "record")
            damaged = int(pc.sum(damage.cast(pa.int64())).as_py() or 0)
            counted.update(
                items=len(records) + len(set_aside) - damaged,
                damaged=damaged,
                payload=int(pc.sum(pc.binary_length(records.column("payload"))).as_py() or 0),
            )
            kept.add(Records.name, records)
            kept.add(SetAside.name, set_aside)
            kept.shrink()
        counts.append(FileCount(file.name, file.size or 0, counted["items"], counted["damaged"], counted["payload"]))
    return Sample(
        records=kept.rows(Records.name, Records.schema),
        set_aside=kept.rows(SetAside.name, SetAside.schema),
        read=tuple(counts),
        files=len(files),
        bytes=sum(file.size or 0 for file in files),
        rate=kept.limit,
        seconds=time.perf_counter() - started,
    )


def choose_files(files: Sequence[InputFile], config: SampleConfig) -> list[InputFile]:
    """The files to read: those whose names have the smallest hashes."""
    ordered = sorted(
        files, key=lambda file: xxhash.xxh3_128_intdigest(file.name.encode("utf-8", "surrogatepass"), SEED)
    )
    total = sum(file.size or 0 for file in files)
    wanted = max(config.read_factor * config.share * total, config.read_bytes)
    chosen: list[InputFile] = []
    for file in ordered:
        if len(chosen) >= config.files and sum(entry.size or 0 for entry in chosen) >= wanted:
            break
        chosen.append(file)
    return chosen
