"""Clusters: groups of exact duplicates and near-duplicates, with one representative each.

Exact duplicates (``gristmill.tasks.dedup.exact_duplicates``) belong to the text that stands for them; texts are joined
by the verified pairs into connected components (``gristmill.tasks.dedup.near.components``), on edges alone. The
representative is the text of highest quality (the policy's signal), then the longest, then the smallest doc_id; never
an exact duplicate. Documents that an earlier curation kept and that must stay (``frozen``) come first.

A run that would lose most of a source to near-duplicates is stopped (``gristmill.tasks.dedup.report``).

Memory: the database's share of the budget for joins and windows, which spill; the union-find array of 8 bytes a text is
mapped from a file; one shard's clusters.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from gristmill.core.steps.kinds import global_per_shard_step
from gristmill.schemas.tables import SIGNALS, Clusters, Copies, Cuts, Documents, Pairs, Verdicts
from gristmill.tasks.dedup.config import ClustersConfig
from gristmill.tasks.dedup.near.components import components
from gristmill.tasks.dedup.records import attach, database, load_records, load_texts
from gristmill.tasks.dedup.report import check_loss
from gristmill.tasks.dedup.shingles import Counts

EDGES = 1 << 20  # rows of a piece


@global_per_shard_step(
    "clusters", version=3, reads=(Documents, Verdicts, Copies, Cuts, Pairs, SIGNALS), writes=(Clusters,)
)
def clusters(
    documents: list[Path],
    verdicts: list[Path],
    copies: list[Path],
    cuts: list[Path],
    pairs: list[Path],
    signals: Mapping[str, list[Path]],
    config: ClustersConfig,
    scratch: Path,
) -> Iterator[pa.Table]:
    """Members of every cluster of two or more records, a table for each file of ``documents``.

    ``signals`` has the files of each table of signals by its name. The i-th files of documents, verdicts, copies,
    cuts and the signal of quality belong to one shard (``cuts`` may be empty). Raises :class:`GristmillError` when
    ``config.max_loss`` is exceeded.
    """
    with database(scratch, config.memory) as connection:
        load_records(connection, documents, verdicts, config.frozen)
        load_texts(connection, copies, cuts, config.min_left)
        _load_quality(connection, signals, config)
        _load_edges(connection, pairs)
        _load_components(connection, scratch)
        _load_members(connection)
        check_loss(connection, config)
        for part in range(len(documents)):
            rows = connection.sql(
                """
                SELECT doc_id, record_uri, cluster_id, representative, reason, similarity FROM members
                WHERE part = ? AND NOT frozen
                """,
                params=[part],
            )
            yield rows.to_arrow_table().cast(Clusters.schema)


def _load_quality(
    connection: duckdb.DuckDBPyConnection, signals: Mapping[str, list[Path]], config: ClustersConfig
) -> None:
    """Make the table ``quality``: the signal of every record, null where it is NaN."""
    table, _, column = config.quality.partition(".")
    attach(connection, "quality_rows", signals[f"signals/{table}"])
    value = duckdb.ColumnExpression(column).cast("DOUBLE")
    # isnan, not a comparison: Parquet statistics leave NaN out, and DuckDB folds comparisons by statistics
    known = duckdb.CaseExpression(~duckdb.FunctionExpression("isnan", value), value)
    connection.table("quality_rows").select("part", "doc_id", known.alias("quality")).create("quality")


def _load_edges(connection: duckdb.DuckDBPyConnection, pairs: list[Path]) -> None:
    """Make the table ``edges``: idx, other and jaccard of the verified pairs."""
    attach(connection, "pairs_rows", pairs)
    connection.execute(
        """
        CREATE TABLE edges AS
        SELECT a.idx, b.idx AS other, p.jaccard
        FROM pairs_rows p JOIN texts a ON a.doc_id = p.doc_id JOIN texts b ON b.doc_id = p.other
        WHERE p.verified
        """
    )


def _load_components(connection: duckdb.DuckDBPyConnection, scratch: Path) -> None:
    """Make the table ``components``: the smallest idx of its component for every text that is not the smallest."""
    total = connection.execute("SELECT count(*) FROM texts").fetchall()[0][0]
    found = components(_edges(connection), total, scratch / "parent.i64")
    connection.execute("CREATE TABLE components (idx BIGINT, component BIGINT)")
    for first in range(0, total, EDGES):
        piece = found[first : first + EDGES]
        joined = np.flatnonzero(piece != np.arange(first, first + len(piece)))
        connection.from_arrow(pa.table({"idx": joined + first, "component": piece[joined]})).insert_into("components")


def _edges(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[Counts, Counts]]:
    for batch in connection.sql("SELECT idx, other FROM edges").to_arrow_reader(EDGES):
        yield batch.column("idx").to_numpy(), batch.column("other").to_numpy()


def _load_members(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the table ``members``: the rows of Clusters, with part, source and whether they are frozen."""
    connection.execute(
        """
        CREATE TABLE placed AS
        SELECT r.part, r.doc_id, r.record_uri, r.source, r.chars, r.frozen, q.quality,
               coalesce(c.component, t.idx) AS component,
               coalesce(x.rule, 'near') AS rule,
               count(*) OVER (PARTITION BY t.idx) AS copies,
               e.jaccard
        FROM records r
        LEFT JOIN copied x ON x.part = r.part AND x.doc_id = r.doc_id
        JOIN texts t ON t.doc_id = coalesce(x.speaker, r.doc_id) AND (x.speaker IS NOT NULL OR t.part = r.part)
        LEFT JOIN components c ON c.idx = t.idx
        LEFT JOIN quality q ON q.part = r.part AND q.doc_id = r.doc_id
        LEFT JOIN (
            SELECT idx, max(jaccard) AS jaccard
            FROM (SELECT idx, jaccard FROM edges UNION ALL SELECT other, jaccard FROM edges) GROUP BY idx
        ) e ON e.idx = t.idx
        """
    )
    connection.execute(
        """
        CREATE TABLE members AS
        WITH ranked AS (
            SELECT *,
                   row_number() OVER (
                       PARTITION BY component
                       ORDER BY frozen DESC, rule = 'near' DESC, quality DESC NULLS LAST, chars DESC, doc_id, record_uri
                   ) = 1 AS representative
            FROM placed QUALIFY count(*) OVER (PARTITION BY component) > 1
        )
        SELECT part, doc_id, record_uri, source, frozen, representative,
               max(CASE WHEN representative THEN doc_id END) OVER (PARTITION BY component) AS cluster_id,
               CASE WHEN representative THEN 'kept' ELSE rule END AS reason,
               CASE WHEN rule <> 'near' OR (representative AND copies > 1) THEN 1.0 ELSE jaccard END AS similarity
        FROM ranked
        ORDER BY part
        """
    )
