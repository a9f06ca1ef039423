"""Exact duplicates: records that repeat another's identity, URL or text. Three rules, each on what the last left.

1. ``same_record``: of several records of one doc_id (crawled into two files) the longest text stays; ties go to the
   smaller text hash, then record_uri.
2. ``url`` (when asked for): of several documents of one URL (``gristmill.tasks.dedup.urls``) the last fetched stays;
   ties go to the longer text, then the smaller doc_id.
3. ``exact``: of several documents of one text the smallest doc_id stays.

Texts are equal when their text_hash (xxh3-128), their length and their BLAKE2b-128 are. The third is computed only for
texts that share the first two: xxh3 guards against accidents, and a page built to collide with another must not
delete it.

Incremental: digests that earlier tables Copies have are taken from there, so the text of an earlier document is read
only when a new one has its hash. Cost: joins over one row a record; the texts of exact duplicates are read once, at
about 500 MB/s. Memory: the database's share of the budget, and one batch of documents.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.core.files.parquet import read_batches, read_rows
from gristmill.core.steps.kinds import global_per_shard_step
from gristmill.schemas.tables import Copies, Documents, Verdicts
from gristmill.tasks.dedup.config import CopiesConfig
from gristmill.tasks.dedup.records import attach, database, load_records
from gristmill.tasks.dedup.urls import normal_url

KnownCopies = replace(Copies, optional=True)
READ_ROWS = 1024


@global_per_shard_step("copies", version=3, reads=(Documents, Verdicts, KnownCopies), writes=(Copies,))
def copies(
    documents: list[Path], verdicts: list[Path], known: list[Path], config: CopiesConfig, scratch: Path
) -> Iterator[pa.Table]:
    """Exact duplicates among kept records, a table for each file of ``documents``; ``known``: Copies of earlier
    curations.

    Raises :class:`GristmillError` as ``gristmill.tasks.dedup.records.load_records`` does.
    """
    with database(scratch, config.memory) as connection:
        load_records(connection, documents, verdicts, config.frozen)
        _rank_records(connection)
        _rank_urls(connection, documents if config.url else [])
        _digest_texts(connection, documents, known)
        _judge(connection)
        for part in range(len(documents)):
            rows = connection.sql(
                "SELECT doc_id, record_uri, rule, speaker, text_digest FROM judged WHERE part = ?", params=[part]
            )
            yield rows.to_arrow_table().cast(Copies.schema)


def _rank_records(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the table ``ranked``: the records, with ``first_record`` true for one record of each doc_id."""
    connection.execute(
        """
        CREATE TABLE ranked AS
        SELECT *, row_number() OVER (
            PARTITION BY doc_id ORDER BY frozen DESC, chars DESC, text_hash, record_uri
        ) = 1 AS first_record
        FROM records
        """
    )


def _rank_urls(connection: duckdb.DuckDBPyConnection, documents: list[Path]) -> None:
    """Make the table ``firsts``: one record of each doc_id, with ``keeper``, the doc_id that stays for its URL."""
    connection.execute("CREATE TABLE urls (part INTEGER, doc_id VARCHAR, url VARCHAR, fetched_at TIMESTAMPTZ)")
    for part, path in enumerate(documents):
        rows = pl.from_arrow(read_rows(path, ["doc_id", "url", "fetched_at"]))
        assert isinstance(rows, pl.DataFrame)  # noqa: S101 - for the type checker: a table gives a frame
        found = rows.with_columns(url=normal_url(pl.col("url"))).drop_nulls("url")
        table = found.select(pl.lit(part, pl.Int32).alias("part"), "doc_id", "url", "fetched_at").to_arrow()
        connection.from_arrow(table).insert_into("urls")
    connection.execute(
        """
        CREATE TABLE firsts AS
        WITH kept AS (
            SELECT r.doc_id, r.frozen, first_value(r.doc_id) OVER (
                PARTITION BY u.url
                ORDER BY r.frozen DESC, u.fetched_at DESC NULLS LAST, r.chars DESC, r.doc_id
            ) AS keeper
            FROM ranked r JOIN urls u ON u.part = r.part AND u.doc_id = r.doc_id WHERE r.first_record
        )
        SELECT r.part, r.doc_id, r.record_uri, r.chars, r.text_hash, r.frozen, coalesce(k.keeper, r.doc_id) AS keeper
        FROM ranked r LEFT JOIN kept k ON k.doc_id = r.doc_id AND NOT k.frozen
        WHERE r.first_record
        """
    )


def _digest_texts(connection: duckdb.DuckDBPyConnection, documents: list[Path], known: list[Path]) -> None:
    """Make the table ``digests``: the BLAKE2b-128 of every text whose hash and length another text has too."""
    connection.execute(
        """
        CREATE TABLE shared_hashes AS
        SELECT part, doc_id, record_uri FROM firsts WHERE keeper = doc_id
        QUALIFY count(*) OVER (PARTITION BY text_hash, chars) > 1
        """
    )
    connection.execute("CREATE TABLE digests (doc_id VARCHAR, digest VARCHAR)")
    if known:
        attach(connection, "known_rows", known)
        connection.execute(
            """
            INSERT INTO digests
            SELECT s.doc_id, any_value(k.text_digest) FROM shared_hashes s
            JOIN known_rows k ON k.doc_id = s.doc_id AND k.record_uri = s.record_uri
            WHERE k.text_digest IS NOT NULL GROUP BY s.doc_id
            """
        )
    connection.execute("CREATE TABLE unread AS SELECT part, doc_id FROM shared_hashes ANTI JOIN digests USING (doc_id)")
    for (part,) in connection.execute("SELECT DISTINCT part FROM unread ORDER BY part").fetchall():
        wanted = connection.sql("SELECT doc_id FROM unread WHERE part = ?", params=[part]).to_arrow_table()
        for table in _digests_of(documents[part], wanted.column("doc_id").combine_chunks()):
            connection.from_arrow(table).insert_into("digests")


def _digests_of(path: Path, wanted: pa.Array) -> Iterator[pa.Table]:
    for batch in read_batches(path, ["doc_id", "text"], READ_ROWS):
        chosen = batch.filter(pc.is_in(batch.column("doc_id"), value_set=wanted))
        texts = chosen.column("text").cast(pa.binary()).to_pylist()
        digests = [hashlib.blake2b(text, digest_size=16).hexdigest() for text in texts]
        yield pa.table({"doc_id": chosen.column("doc_id"), "digest": pa.array(digests, pa.string())})


def _judge(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the table ``judged``: the rows of Copies, with ``part``."""
    connection.execute(
        """
        CREATE TABLE judged AS
        WITH speaking AS (
            SELECT f.doc_id, d.digest, first_value(f.doc_id) OVER (
                PARTITION BY f.text_hash, f.chars, d.digest ORDER BY f.frozen DESC, f.doc_id
            ) AS speaker
            FROM firsts f LEFT JOIN digests d USING (doc_id) WHERE f.keeper = f.doc_id
        )
        SELECT r.part, r.doc_id, r.record_uri, s.speaker,
               CASE WHEN NOT r.first_record THEN 'same_record' WHEN f.keeper <> r.doc_id THEN 'url'
                    WHEN s.speaker <> r.doc_id THEN 'exact' ELSE 'none' END AS rule,
               CASE WHEN r.first_record AND f.keeper = r.doc_id THEN s.digest END AS text_digest
        FROM ranked r JOIN firsts f USING (doc_id) JOIN speaking s ON s.doc_id = f.keeper
        WHERE NOT r.frozen AND (NOT r.first_record OR f.keeper <> r.doc_id OR s.digest IS NOT NULL)
        ORDER BY r.part
        """
    )
