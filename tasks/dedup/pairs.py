"""Pairs: documents that share a bucket, with their exact similarity.

Candidates come from a join of the bands on (band, bucket). A bucket of more than ``max_bucket`` members (a template, a
licence header) is linked as a star around its smallest doc_id, so the number of pairs stays linear in the number of
documents: at most ``bands * max_bucket / 2`` a document. Exact copies of a text are represented by one of them.

Every candidate is then measured (``tasks.dedup.verify``), because LSH over long shingle sets proposes false pairs and
transitive closure multiplies them. Unverified candidates stay in the table as evidence.

Memory: ``tasks.dedup.records.MEMORY`` for the joins, and about 150 bytes a candidate pair for the result.
"""

from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from schemas.tables import Bands, Documents, Pairs, Verdicts
from tasks.dedup.config import PairsConfig
from tasks.dedup.records import attach, database, load_records
from tasks.dedup.verify import measure
from tasks.step import global_step


@global_step("pairs", version=1, reads=(Bands, Documents, Verdicts), writes=(Pairs,))
def pairs(
    bands: list[Path], documents: list[Path], verdicts: list[Path], config: PairsConfig, scratch: Path
) -> pa.Table:
    """Candidate pairs of kept documents with their exact Jaccard similarity.

    The i-th files of the three lists belong to one shard. Returns Pairs, sorted.
    """
    with database(scratch) as connection:
        load_records(connection, documents, verdicts)
        propose(connection, bands, config.max_bucket)
        found = connection.sql(
            """
            SELECT c.idx, c.other, a.doc_id AS doc_id, b.doc_id AS other_id, c.bands
            FROM candidates c JOIN texts a ON a.idx = c.idx JOIN texts b ON b.idx = c.other
            ORDER BY c.idx, c.other
            """
        ).to_arrow_table()
        left = found.column("idx").to_numpy().astype(np.int64)
        right = found.column("other").to_numpy().astype(np.int64)
        jaccard = measure(connection, documents, left, right, config.shingles, scratch)
    return pa.table(
        {
            "doc_id": found.column("doc_id"),
            "other": found.column("other_id"),
            "bands": found.column("bands"),
            "jaccard": pa.array(jaccard),
            "verified": pa.array(jaccard >= config.threshold),
        }
    ).cast(Pairs.schema)


def propose(connection: duckdb.DuckDBPyConnection, bands: list[Path], max_bucket: int) -> None:
    """Make the table ``candidates``: idx < other, and the number of bands in which the two texts collide."""
    attach(connection, "bands_rows", bands)
    connection.execute(
        """
        CREATE TABLE members AS
        SELECT t.idx, b.band, b.bucket
        FROM bands_rows b
        JOIN records r ON r.part = b.part AND r.doc_id = b.doc_id
        JOIN texts t ON t.doc_id = r.doc_id
        WHERE r.first_record
        """
    )
    connection.execute(
        """
        CREATE TABLE buckets AS
        SELECT band, bucket, count(*) AS size, min(idx) AS hub FROM members GROUP BY band, bucket HAVING count(*) > 1
        """
    )
    connection.execute(
        """
        CREATE TABLE candidates AS
        SELECT idx, other, count(*)::SMALLINT AS bands FROM (
            SELECT a.idx AS idx, b.idx AS other
            FROM buckets k
            JOIN members a ON a.band = k.band AND a.bucket = k.bucket
            JOIN members b ON b.band = k.band AND b.bucket = k.bucket AND a.idx < b.idx
            WHERE k.size <= $max_bucket
            UNION ALL
            SELECT k.hub AS idx, m.idx AS other
            FROM buckets k JOIN members m ON m.band = k.band AND m.bucket = k.bucket AND m.idx <> k.hub
            WHERE k.size > $max_bucket
        ) GROUP BY idx, other
        """,
        {"max_bucket": max_bucket},
    )
