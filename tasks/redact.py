"""Redact: personal data in the text of the documents that stay is replaced by placeholders.

The only step that changes text, and a late one: signals and duplicates were found on the text as extracted. Overlapping
findings are one replacement. Cost: the documents with findings, once; memory: the kept texts of one shard, twice.
"""

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from schemas.config import Config
from schemas.tables import Documents, Redacted, Spans, Verdicts
from tasks.decide import kept_by
from tasks.dedup.verdicts import STAGE as DEDUPLICATE
from tasks.pii import redact_spans
from tasks.step import step


class RedactConfig(Config):
    """Nothing to set: every span found is replaced."""


@step("redact", version=1, reads=(Documents, Verdicts, Spans), writes=(Redacted,))
def redact(documents: pa.Table, verdicts: pa.Table, spans: pa.Table, config: RedactConfig) -> pa.Table:
    """Text of the documents kept by stage ``deduplicate``, redacted. ``verdicts`` may hold other stages too."""
    kept = kept_by(verdicts, DEDUPLICATE, documents.select(["doc_id", "text"]))
    doc_ids, texts = (kept.column(name).combine_chunks() for name in ("doc_id", "text"))
    found = spans.filter(pc.is_in(spans.column("doc_id"), value_set=doc_ids))
    return pa.table(
        {
            "doc_id": doc_ids,
            "text": redact_spans(doc_ids, texts, found),
            "redactions": _replacements(doc_ids, found),
        },
        schema=Redacted.schema,
    )


def _replacements(doc_ids: pa.Array, spans: pa.Table) -> pa.Array:
    """For each document the number of stretches that its spans cover, overlapping ones counted once."""
    ordered = pl.DataFrame(spans.select(["doc_id", "start", "end"])).sort("doc_id", "start", "end")
    reached = pl.col("end").cum_max().shift(1).over("doc_id")
    counts = (
        ordered.filter(reached.is_null() | (pl.col("start") >= reached))
        .group_by("doc_id")
        .agg(redactions=pl.len().cast(pl.Int32))
    )
    joined = pl.DataFrame({"doc_id": doc_ids}).join(counts, on="doc_id", how="left", maintain_order="left")
    return joined["redactions"].fill_null(0).to_arrow()
