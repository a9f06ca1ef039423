"""Repeated lines: what many documents share, such as navigation, notices and licence headers, is cut from all documents
but one.

``lines`` (a shard step) hashes every line or paragraph of at least ``min_chars`` characters with BLAKE2b-128, without
white space at its ends. The hash is collision-resistant, so equal hashes are equal lines and no text is read again.
``repeated-lines`` (a global step) counts the documents that hold a line, in the whole corpus or within each source, and
where there are ``min_documents`` of them cuts it everywhere but at its first place: the first in the document of the
smallest doc_id. Exact duplicates (table Copies) do not count.

The text itself changes in the one late step; what is left of a document is judged by
``gristmill.tasks.dedup.verdicts``. Sources: CCNet (Wenzek et al. 2020, paragraphs), Llama 3 (Dubey et al. 2024: lines
that appear more than six times).

Cost: ``lines`` about 60 MB of text a second; ``repeated-lines`` an aggregation of 40 bytes a line, on disk beyond the
budget. Incremental: lines of earlier documents are cached, so their text is not read.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa

from gristmill.core.steps.kinds import global_per_shard_step, shard_step
from gristmill.schemas.stages import StageName
from gristmill.schemas.tables import Copies, Cuts, Documents, Lines, Verdicts
from gristmill.tasks.dedup.config import LinesConfig, RepeatsConfig
from gristmill.tasks.dedup.records import REPEATED, attach, database, load_records, load_texts
from gristmill.tasks.filtering.decide import kept_by
from gristmill.tasks.text.slices import map_slices


@shard_step("lines", version=1, reads=(Documents, Verdicts), writes=(Lines,))
def lines(documents: pa.Table, verdicts: pa.Table, config: LinesConfig) -> pa.Table:
    """Lines or paragraphs of the documents that the policy kept, with their hashes."""
    kept = kept_by(verdicts, StageName.DECIDE, documents.select(["doc_id", "text"]))
    return map_slices(lambda part: _lines_of(part, config), kept)


def _lines_of(documents: pa.Table, config: LinesConfig) -> pa.Table:
    frame = (
        pl.DataFrame(documents)
        .with_columns(line=pl.col("text").str.split("\n"))
        .drop("text")
        .filter(pl.col("line").list.len() > 0)
        .explode("line")
        .with_columns(size=pl.col("line").str.len_chars().cast(pl.Int32) + 1)
        .with_columns(end=pl.col("size").cum_sum().over("doc_id"))
        .with_columns(start=pl.col("end") - pl.col("size"), line=pl.col("line").str.strip_chars(), lines=pl.lit(1))
    )
    if config.unit == "paragraph":
        blank = (pl.col("line") == "").cum_sum().over("doc_id")
        frame = (
            frame.with_columns(paragraph=blank)
            .filter(pl.col("line") != "")
            .group_by("doc_id", "paragraph", maintain_order=True)
            .agg(pl.col("line").str.join("\n"), pl.len().alias("lines"), pl.min("start"), pl.max("end"))
            .with_columns(end=pl.col("start").shift(-1).over("doc_id").fill_null(pl.col("end")))
        )
    long = frame.filter(pl.col("line").str.len_chars() >= config.min_chars)
    high, low = _hashes(long["line"])
    texts = pl.DataFrame(documents).select("doc_id", length=pl.col("text").str.len_chars().cast(pl.Int32))
    ends = long.join(texts, on="doc_id", how="left", maintain_order="left")
    return pa.table(
        {
            "doc_id": long["doc_id"].to_arrow(),
            "start": long["start"].to_arrow(),
            "end": ends.select(pl.min_horizontal("end", "length"))["end"].to_arrow(),  # the last line has no line feed
            "lines": long["lines"].cast(pl.Int32).to_arrow(),
            "high": high,
            "low": low,
        }
    ).cast(Lines.schema)


def _hashes(found: pl.Series) -> tuple[pa.Array, pa.Array]:
    """Both halves of the BLAKE2b-128 of each string; each distinct string is hashed once."""
    coded = found.cast(pl.Binary).to_arrow(compat_level=pl.CompatLevel.oldest()).dictionary_encode()
    digests = b"".join(hashlib.blake2b(line, digest_size=16).digest() for line in coded.dictionary.to_pylist())
    codes = coded.indices.to_numpy(zero_copy_only=False)
    halves = np.frombuffer(digests, ">u8").reshape(-1, 2)[codes].astype(np.uint64)
    return pa.array(halves[:, 0]), pa.array(halves[:, 1])


@global_per_shard_step("repeated-lines", version=2, reads=(Documents, Verdicts, Copies, Lines), writes=(Cuts,))
def repeated_lines(
    documents: list[Path],
    verdicts: list[Path],
    copies: list[Path],
    hashed: list[Path],
    config: RepeatsConfig,
    scratch: Path,
) -> Iterator[pa.Table]:
    """Cuts of repeated lines, a table for each file of ``documents``; the i-th files belong to one shard."""
    with database(scratch, config.memory) as connection:
        load_records(connection, documents, verdicts, config.frozen)
        load_texts(connection, copies, [])
        attach(connection, "lines_rows", hashed)
        _find(connection, config)
        for part in range(len(documents)):
            rows = connection.sql(
                'SELECT doc_id, start, "end", lines, reason FROM found WHERE part = ?', params=[part]
            ).to_arrow_table()
            yield rows.cast(Cuts.schema)


def _find(connection: duckdb.DuckDBPyConnection, config: RepeatsConfig) -> None:
    """Make the table ``found``: the rows of Cuts, with ``part``."""
    connection.execute(
        """
        CREATE TABLE held AS
        SELECT l.part, l.doc_id, t.idx, l.start, l."end", l.lines, l.high, l.low,
               CASE WHEN $scope = 'source' THEN r.source ELSE '' END AS scope
        FROM lines_rows l
        JOIN texts t ON t.part = l.part AND t.doc_id = l.doc_id
        JOIN records r ON r.part = l.part AND r.doc_id = l.doc_id
        """,
        {"scope": config.scope},
    )
    connection.execute(
        """
        CREATE TABLE found AS
        WITH repeated AS (
            SELECT high, low, scope, min(idx) AS first FROM (SELECT DISTINCT high, low, scope, idx FROM held)
            GROUP BY high, low, scope HAVING count(*) >= $min_documents
        ), placed AS (
            SELECT h.*, r.first,
                   row_number() OVER (PARTITION BY h.high, h.low, h.scope, h.idx ORDER BY h.start) AS place
            FROM held h JOIN repeated r ON r.high = h.high AND r.low = h.low AND r.scope = h.scope
        )
        SELECT part, doc_id, start, "end", lines, $reason AS reason FROM placed WHERE idx <> first OR place > 1
        ORDER BY part
        """,
        {"min_documents": config.min_documents, "reason": REPEATED + config.unit},
    )
