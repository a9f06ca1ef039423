"""Decide: a policy over stored signals becomes verdicts, the ledger of what was kept and why the rest was not.

A document gets one row for each rule it fails, in the order of the policy, or one row that says it was kept. Column
operations in polars; one pass per rule. Cost: about 10 million rule checks a second a core. Memory: the signals that
the policy names, for one shard.
"""

from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from schemas.config import Config
from schemas.signals import SIGNALS
from schemas.tables import Documents, Verdicts
from tasks.policy import Policy, Rule, number
from tasks.step import step

STAGE = "decide"
MISSING = "missing"
LEDGER = {
    "doc_id": pl.String,
    "source": pl.String,
    "stage": pl.String,
    "kept": pl.Boolean,
    "rank": pl.Int16,
    "rule": pl.String,
    "signal": pl.String,
    "value": pl.Float64,
    "value_text": pl.String,
    "threshold": pl.String,
}


class DecideConfig(Config):
    """The whole policy, so that another threshold is another output."""

    policy: Policy


@step("decide", version=1, reads=(Documents, *SIGNALS), writes=(Verdicts,))
def decide(documents: pa.Table, *signals_and_config: Any) -> pa.Table:
    """Judge every document: ``decide(documents, *one table for each of SIGNALS, config)``.

    Returns Verdicts with stage ``decide``. A document without a row in a signals table, or with a null or NaN there,
    fails the rules that look at it, with ``value_text`` "missing".
    """
    *signals, config = signals_and_config
    policy: Policy = config.policy
    frame = signal_frame(documents, signals, policy.signals())
    failed = pl.concat([_failures(frame, rule, rank) for rank, rule in enumerate(policy.rules, start=1)])
    kept = frame.join(failed.select("doc_id"), on="doc_id", how="anti")
    return ledger([failed, kept_rows(kept.select("doc_id", "source"), STAGE)])


def signal_frame(documents: pa.Table, signals: list[pa.Table], names: list[str]) -> pl.DataFrame:
    """``doc_id``, ``source`` and the signals ``names`` (``table.column``) of each document, null where there is none.

    ``signals`` holds one table for each of SIGNALS, in that order.
    """
    frame = pl.DataFrame(documents.select(["doc_id", "source"]))
    for table, rows in zip(SIGNALS, signals, strict=True):
        prefix = table.name.removeprefix("signals/")
        columns = {name.partition(".")[2]: name for name in names if name.partition(".")[0] == prefix}
        if columns:
            found = pl.DataFrame(rows.select(["doc_id", *columns])).rename(columns)
            frame = frame.join(found, on="doc_id", how="left")
    return frame


def kept_by(verdicts: pa.Table, stage: str, documents: pa.Table) -> pa.Table:
    """The rows of ``documents`` (any table with ``doc_id``) that have a kept verdict of ``stage``, in their order."""
    kept = verdicts.filter((pc.field("stage") == stage) & pc.field("kept")).column("doc_id")
    return documents.filter(pc.is_in(documents.column("doc_id"), value_set=kept.combine_chunks()))


def kept_rows(documents: pl.DataFrame, stage: str) -> pl.DataFrame:
    """The ledger rows of documents (columns ``doc_id``, ``source``) that passed ``stage``."""
    return documents.select("doc_id", "source", stage=pl.lit(stage), kept=pl.lit(True), rank=pl.lit(0, pl.Int16))


def ledger(parts: list[pl.DataFrame]) -> pa.Table:
    """Verdicts from frames that hold some of its columns; those a frame lacks are null."""
    empty = pl.DataFrame(schema=LEDGER)
    return pl.concat([empty, *parts], how="diagonal").select(*LEDGER).to_arrow().cast(Verdicts.schema)


def _failures(frame: pl.DataFrame, rule: Rule, rank: int) -> pl.DataFrame:
    """One row for each document that fails ``rule``: what was found and the demand that it broke."""
    found = pl.col(rule.signal)
    kind = frame.schema[rule.signal]
    missing = found.is_null() | found.is_nan() if kind.is_float() else found.is_null()
    if rule.equals is not None:
        broken, demand = found != rule.equals, pl.lit(f"= {_text(rule.equals)}")
    elif rule.one_of is not None:
        broken, demand = ~found.is_in(list(rule.one_of)), pl.lit(f"in {', '.join(rule.one_of)}")
    else:
        broken, demand = _outside(found, missing, rule)
    shown = found.cast(pl.String) if not kind.is_numeric() else pl.lit(None, pl.String)
    return frame.filter(missing | broken).select(
        "doc_id",
        "source",
        stage=pl.lit(STAGE),
        kept=pl.lit(False),
        rank=pl.lit(rank, pl.Int16),
        rule=pl.lit(rule.name),
        signal=pl.lit(rule.signal),
        value=pl.when(missing)
        .then(pl.lit(None, pl.Float64))
        .otherwise(found.cast(pl.Float64) if kind.is_numeric() else pl.lit(None, pl.Float64)),
        value_text=pl.when(missing).then(pl.lit(MISSING)).otherwise(shown),
        threshold=demand,
    )


def _outside(found: pl.Expr, missing: pl.Expr, rule: Rule) -> tuple[pl.Expr, pl.Expr]:
    """Whether a number lies outside the rule's range, and the bound it broke (both when there is no number)."""
    below = found < rule.min if rule.min is not None else pl.lit(False)
    above = found > rule.max if rule.max is not None else pl.lit(False)
    least = f">= {number(rule.min)}" if rule.min is not None else ""
    most = f"<= {number(rule.max)}" if rule.max is not None else ""
    both = " and ".join(text for text in (least, most) if text)
    demand = pl.when(missing).then(pl.lit(both)).when(below).then(pl.lit(least)).otherwise(pl.lit(most))
    return below | above, demand


def _text(value: bool | str) -> str:
    return value if isinstance(value, str) else str(value).lower()
