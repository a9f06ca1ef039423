"""Pairs: documents that share a bucket, with their exact similarity.

Every kept text takes part, except exact duplicates. Candidates are proposed by the bands
(``gristmill.tasks.dedup.near.propose``); each is then measured (``gristmill.tasks.dedup.near.similarities``), because
LSH over long shingle sets proposes false pairs and transitive closure multiplies them. Candidates below the threshold
stay in the table as evidence.

Incremental: pairs that an earlier run measured over some of the same files of documents are taken from its table, so
only texts that a new candidate pair names are read. The candidates themselves are found again over all bands, old and
new, and so are those of a single run over everything, bucket limits included.

On many machines: several runs of ``candidates``, each for a part of the bands, then several runs of ``pairs``, each for
the shards named in ``only``; together they give what one run gives, shard by shard.

Memory: the budget (half for DuckDB, a quarter for proposing, then an eighth for sets; a slice of texts, one shard's
pairs at about 100 bytes); mapped files of 25 bytes a text on top. Disk: that of proposing, and 8 bytes a distinct
shingle of the texts in pairs.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.core.memory import buffer_share
from gristmill.core.steps.kinds import global_per_shard_step
from gristmill.schemas.tables import Bands, Candidates, Copies, Cuts, Documents, Pairs, Verdicts
from gristmill.tasks.dedup.config import PairsConfig
from gristmill.tasks.dedup.near.candidates import count_pairs
from gristmill.tasks.dedup.near.propose import Places, doc_ids_of, load_places, propose, sides, texts_of
from gristmill.tasks.dedup.near.similarities import Wanted, write_sets
from gristmill.tasks.dedup.records import attach, database, file_name, load_records, load_texts
from gristmill.tasks.dedup.shingles import Hashes
from gristmill.tasks.dedup.spill import mapped

KnownPairs = replace(Pairs, optional=True)
GivenBands = replace(Bands, optional=True)
GivenCandidates = replace(Candidates, optional=True)
READS = (Documents, Verdicts, Copies, Cuts, GivenBands, GivenCandidates, KnownPairs)

Proposed = Callable[[int], tuple[Hashes, npt.NDArray[np.int16]]]


@global_per_shard_step("pairs", version=4, reads=READS, writes=(Pairs,))
def pairs(
    documents: list[Path],
    verdicts: list[Path],
    copies: list[Path],
    cuts: list[Path],
    bands: list[Path],
    candidates: list[Path],
    known: list[Path],
    config: PairsConfig,
    scratch: Path,
) -> Iterator[pa.Table | None]:
    """Candidate pairs with their exact Jaccard similarity, a table for each file of ``documents``: that of ``other``.

    The i-th files of the first five lists belong to one shard (``cuts`` may be empty). Either ``bands`` are given, or
    ``candidates``: what runs of the step of that name found in all parts of the bands. ``known`` holds Pairs of earlier
    runs, over files of documents that are among these.
    """
    memory = buffer_share(config.memory)
    asked = [part for part, path in enumerate(documents) if not config.only or file_name(path) in config.only]
    with database(scratch, config.memory) as connection:
        load_records(connection, documents, verdicts, config.frozen)
        load_texts(connection, copies, cuts, config.min_left)
        places = load_places(connection, len(documents), scratch)
        _load_known(connection, known)
        proposed = _proposed(connection, documents, bands, candidates, places, config, scratch)
        wanted = mapped(scratch / "wanted.u1", len(places.part), np.bool_)
        for part in asked:
            _save_pairs(connection, part, places, proposed, wanted, scratch)
        stored = write_sets(_wanted(connection, documents, wanted), len(wanted), config.shingles, scratch)
        for part in range(len(documents)):
            if part not in asked:
                yield None
                continue
            with np.load(_saved(scratch, part)) as saved:
                smaller, larger = sides(connection, part, saved["keys"])
                counts, similarity = saved["counts"], saved["similarity"]
            unknown = np.isnan(similarity)
            similarity[unknown] = stored.similarity(smaller[unknown], larger[unknown], memory)
            yield pa.table(
                {
                    "doc_id": doc_ids_of(connection, smaller),
                    "other": doc_ids_of(connection, larger),
                    "bands": counts,
                    "jaccard": similarity,
                    "verified": similarity >= config.threshold,
                }
            ).cast(Pairs.schema)


def _proposed(
    connection: duckdb.DuckDBPyConnection,
    documents: list[Path],
    bands: list[Path],
    candidates: list[Path],
    places: Places,
    config: PairsConfig,
    scratch: Path,
) -> Proposed:
    """For the number of a shard the keys of its pairs, ascending, and in how many bands each collided."""
    if not candidates:
        spilled = propose(connection, bands, places, config.candidates(), scratch)
        return lambda part: count_pairs(spilled.read(part))

    def added(part: int) -> tuple[Hashes, npt.NDArray[np.int16]]:
        mine = [path for path in candidates if path.parent.name == documents[part].parent.name]
        attach(connection, "handed_rows", mine)
        found = connection.sql(
            """
            SELECT a.idx AS smaller, b.idx AS larger, sum(h.bands)::SMALLINT AS bands
            FROM handed_rows h JOIN texts a ON a.doc_id = h.doc_id JOIN texts b ON b.doc_id = h.other
            WHERE b.part = ? GROUP BY ALL ORDER BY larger, smaller
            """,
            params=[part],
        ).to_arrow_table()
        smaller, larger = (found.column(name).to_numpy() for name in ("smaller", "larger"))
        return places.keys(smaller, larger), found.column("bands").to_numpy()

    return added


def _load_known(connection: duckdb.DuckDBPyConnection, known: list[Path]) -> None:
    """Make the table ``known``: part, smaller, larger, jaccard of pairs that an earlier run measured.

    A text may have become an exact duplicate of another, which then stands for it. Where a doc_id now has two records
    its text may have changed, so its earlier pairs are dropped.
    """
    connection.execute("CREATE TABLE known (part INTEGER, larger BIGINT, smaller BIGINT, jaccard DOUBLE)")
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
            SELECT least(a.idx, b.idx) AS smaller, greatest(a.idx, b.idx) AS larger, any_value(k.jaccard) AS jaccard
            FROM known_rows k JOIN sure a ON a.doc_id = k.doc_id JOIN sure b ON b.doc_id = k.other
            GROUP BY ALL
        )
        SELECT t.part, f.larger, f.smaller, f.jaccard FROM found f JOIN texts t ON t.idx = f.larger ORDER BY ALL
        """
    )


def _save_pairs(
    connection: duckdb.DuckDBPyConnection,
    part: int,
    places: Places,
    proposed: Proposed,
    wanted: npt.NDArray[np.bool_],
    scratch: Path,
) -> None:
    """Write the pairs of a shard with their known similarities, and mark the texts of pairs still to be measured."""
    found, counts = proposed(part)
    similarity = np.full(len(found), np.nan)
    known = connection.sql(
        "SELECT smaller, larger, jaccard FROM known WHERE part = ? ORDER BY larger, smaller", params=[part]
    ).to_arrow_table()
    if known.num_rows and len(found):
        earlier = places.keys(known.column("smaller").to_numpy(), known.column("larger").to_numpy())
        place = np.minimum(np.searchsorted(earlier, found), len(earlier) - 1)
        same = earlier[place] == found
        similarity[same] = known.column("jaccard").to_numpy()[place[same]]
    np.savez(_saved(scratch, part), keys=found, counts=counts, similarity=similarity)
    for texts in sides(connection, part, found[np.isnan(similarity)]):
        wanted[texts] = True


def _saved(scratch: Path, part: int) -> Path:
    return scratch / f"pairs{part}.npz"


def _wanted(
    connection: duckdb.DuckDBPyConnection, documents: list[Path], wanted: npt.NDArray[np.bool_]
) -> Iterator[Wanted]:
    """The texts that must be read, file by file."""
    for part, path in enumerate(documents):
        texts = texts_of(connection, part)
        idx = texts.column("idx").to_numpy()
        chosen = wanted[idx]
        if chosen.any():
            yield Wanted(path, texts.column("doc_id").combine_chunks().filter(pa.array(chosen)), idx[chosen])
