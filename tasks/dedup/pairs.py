"""Pairs: documents that share a bucket, with their exact similarity.

Every kept text that is no copy of another takes part. Candidates (``tasks.dedup.candidates``) are found partition by
partition of the bands; each is then measured (``tasks.dedup.measure``), because LSH over long shingle sets proposes
false pairs and transitive closure multiplies them. Candidates below the threshold stay in the table as evidence.

Incremental: pairs that an earlier run measured over some of the same files of documents are taken from its table, so
only texts that a new candidate pair names are read. The candidates themselves are found anew over all bands, old and
new, and so are those of a single run over everything, bucket limits included.

Memory: the budget (half for DuckDB, an eighth for rows that wait, one partition, one shard's pairs at about 100 bytes);
mapped files of 33 bytes a text beside it. Disk: 16 bytes a row of Bands, 8 a candidate and band, 8 a distinct shingle.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.tables import Bands, Copies, Cuts, Documents, Pairs, Verdicts
from tasks.dedup.budget import buffer_share
from tasks.dedup.candidates import count_pairs, pairs_of, partition_of, ranges_for
from tasks.dedup.config import PairsConfig
from tasks.dedup.measure import Wanted, write_sets
from tasks.dedup.records import attach, database, load_records, load_texts
from tasks.dedup.spill import Spill, mapped
from tasks.dedup.verify import jaccard
from tasks.shingles import Counts, Hashes
from tasks.step import scatter_step

KnownPairs = replace(Pairs, optional=True)
BAND_ROW = np.dtype([("text", "<i8"), ("bucket", "<u8")])
RIGHT_BITS = 40  # a key is the place of the left text in its shard, then the number of the right text
BATCH_ROWS = 1 << 20


@dataclass(frozen=True)
class Places:
    """For each text, by ``idx``: the shard it is in, and its place among that shard's texts by doc_id."""

    part: npt.NDArray[np.int32]
    rank: npt.NDArray[np.int32]

    def keys(self, left: Counts, right: Counts) -> Hashes:
        """One number a pair, ascending with (left, right) within the shard of ``left``."""
        return (self.rank[left].astype(np.uint64) << np.uint64(RIGHT_BITS)) | right.astype(np.uint64)


@scatter_step("pairs", version=2, reads=(Documents, Verdicts, Copies, Cuts, Bands, KnownPairs), writes=(Pairs,))
def pairs(
    documents: list[Path],
    verdicts: list[Path],
    copies: list[Path],
    cuts: list[Path],
    bands: list[Path],
    known: list[Path],
    config: PairsConfig,
    scratch: Path,
) -> Iterator[pa.Table]:
    """Candidate pairs with their exact Jaccard similarity, a table for each file of ``documents``: that of ``doc_id``.

    The i-th files of the first five lists belong to one shard (``cuts`` may be empty); ``known`` holds Pairs of earlier
    runs, over files of documents that are among these.
    """
    with database(scratch, config.memory) as connection:
        load_records(connection, documents, verdicts, config.frozen)
        load_texts(connection, copies, cuts, config.min_left)
        places = _places(connection, len(documents), scratch)
        _load_known(connection, known)
        proposed = propose(connection, bands, places, config, scratch)
        wanted = mapped(scratch / "wanted.u1", len(places.part), np.bool_)
        for part in range(len(documents)):
            _save_pairs(connection, part, places, proposed.read(part), wanted, scratch)
        sets = write_sets(_wanted(connection, documents, wanted), len(wanted), config.shingles, scratch)
        for part in range(len(documents)):
            left, right, counts, similarity = _load_pairs(connection, part, scratch)
            unknown = np.isnan(similarity)
            similarity[unknown] = jaccard(sets, left[unknown], right[unknown])
            yield pa.table(
                {
                    "doc_id": _doc_ids(connection, left),
                    "other": _doc_ids(connection, right),
                    "bands": counts,
                    "jaccard": similarity,
                    "verified": similarity >= config.threshold,
                }
            ).cast(Pairs.schema)


def propose(
    connection: duckdb.DuckDBPyConnection, bands: list[Path], places: Places, config: PairsConfig, scratch: Path
) -> Spill:
    """Keys of the candidate pairs, partitioned by the shard of the left text; one for each band of a pair."""
    limit = buffer_share(config.memory)
    attach(connection, "bands_rows", bands)
    width = connection.execute("SELECT coalesce(max(band) + 1, 0) FROM bands_rows").fetchall()[0][0]
    cuts = ranges_for(len(places.part), limit)
    rows = Spill(scratch / "bands", BAND_ROW, width * cuts, limit)
    for part, path in enumerate(bands):
        for band, found in _band_rows(connection, part, path):
            rows.add(found, partition_of(band, found["bucket"], cuts))
    pairs = Spill(scratch / "pairs", np.uint64, max(len(bands), 1), limit)
    for partition in range(width * cuts):
        members = rows.read(partition)
        left, right = pairs_of(members["text"], members["bucket"], config.max_bucket)
        pairs.add(places.keys(left, right), places.part[left])
    return pairs


def _places(connection: duckdb.DuckDBPyConnection, parts: int, scratch: Path) -> Places:
    total = connection.execute("SELECT count(*) FROM texts").fetchall()[0][0]
    places = Places(mapped(scratch / "part.i32", total, np.int32), mapped(scratch / "rank.i32", total, np.int32))
    for part in range(parts):
        texts = _texts_of(connection, part).column("idx").to_numpy()
        places.part[texts] = part
        places.rank[texts] = np.arange(len(texts))
    return places


def _texts_of(connection: duckdb.DuckDBPyConnection, part: int) -> pa.Table:
    """``doc_id`` and ``idx`` of the texts of one shard that take part, in order."""
    return connection.sql(
        "SELECT doc_id, idx FROM texts WHERE part = ? AND NOT lost ORDER BY idx", params=[part]
    ).to_arrow_table()


def _band_rows(
    connection: duckdb.DuckDBPyConnection, part: int, path: Path
) -> Iterator[tuple[npt.NDArray[np.int16], npt.NDArray[Any]]]:
    """Bands and rows of the texts of one shard."""
    texts = _texts_of(connection, part)
    doc_ids, idx = texts.column("doc_id").combine_chunks(), texts.column("idx").to_numpy()
    for batch in pq.ParquetFile(path).iter_batches(BATCH_ROWS, columns=["doc_id", "band", "bucket"]):
        place = pc.index_in(batch.column("doc_id"), value_set=doc_ids)
        chosen = np.flatnonzero(place.is_valid().to_numpy(zero_copy_only=False))
        rows = np.empty(len(chosen), BAND_ROW)
        rows["text"] = idx[place.drop_null().to_numpy()]
        rows["bucket"] = batch.column("bucket").to_numpy()[chosen]
        yield batch.column("band").to_numpy()[chosen], rows


def _load_known(connection: duckdb.DuckDBPyConnection, known: list[Path]) -> None:
    """Make the table ``known``: part, idx, other, jaccard of pairs that an earlier run measured.

    A text may by now be an exact copy of another, which then stands for it. Where a doc_id has come to have two records
    its text may have changed, and what was known of it is forgotten.
    """
    connection.execute("CREATE TABLE known (part INTEGER, idx BIGINT, other BIGINT, jaccard DOUBLE)")
    if not known:
        return
    attach(connection, "known_rows", known)
    connection.execute(
        """
        INSERT INTO known
        WITH names AS (
            SELECT doc_id, idx FROM texts
            UNION ALL
            SELECT c.doc_id, t.idx FROM copied c JOIN texts t ON t.doc_id = c.speaker WHERE c.rule = 'exact'
        ), sure AS (
            SELECT doc_id, idx FROM names
            ANTI JOIN (SELECT doc_id FROM copied WHERE rule = 'same_record') twice USING (doc_id)
        ), found AS (
            SELECT least(a.idx, b.idx) AS idx, greatest(a.idx, b.idx) AS other, any_value(k.jaccard) AS jaccard
            FROM known_rows k JOIN sure a ON a.doc_id = k.doc_id JOIN sure b ON b.doc_id = k.other
            GROUP BY ALL
        )
        SELECT t.part, f.idx, f.other, f.jaccard FROM found f JOIN texts t USING (idx) ORDER BY ALL
        """
    )


def _save_pairs(
    connection: duckdb.DuckDBPyConnection,
    part: int,
    places: Places,
    keys: Hashes,
    wanted: npt.NDArray[np.bool_],
    scratch: Path,
) -> None:
    """Write the pairs of a shard with what is known of them, and mark the texts of those that must be measured."""
    found, counts = count_pairs(keys)
    similarity = np.full(len(found), np.nan)
    known = connection.sql(
        "SELECT idx, other, jaccard FROM known WHERE part = ? ORDER BY idx, other", params=[part]
    ).to_arrow_table()
    if known.num_rows and len(found):
        earlier = places.keys(known.column("idx").to_numpy(), known.column("other").to_numpy())
        place = np.minimum(np.searchsorted(earlier, found), len(earlier) - 1)
        same = earlier[place] == found
        similarity[same] = known.column("jaccard").to_numpy()[place[same]]
    np.savez(scratch / f"pairs{part}.npz", keys=found, counts=counts, similarity=similarity)
    left, right = _sides(connection, part, found[np.isnan(similarity)])
    wanted[left] = True
    wanted[right] = True


def _load_pairs(
    connection: duckdb.DuckDBPyConnection, part: int, scratch: Path
) -> tuple[Counts, Counts, npt.NDArray[np.int16], npt.NDArray[np.float64]]:
    with np.load(scratch / f"pairs{part}.npz") as saved:
        left, right = _sides(connection, part, saved["keys"])
        return left, right, saved["counts"], saved["similarity"]


def _sides(connection: duckdb.DuckDBPyConnection, part: int, keys: Hashes) -> tuple[Counts, Counts]:
    """Both texts of the pairs ``keys`` of a shard."""
    texts: Counts = _texts_of(connection, part).column("idx").to_numpy()
    return texts[keys >> np.uint64(RIGHT_BITS)], (keys & np.uint64((1 << RIGHT_BITS) - 1)).astype(np.int64)


def _wanted(
    connection: duckdb.DuckDBPyConnection, documents: list[Path], wanted: npt.NDArray[np.bool_]
) -> Iterator[Wanted]:
    """The texts that must be read, file by file."""
    for part, path in enumerate(documents):
        texts = _texts_of(connection, part)
        idx = texts.column("idx").to_numpy()
        chosen = wanted[idx]
        if chosen.any():
            yield Wanted(path, texts.column("doc_id").combine_chunks().filter(pa.array(chosen)), idx[chosen])


def _doc_ids(connection: duckdb.DuckDBPyConnection, idx: Counts) -> pa.Array:
    """The doc_ids of texts, in the order given."""
    distinct, places = np.unique(idx, return_inverse=True)
    connection.register("asked", pa.table({"idx": distinct}))
    found = connection.sql("SELECT t.doc_id FROM texts t JOIN asked USING (idx) ORDER BY idx").to_arrow_table()
    connection.unregister("asked")
    return found.column("doc_id").combine_chunks().take(pa.array(places))
