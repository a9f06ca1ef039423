"""Clusters: three rules in order, and one representative for each group of duplicates.

1. ``same_record``: of several records of one doc_id (crawled into two files) the longest text stays; ties go to the
   smaller text hash, then record_uri.
2. ``exact``: of several documents of one text the smallest doc_id stays.
3. ``near``: what is left is joined by the verified pairs into connected components; the representative is the document
   of highest quality (the policy's signal), then the longest, then the smallest doc_id.

A run that would lose most of a source to the third rule is stopped (``max_loss``) and shows its largest clusters: that
is nearly always a fault of the settings, and it must not pass for a result.

Memory: ``tasks.dedup.records.MEMORY`` for the joins; about 60 bytes a verified pair for the components; the result.
"""

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from schemas.errors import GristmillError
from schemas.signals import SIGNALS
from schemas.tables import Clusters, Documents, Pairs, Verdicts
from tasks.dedup.config import ClustersConfig
from tasks.dedup.records import attach, database, load_records
from tasks.step import global_step

SHOWN_CLUSTERS = 5


@global_step("clusters", version=1, reads=(Documents, Verdicts, Pairs, *SIGNALS), writes=(Clusters,))
def clusters(documents: list[Path], verdicts: list[Path], pairs: list[Path], *rest: Any) -> pa.Table:
    """Duplicate clusters of kept records, three rules in order.

    Called as ``clusters(documents, verdicts, pairs, *one list of files for each of SIGNALS, config, scratch)``. The
    i-th files of documents, verdicts and signals belong to one shard. Returns Clusters: every member of every cluster
    of two or more records. Raises :class:`GristmillError` when ``config.max_loss`` is exceeded.
    """
    *signals, config, scratch = rest
    with database(scratch) as connection:
        load_records(connection, documents, verdicts)
        _load_quality(connection, signals, config.quality)
        attach(connection, "pairs_rows", pairs)
        connection.execute(
            """
            CREATE TABLE edges AS
            SELECT a.idx, b.idx AS other, p.jaccard
            FROM pairs_rows p JOIN texts a ON a.doc_id = p.doc_id JOIN texts b ON b.doc_id = p.other
            WHERE p.verified
            """
        )
        _load_components(connection)
        _load_members(connection)
        _check_loss(connection, config)
        return (
            connection.sql(
                """
            SELECT doc_id, record_uri, cluster_id, representative, reason, similarity FROM members
            ORDER BY doc_id, record_uri
            """
            )
            .to_arrow_table()
            .cast(Clusters.schema)
        )


def components(left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Nodes (sorted, distinct) of the edges ``left[i] - right[i]``, and the smallest node of each one's component."""
    nodes, places = np.unique(np.concatenate([left, right]), return_inverse=True)
    size = len(nodes)
    graph = coo_array((np.ones(len(left), np.bool_), (places[: len(left)], places[len(left) :])), shape=(size, size))
    labels = connected_components(graph, directed=False)[1]
    first = np.full(size, size, np.int64)
    np.minimum.at(first, labels, np.arange(size))
    return nodes, nodes[first[labels]]


def _load_quality(connection: duckdb.DuckDBPyConnection, signals: list[list[Path]], quality: str) -> None:
    """Make the table ``quality``: the signal of every record, null where it is NaN."""
    table, _, column = quality.partition(".")
    place = [entry.name for entry in SIGNALS].index(f"signals/{table}")
    attach(connection, "quality_rows", signals[place])
    value = duckdb.ColumnExpression(column).cast("DOUBLE")
    # isnan, not a comparison: Parquet statistics leave NaN out, and DuckDB folds comparisons by statistics
    known = duckdb.CaseExpression(~duckdb.FunctionExpression("isnan", value), value)
    connection.table("quality_rows").select("part", "doc_id", known.alias("quality")).create("quality")


def _load_components(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the table ``components``: the smallest idx of the component of every text that has an edge."""
    edges = connection.sql("SELECT idx, other FROM edges").to_arrow_table()
    nodes, component = components(edges.column("idx").to_numpy(), edges.column("other").to_numpy())
    connection.from_arrow(pa.table({"idx": nodes, "component": component})).create("components")


def _load_members(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the table ``members``: the rows of Clusters, with source."""
    connection.execute(
        """
        CREATE TABLE placed AS
        SELECT r.doc_id, r.record_uri, r.source, r.chars, q.quality,
               coalesce(c.component, t.idx) AS component,
               CASE WHEN NOT r.first_record THEN 'same_record'
                    WHEN r.doc_id <> t.doc_id THEN 'exact' ELSE 'near' END AS rule,
               count(*) OVER (PARTITION BY t.idx) AS copies,
               e.jaccard
        FROM records r
        JOIN records f ON f.doc_id = r.doc_id AND f.first_record
        JOIN texts t ON t.text_hash = f.text_hash
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
                       ORDER BY rule = 'near' DESC, quality DESC NULLS LAST, chars DESC, doc_id, record_uri
                   ) = 1 AS representative
            FROM placed QUALIFY count(*) OVER (PARTITION BY component) > 1
        )
        SELECT doc_id, record_uri, source, representative,
               max(CASE WHEN representative THEN doc_id END) OVER (PARTITION BY component) AS cluster_id,
               CASE WHEN representative THEN 'kept' ELSE rule END AS reason,
               CASE WHEN rule <> 'near' OR (representative AND copies > 1) THEN 1.0 ELSE jaccard END AS similarity
        FROM ranked
        """
    )


def _check_loss(connection: duckdb.DuckDBPyConnection, config: ClustersConfig) -> None:
    """Stop when the near-duplicate rule costs a source more than ``max_loss``."""
    worst = connection.execute(
        """
        SELECT r.source, m.lost, r.kept
        FROM (SELECT source, count(*) AS kept FROM records GROUP BY source) r
        JOIN (SELECT source, count(*) AS lost FROM members WHERE reason = 'near' GROUP BY source) m USING (source)
        WHERE r.kept >= $min_documents AND m.lost > $max_loss * r.kept
        ORDER BY m.lost / r.kept DESC, r.source LIMIT 1
        """,
        {"min_documents": config.min_documents, "max_loss": config.max_loss},
    ).fetchone()
    if worst is None:
        return
    source, lost, kept = worst
    largest = connection.execute(
        """
        SELECT m.cluster_id, count(*) AS members, min(m.similarity) AS lowest, any_value(d.url) AS url
        FROM members m LEFT JOIN documents_rows d ON d.doc_id = m.cluster_id AND m.representative
        WHERE m.cluster_id IN (SELECT cluster_id FROM members WHERE source = $source AND reason = 'near')
        GROUP BY m.cluster_id ORDER BY members DESC, m.cluster_id LIMIT $shown
        """,
        {"source": source, "shown": SHOWN_CLUSTERS},
    ).fetchall()
    lines = "\n".join(
        f"  {members:,} documents around {cluster} {url or ''}, similarity from {lowest:.2f}"
        for cluster, members, lowest, url in largest
    )
    raise GristmillError(
        f"near-duplicate removal would take {lost:,} of {kept:,} documents of source {source} ({lost / kept:.1%}), "
        f"more than max_loss = {config.max_loss} allows. Largest clusters:\n{lines}\n"
        "If these are true copies, raise max_loss; if not, raise threshold or the size of the shingles."
    )
