"""What deduplication would remove, reported before it does: the cap on a source's loss, and the largest clusters.

A template, a licence header or a wrong setting makes MinHash and transitive closure join most of a corpus; that is
nearly always a mistake, and must not pass as a result (reference: 97 % of a book corpus removed).

Cost: an aggregation of one row a member, and of one row a document for the addresses that are shown.
"""

from collections import defaultdict
from pathlib import Path

import duckdb

from gristmill.core.config import Config
from gristmill.core.errors import GristmillError
from gristmill.core.files.parquet import check_pages
from gristmill.tasks.dedup.config import ClustersConfig
from gristmill.tasks.dedup.records import attach

SHOWN_CLUSTERS = 5
SHOWN_PAGES = 3


class Cluster(Config):
    """One cluster as people see it. ``pages``: URL, or else doc_id, of some members, the representative first."""

    cluster_id: str
    members: int
    sources: dict[str, int]
    lowest: float
    pages: tuple[str, ...]

    def __str__(self) -> str:
        sources = ", ".join(f"{count:,} of {source}" for source, count in self.sources.items())
        return (
            f"  {self.members:,} documents around {self.cluster_id} ({sources}), similarity from {self.lowest:.2f}:\n"
            + "\n".join(f"    {page}" for page in self.pages)
        )


def check_loss(connection: duckdb.DuckDBPyConnection, config: ClustersConfig) -> None:
    """Raise :class:`GristmillError` when near-duplicates would cost a source more than ``config.max_loss``.

    Reads the tables ``records``, ``members`` and ``documents_rows``.
    """
    over = connection.execute(
        """
        SELECT r.source, m.lost, r.kept
        FROM (SELECT source, count(*) AS kept FROM records GROUP BY source) r
        JOIN (
            SELECT source, count(*) AS lost FROM members WHERE reason = 'near' AND NOT frozen GROUP BY source
        ) m USING (source)
        WHERE r.kept >= $min_documents AND m.lost > $max_loss * r.kept
        ORDER BY m.lost / r.kept DESC, r.source
        """,
        {"min_documents": config.min_documents, "max_loss": config.max_loss},
    ).fetchall()
    if not over:
        return
    said = "\n".join(
        f"near-duplicate removal would take {lost:,} of {kept:,} documents of source {source} ({lost / kept:.1%}), "
        f"more than max_loss = {config.max_loss} allows. Largest clusters:\n"
        + "\n".join(map(str, _largest(connection, SHOWN_CLUSTERS, source)))
        for source, lost, kept in over
    )
    raise GristmillError(
        f"{said}\nCompare some of these pages. If they are true duplicates, raise dedup.max_loss; if they share a "
        "template, raise dedup.threshold or the size of the shingles, or cut the shared lines first (dedup.lines)."
    )


def largest_clusters(clusters: list[Path], documents: list[Path], shown: int = 10) -> list[Cluster]:
    """The largest clusters of a run, whether it stopped or not: the files of both tables, in the order of shards.

    Raises :class:`gristmill.core.errors.DamageError` for a file that is damaged or missing.
    """
    for path in clusters:
        check_pages(path)
    for path in documents:
        check_pages(path, ["doc_id", "source", "url"])
    with duckdb.connect() as connection:
        attach(connection, "members_rows", clusters)
        attach(connection, "documents_rows", documents)
        connection.execute(
            """
            CREATE VIEW members AS
            SELECT m.*, d.source FROM members_rows m JOIN documents_rows d ON d.part = m.part AND d.doc_id = m.doc_id
            """
        )
        return _largest(connection, shown)


def _largest(connection: duckdb.DuckDBPyConnection, shown: int, source: str | None = None) -> list[Cluster]:
    """The largest clusters; if ``source`` is given, only those from which it loses near-duplicates."""
    found = connection.execute(
        """
        SELECT cluster_id, count(*) AS members, min(similarity) AS lowest FROM members
        WHERE $source IS NULL OR cluster_id IN (
            SELECT cluster_id FROM members WHERE source = $source AND reason = 'near'
        )
        GROUP BY cluster_id ORDER BY members DESC, cluster_id LIMIT $shown
        """,
        {"source": source, "shown": shown},
    ).fetchall()
    chosen = {"chosen": [cluster for cluster, _, _ in found]}
    sources: dict[str, dict[str, int]] = defaultdict(dict)
    for cluster, name, members in connection.execute(SOURCES, chosen).fetchall():
        sources[cluster][name] = members
    pages: dict[str, list[str]] = defaultdict(list)
    for cluster, page in connection.execute(PAGES, {**chosen, "shown": SHOWN_PAGES}).fetchall():
        pages[cluster].append(page)
    return [
        Cluster(
            cluster_id=cluster,
            members=members,
            lowest=lowest,
            sources=sources[cluster],
            pages=tuple(pages[cluster]),
        )
        for cluster, members, lowest in found
    ]


# One statement for all clusters that are shown: each goes through all documents once.
SOURCES = """
    SELECT cluster_id, source, count(*) AS members FROM members WHERE list_contains($chosen, cluster_id)
    GROUP BY cluster_id, source ORDER BY members DESC, source
"""
PAGES = """
    SELECT m.cluster_id, coalesce(d.url, m.doc_id)
    FROM members m LEFT JOIN documents_rows d ON d.part = m.part AND d.doc_id = m.doc_id
    WHERE list_contains($chosen, m.cluster_id)
    WINDOW place AS (PARTITION BY m.cluster_id ORDER BY m.representative DESC, m.similarity, m.doc_id, m.record_uri)
    QUALIFY row_number() OVER place <= $shown
    ORDER BY m.representative DESC, m.similarity, m.doc_id, m.record_uri
"""
