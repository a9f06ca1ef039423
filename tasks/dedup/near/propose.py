"""Proposing pairs from the bands of all shards, out of core, on one machine or on many.

The rows of the bands are spilled by band and bucket range, each range is joined separately
(``gristmill.tasks.dedup.near.candidates``), and its pairs are spilled by the shard of their larger text, so that no
shard gets more of them than its own texts can have, however large a bucket is.

The step ``candidates`` does that for one part of the bands and bucket ranges and passes its pairs on in a table for
each shard; ``pairs`` adds up what any number of such runs gave, or proposes pairs itself.

Memory: an eighth of the budget for rows that wait, one range (as much again), a piece of pairs (100 MB); mapped files
of 8 bytes a text. Disk: 16 bytes a row of Bands, 8 bytes a candidate and band.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.core.files.parquet import read_batches
from gristmill.core.memory import buffer_share
from gristmill.core.steps.kinds import global_per_shard_step
from gristmill.schemas.tables import Bands, Candidates, Copies, Cuts, Documents, Verdicts
from gristmill.tasks.dedup.config import CandidatesConfig
from gristmill.tasks.dedup.near.candidates import count_pairs, pairs_of, partition_of, ranges_for, within
from gristmill.tasks.dedup.records import attach, database, load_records, load_texts
from gristmill.tasks.dedup.shingles import Counts, Hashes
from gristmill.tasks.dedup.spill import Spill, mapped

BAND_ROW = np.dtype([("text", "<i8"), ("bucket", "<u8")])
SMALLER_BITS = 40  # a key is the place of the larger text in its shard, then the number of the smaller text
BATCH_ROWS = 1 << 18


@dataclass(frozen=True)
class Places:
    """For each text, by ``idx``: the shard it is in, and its place among that shard's texts by doc_id."""

    part: npt.NDArray[np.int32]
    rank: npt.NDArray[np.int32]

    def keys(self, smaller: Counts, larger: Counts) -> Hashes:
        """One number a pair, ascending with (larger, smaller) within the shard of the larger."""
        return (self.rank[larger].astype(np.uint64) << np.uint64(SMALLER_BITS)) | smaller.astype(np.uint64)


@global_per_shard_step("candidates", version=2, reads=(Documents, Verdicts, Copies, Cuts, Bands), writes=(Candidates,))
def candidates(
    documents: list[Path],
    verdicts: list[Path],
    copies: list[Path],
    cuts: list[Path],
    bands: list[Path],
    config: CandidatesConfig,
    scratch: Path,
) -> Iterator[pa.Table]:
    """Pairs that share a bucket in one part of the bands, a table for each file of ``documents``: that of ``other``.

    The i-th files of the lists belong to one shard (``cuts`` may be empty).
    """
    with database(scratch, config.memory) as connection:
        load_records(connection, documents, verdicts, config.frozen)
        load_texts(connection, copies, cuts, config.min_left)
        places = load_places(connection, len(documents), scratch)
        proposed = propose(connection, bands, places, config, scratch)
        for part in range(len(documents)):
            found, counts = count_pairs(proposed.read(part))
            smaller, larger = sides(connection, part, found)
            yield pa.table(
                {"doc_id": doc_ids_of(connection, smaller), "other": doc_ids_of(connection, larger), "bands": counts}
            ).cast(Candidates.schema)


def propose(
    connection: duckdb.DuckDBPyConnection, bands: list[Path], places: Places, config: CandidatesConfig, scratch: Path
) -> Spill:
    """Keys of the pairs that share a bucket, partitioned by the shard of the larger text; one for each band."""
    limit = buffer_share(config.memory)
    attach(connection, "bands_rows", bands)
    width = connection.execute("SELECT coalesce(max(band) + 1, 0) FROM bands_rows").fetchall()[0][0]
    cuts = ranges_for(len(places.part), limit)
    rows = Spill(scratch / "bands", BAND_ROW, width * cuts, limit)
    for part, path in enumerate(bands):
        for band, found in _band_rows(connection, part, path):
            mine = slice(None) if config.parts == 1 else within(band, found["bucket"], width, config.part, config.parts)
            rows.add(found[mine], partition_of(band[mine], found["bucket"][mine], cuts))
    pairs = Spill(scratch / "pairs", np.uint64, len(bands), limit)
    for partition in range(width * cuts):
        members = rows.read(partition)
        for smaller, larger in pairs_of(members["text"], members["bucket"], config.max_bucket):
            pairs.add(places.keys(smaller, larger), places.part[larger])
    return pairs


def load_places(connection: duckdb.DuckDBPyConnection, parts: int, scratch: Path) -> Places:
    """Where the texts are, in mapped files."""
    total = connection.execute("SELECT count(*) FROM texts").fetchall()[0][0]
    places = Places(mapped(scratch / "part.i32", total, np.int32), mapped(scratch / "rank.i32", total, np.int32))
    for part in range(parts):
        texts = texts_of(connection, part).column("idx").to_numpy()
        places.part[texts] = part
        places.rank[texts] = np.arange(len(texts))
    return places


def texts_of(connection: duckdb.DuckDBPyConnection, part: int) -> pa.Table:
    """``doc_id`` and ``idx`` of the texts of one shard that take part, in order."""
    return connection.sql(
        "SELECT doc_id, idx FROM texts WHERE part = ? AND NOT lost ORDER BY idx", params=[part]
    ).to_arrow_table()


def sides(connection: duckdb.DuckDBPyConnection, part: int, keys: Hashes) -> tuple[Counts, Counts]:
    """The smaller and the larger text of the pairs ``keys`` of a shard."""
    texts: Counts = texts_of(connection, part).column("idx").to_numpy()
    smaller = (keys & np.uint64((1 << SMALLER_BITS) - 1)).astype(np.int64)
    return smaller, texts[(keys >> np.uint64(SMALLER_BITS)).astype(np.int64)]


def doc_ids_of(connection: duckdb.DuckDBPyConnection, texts: Counts) -> pa.Array:
    """The doc_ids of texts (``idx``), in the order given."""
    distinct, places = np.unique(texts, return_inverse=True)
    connection.register("asked", pa.table({"idx": distinct}))
    found = connection.sql("SELECT t.doc_id FROM texts t JOIN asked USING (idx) ORDER BY idx").to_arrow_table()
    connection.unregister("asked")
    return found.column("doc_id").combine_chunks().take(pa.array(places))


def _band_rows(
    connection: duckdb.DuckDBPyConnection, part: int, path: Path
) -> Iterator[tuple[npt.NDArray[np.int16], npt.NDArray[Any]]]:
    """Bands and rows of the texts of one shard."""
    texts = texts_of(connection, part)
    doc_ids, idx = texts.column("doc_id").combine_chunks(), texts.column("idx").to_numpy()
    for batch in read_batches(path, ["doc_id", "band", "bucket"], BATCH_ROWS):
        place = pc.index_in(batch.column("doc_id"), value_set=doc_ids)
        chosen = np.flatnonzero(place.is_valid().to_numpy(zero_copy_only=False))
        rows = np.empty(len(chosen), BAND_ROW)
        rows["text"] = idx[place.drop_null().to_numpy()]
        rows["bucket"] = batch.column("bucket").to_numpy()[chosen]
        yield batch.column("band").to_numpy()[chosen], rows
