"""Review: which documents the safety rules drop or hold for people, what people decided, and which spans are redacted.

The last stage that may reject: it looks at the findings of documents that are kept so far, so nobody reviews what goes
anyway. A document that is held is rejected here by the rule ``review:KIND``, and comes back in the first run after a
person kept it. What people decided about a text goes before the policy:

* ``drop``: the document goes, by the rule ``person:drop``;
* ``keep``: it stays; what the policy redacts is redacted, except spans that the person kept;
* ``redact``: it stays, and every finding is redacted, except spans that the person kept;
* a span that a person marked is redacted, whether a detector found it or not.

Cost: a few columns of the kept documents, and the findings. Memory: the documents of one shard.
"""

from collections.abc import Mapping

import polars as pl
import pyarrow as pa

from gristmill.core.config import Config
from gristmill.core.steps.kinds import shard_step
from gristmill.schemas.stages import StageName
from gristmill.schemas.tables import SIGNALS, Documents, HiddenSpans, Redactions, Reviews, Spans, TriggerSpans, Verdicts
from gristmill.tasks.filtering.decide import kept_by, kept_rows, ledger, signal_frame
from gristmill.tasks.safety.policy.fates import ACTION, BY_PERSON, HOW, decided, is_kind, rejections
from gristmill.tasks.safety.policy.rules import SafetyAction, SafetyPolicy

FOUND = (Spans, HiddenSpans, TriggerSpans)
FINDINGS = ["doc_id", "start", "end", "kind", "score", "detector"]
POLICY, PERSON = "policy", "person"


class ReviewConfig(Config):
    """The safety rules of the policy."""

    safety: SafetyPolicy


@shard_step("review", version=1, reads=(Documents, Verdicts, FOUND, SIGNALS, Reviews), writes=(Verdicts, Redactions))
def review(
    documents: pa.Table,
    verdicts: pa.Table,
    spans: Mapping[str, pa.Table],
    signals: Mapping[str, pa.Table],
    reviews: pa.Table,
    config: ReviewConfig,
) -> tuple[pa.Table, pa.Table]:
    """The ledger rows of stage ``review`` for the documents that stage ``clean`` kept, and the spans to redact of
    those that stay.

    ``spans`` and ``signals`` hold tables by name. Raises :class:`GristmillError` for a finding of an unknown kind.
    """
    frame = pl.DataFrame(
        kept_by(verdicts, StageName.CLEAN, documents.select(["doc_id", "source", "text_hash", "chars"]))
    )
    findings = decided(findings_of(frame, spans, signals, documents, config.safety), config.safety)
    people = pl.DataFrame(reviews).join(frame.select("doc_id", "text_hash", "chars"), on="text_hash")
    chosen = people.filter(end=0).select("doc_id", pl.col("decision").alias("chosen"))
    failed = rejections(findings.join(chosen, on="doc_id", how="anti"), config.safety)
    dropped = chosen.filter(chosen="drop").select(
        "doc_id", rank=pl.lit(1, pl.Int16), rule=pl.lit(BY_PERSON), value_text=pl.lit(PERSON)
    )
    rejected = pl.concat([failed, dropped], how="diagonal")
    kept = frame.join(rejected, on="doc_id", how="anti")
    rows = rejected.join(frame.select("doc_id", "source"), on="doc_id").with_columns(
        stage=pl.lit(StageName.REVIEW), kept=pl.lit(False)
    )
    return ledger([rows, kept_rows(kept, StageName.REVIEW)]), _redactions(kept, findings, people, chosen)


def findings_of(
    frame: pl.DataFrame,
    spans: Mapping[str, pa.Table],
    signals: Mapping[str, pa.Table],
    documents: pa.Table,
    safety: SafetyPolicy,
) -> pl.DataFrame:
    """The findings in the documents of ``frame`` (doc_id, source), of every detector, and the signals that the rules
    look at as findings of kind ``table.column`` without a place. With the column source."""
    found = pl.concat([pl.DataFrame(table.select(FINDINGS)) for table in spans.values()])
    measured = []
    for name in safety.signals():
        values = signal_frame(documents, signals, [name]).select(
            "doc_id",
            start=pl.lit(0, pl.Int32),
            end=pl.lit(0, pl.Int32),
            kind=pl.lit(name),
            score=pl.col(name).cast(pl.Float64),
            detector=pl.lit("signal"),
        )
        measured.append(values.filter(pl.col("score") > 0))
    return pl.concat([found, *measured]).join(frame.select("doc_id", "source"), on="doc_id", maintain_order="left")


def _redactions(kept: pl.DataFrame, findings: pl.DataFrame, people: pl.DataFrame, chosen: pl.DataFrame) -> pa.Table:
    """The spans to redact in the kept documents."""
    span = ["doc_id", "start", "end"]
    marked = people.filter((pl.col("end") > 0) & (pl.col("end") <= pl.col("chars"))).join(
        kept.select("doc_id"), on="doc_id", how="semi"
    )
    places = findings.filter(is_kind()).join(kept.select("doc_id"), on="doc_id", how="semi")
    places = places.join(chosen, on="doc_id", how="left", maintain_order="left")
    wanted = (pl.col(ACTION) == SafetyAction.REDACT.value) | (pl.col("chosen") == "redact").fill_null(value=False)
    ruled = places.filter(wanted).join(marked, on=span, how="anti").select(*span, "kind", HOW, by=pl.lit(POLICY))
    ways = places.select(*span, HOW).unique(span, keep="first", maintain_order=True)
    by_hand = (
        marked.filter(decision="redact")
        .join(ways, on=span, how="left", maintain_order="left")
        .select(*span, "kind", pl.col(HOW).fill_null("placeholder"), by=pl.lit(PERSON))
    )
    rows = pl.concat([ruled, by_hand]).unique([*span, "kind"], keep="first", maintain_order=True)
    return rows.select(Redactions.schema.names).to_arrow().cast(Redactions.schema)
