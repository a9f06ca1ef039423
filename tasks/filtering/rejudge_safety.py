"""What if, for safety rules: which documents another ``safety`` section would drop or hold, from the stored findings.

Of the documents that reached stage ``review`` in the committed run. Those that people decided about are left out on
both sides: their fate does not depend on the rules. Cost: the findings, and some columns of the ledger.
"""

from collections.abc import Iterable

import polars as pl

from gristmill.core.config import Config
from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset
from gristmill.schemas.stages import StageName
from gristmill.schemas.tables import Documents, Reviews, Spans, Verdicts
from gristmill.tasks.filtering.rejudge import CuratedShard, signals_beside
from gristmill.tasks.safety.policy.fates import decided, rejections
from gristmill.tasks.safety.policy.rules import SafetyPolicy

BEFORE, AFTER = "before", "after"
FINDING = {"doc_id": pl.String, "kind": pl.String, "score": pl.Float64, "detector": pl.String}


class SafetyCount(Config):
    """Documents whose first failed safety rule this is, before and after."""

    rule: str
    before: int
    after: int


def safety_counts(
    lake: Lake, dataset: Dataset, found: Iterable[CuratedShard], safety: SafetyPolicy
) -> tuple[SafetyCount, ...]:
    """The rules that drop or hold documents under the committed policy or under ``safety``, the most first."""
    people = [pl.DataFrame(lake.read(ref, ["text_hash"])) for ref in dataset.tables.get(Reviews.name, ())]
    texts = pl.concat([pl.DataFrame(schema={"text_hash": pl.String}), *people]).unique()
    sides = [_shard(shard, dataset.name, texts, safety) for shard in found]
    counts = (
        pl.concat([pl.DataFrame(schema={"side": pl.String, "rule": pl.String}), *sides]).group_by("side", "rule").len()
    )
    numbers = {(side, rule): count for side, rule, count in counts.iter_rows()}
    rules = sorted({rule for _, rule in numbers}, key=lambda rule: (-numbers.get((AFTER, rule), 0), rule))
    return tuple(
        SafetyCount(rule=rule, before=numbers.get((BEFORE, rule), 0), after=numbers.get((AFTER, rule), 0))
        for rule in rules
    )


def _shard(shard: CuratedShard, source: str, texts: pl.DataFrame, safety: SafetyPolicy) -> pl.DataFrame:
    """A row for each document that is dropped or held: ``side`` and ``rule``."""
    ledger = shard.read(Verdicts.name, ["doc_id", "stage", "kept", "rank", "rule"])
    open_ = shard.read(Documents.name, ["doc_id", "text_hash"]).join(texts, on="text_hash", how="anti")
    ledger = ledger.join(open_, on="doc_id", how="semi")
    reached = ledger.filter((pl.col("stage") == StageName.CLEAN) & pl.col("kept")).select("doc_id").unique()
    before = ledger.filter((pl.col("stage") == StageName.REVIEW) & ~pl.col("kept") & (pl.col("rank") == 1))
    parts = [shard.read(Spans.name, list(FINDING))] if Spans.name in shard.refs else []
    names = safety.signals()
    if names:
        beside = signals_beside(shard, names)
        parts += [
            beside.select(
                "doc_id", kind=pl.lit(name), score=pl.col(name).cast(pl.Float64), detector=pl.lit("signal")
            ).filter(pl.col("score") > 0)
            for name in names
        ]
    findings = pl.concat([pl.DataFrame(schema=FINDING), *parts]).join(reached, on="doc_id", how="semi")
    after = rejections(decided(findings.with_columns(source=pl.lit(source)), safety), safety).filter(
        pl.col("rank") == 1
    )
    return pl.concat(
        [
            before.select(pl.lit(BEFORE).alias("side"), "rule"),
            after.select(pl.lit(AFTER).alias("side"), "rule"),
        ]
    )
