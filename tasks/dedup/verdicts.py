"""Verdicts of deduplication: for each document that the policy kept, whether it stays, and if not for which rule.

One join of a shard's documents with the clusters. A removed document names its representative in ``value_text``.
"""

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from schemas.tables import Clusters, Documents, Verdicts
from tasks.decide import STAGE as DECIDE
from tasks.decide import kept_by, kept_rows, ledger
from tasks.dedup.config import DedupVerdictsConfig
from tasks.policy import number
from tasks.step import step

STAGE = "deduplicate"
RULES = ("same_record", "exact", "near")
SIGNAL = "clusters.similarity"


@step("dedup-verdicts", version=1, reads=(Documents, Verdicts, Clusters), writes=(Verdicts,))
def dedup_verdicts(
    documents: pa.Table, verdicts: pa.Table, clusters: pa.Table, config: DedupVerdictsConfig
) -> pa.Table:
    """Verdicts with stage ``deduplicate``; ``clusters`` is the whole table, ``verdicts`` those of the shard.

    One row for each document that stage ``decide`` kept: kept, or removed by ``same_record``, ``exact`` or ``near``.
    """
    kept = kept_by(verdicts, DECIDE, documents.select(["doc_id", "source", "record_uri"]))
    known = clusters.filter(pc.is_in(clusters.column("doc_id"), value_set=kept.column("doc_id").combine_chunks()))
    fates = pl.DataFrame(kept).join(pl.DataFrame(known), on=["doc_id", "record_uri"], how="left")
    staying = pl.col("representative").fill_null(True)
    removed = fates.filter(~staying).select(
        "doc_id",
        "source",
        stage=pl.lit(STAGE),
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
    return ledger([removed, kept_rows(fates.filter(staying).select("doc_id", "source"), STAGE)])
