"""Verdicts of deduplication: for each document that the policy kept, whether it stays, and if not for which rule.

Two joins of a shard's documents with its clusters and its cuts of repeated lines. A removed document names its
representative in ``value_text``; one that repeated lines left too short says what share of it is left.
"""

import polars as pl
import pyarrow as pa

from gristmill.core.steps.kinds import shard_step
from gristmill.schemas.stages import StageName
from gristmill.schemas.tables import Clusters, Cuts, Documents, Verdicts
from gristmill.tasks.dedup.config import DedupVerdictsConfig
from gristmill.tasks.dedup.records import REPEATED
from gristmill.tasks.filtering.decide import kept_by, kept_rows, ledger
from gristmill.tasks.filtering.signal_columns import number

RULES = ("same_record", "url", "exact", "lines", "near")
SIGNAL = "clusters.similarity"
LINES_SIGNAL = "cuts.left"


@shard_step("dedup-verdicts", version=2, reads=(Documents, Verdicts, Clusters, Cuts), writes=(Verdicts,))
def dedup_verdicts(
    documents: pa.Table, verdicts: pa.Table, clusters: pa.Table, cuts: pa.Table, config: DedupVerdictsConfig
) -> pa.Table:
    """Verdicts with stage ``deduplicate``, from the shard's own clusters, verdicts and cuts.

    One row for each document that stage ``decide`` kept: kept, or removed by one of ``RULES``.
    """
    kept = pl.DataFrame(
        kept_by(verdicts, StageName.DECIDE, documents.select(["doc_id", "source", "record_uri", "chars"]))
    )
    fates = kept.join(pl.DataFrame(clusters), on=["doc_id", "record_uri"], how="left").join(
        _left(cuts), on="doc_id", how="left"
    )
    left = (pl.col("chars") - pl.col("cut")) / pl.col("chars")
    staying = pl.col("representative").fill_null(True)
    short = (staying & (left < config.min_left)).fill_null(False)
    copied = fates.filter(~staying).select(
        "doc_id",
        "source",
        stage=pl.lit(StageName.DEDUPLICATE),
        kept=pl.lit(False),
        rank=pl.col("reason").replace_strict(RULES, range(1, len(RULES) + 1), return_dtype=pl.Int16),
        rule=pl.col("reason"),
        signal=pl.lit(SIGNAL),
        value=pl.col("similarity"),
        value_text="duplicate of " + pl.col("cluster_id"),
        threshold=pl.when(pl.col("reason") == "near")
        .then(pl.lit(f"< {number(config.threshold)}"))
        .otherwise(pl.lit("< 1")),
    )
    shortened = fates.filter(short).select(
        "doc_id",
        "source",
        stage=pl.lit(StageName.DEDUPLICATE),
        kept=pl.lit(False),
        rank=pl.lit(RULES.index("lines") + 1, pl.Int16),
        rule=pl.lit("lines"),
        signal=pl.lit(LINES_SIGNAL),
        value=left,
        threshold=pl.lit(f">= {number(config.min_left)}"),
    )
    return ledger(
        [copied, shortened, kept_rows(fates.filter(staying & ~short).select("doc_id", "source"), StageName.DEDUPLICATE)]
    )


def _left(cuts: pa.Table) -> pl.DataFrame:
    """For each document with cuts of repeated lines the characters that they take."""
    repeated = pl.DataFrame(cuts).filter(pl.col("reason").str.starts_with(REPEATED))
    return repeated.group_by("doc_id").agg(cut=(pl.col("end") - pl.col("start")).sum())
