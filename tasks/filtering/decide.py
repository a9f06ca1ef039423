"""Decide: apply a policy to stored signals and write verdicts: what was kept, and why the rest was not.

A document gets one row for each rule it fails, in the order of the policy, or one row that says it was kept. Where the
policy switches, one branch judges each document; ranks run on from branch to branch, and the rules of a branch carry
its name. Column operations in polars; one pass per rule. Cost: about 10 million rule checks a second a core. Memory:
the signals that the policy names, for one shard.
"""

from collections.abc import Iterator, Mapping

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.core.config import Config
from gristmill.core.steps.kinds import shard_step
from gristmill.schemas.stages import StageName
from gristmill.schemas.tables import SIGNALS, Documents, Verdicts
from gristmill.tasks.filtering.expressions import BRANCH, demand, fails, judge, shown
from gristmill.tasks.filtering.policy import Branch, Policy

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
    """The policy with all thresholds, so that another threshold is another output."""

    policy: Policy


@shard_step("decide", version=2, reads=(Documents, SIGNALS), writes=(Verdicts,))
def decide(documents: pa.Table, signals: Mapping[str, pa.Table], config: DecideConfig) -> pa.Table:
    """Judge every document by ``signals``, tables by name.

    Returns Verdicts with stage ``decide``. A document without a row in a signals table, or with a null or NaN there,
    fails the rules that look at it, with ``value_text`` "missing".
    """
    policy = config.policy
    frame = signal_frame(documents, signals, policy.signals()).with_columns(judge(policy).alias(BRANCH))
    failed = pl.concat([rows for branch in policy.branches() for rows in _failures(frame, branch)])
    kept = frame.join(failed.select("doc_id"), on="doc_id", how="anti")
    return ledger([failed, kept_rows(kept.select("doc_id", "source"), StageName.DECIDE)])


def signal_frame(documents: pa.Table, signals: Mapping[str, pa.Table], names: list[str]) -> pl.DataFrame:
    """``doc_id``, ``source`` and the signals ``names`` (``table.column``) of each document, null where there is none.

    ``signals`` maps table names (``signals/language``) to tables, at least those in ``names``.
    """
    frame = pl.DataFrame(documents.select(["doc_id", "source"]))
    for table in SIGNALS:
        prefix = table.name.removeprefix("signals/")
        columns = {name.partition(".")[2]: name for name in names if name.partition(".")[0] == prefix}
        if columns:
            found = pl.DataFrame(signals[table.name].select(["doc_id", *columns])).rename(columns)
            frame = frame.join(found, on="doc_id", how="left", maintain_order="left")
    return frame


def cleaning(documents: pa.Table, signals: Mapping[str, pa.Table], policy: Policy) -> pl.Series:
    """The line cleaning (``Policy.clean``) of the branch that judges each document, in the order of ``documents``.

    ``signals`` maps table names to tables, at least those that the policy switches on.
    """
    cases = [case.signal for branch in policy.branches() for case in branch.policy.switch]
    frame = signal_frame(documents, signals, list(dict.fromkeys(cases)))
    names = frame.with_columns(judge(policy).alias(BRANCH)).get_column(BRANCH)
    cleans = {branch.policy.name: branch.policy.clean for branch in policy.branches()}
    return names.replace_strict(cleans, return_dtype=pl.String).alias("clean")


def kept_by(verdicts: pa.Table, stage: str, documents: pa.Table) -> pa.Table:
    """The rows of ``documents`` (any table with ``doc_id``) that have a kept verdict of ``stage``, in their order."""
    kept = verdicts.filter((pc.field("stage") == stage) & pc.field("kept")).column("doc_id")
    return documents.filter(pc.is_in(documents.column("doc_id"), value_set=kept.combine_chunks()))


def kept_rows(documents: pl.DataFrame, stage: str) -> pl.DataFrame:
    """The ledger rows of documents (columns ``doc_id``, ``source``) that passed ``stage``."""
    return documents.select("doc_id", "source", stage=pl.lit(stage), kept=pl.lit(True), rank=pl.lit(0, pl.Int16))


def ledger(parts: list[pl.DataFrame]) -> pa.Table:
    """Verdicts from frames with some of its columns; missing columns become null."""
    empty = pl.DataFrame(schema=LEDGER)
    return pl.concat([empty, *parts], how="diagonal").select(*LEDGER).to_arrow().cast(Verdicts.schema)


def _failures(frame: pl.DataFrame, branch: Branch) -> Iterator[pl.DataFrame]:
    """A row for each rule of the branch and each of its documents that fails it: the value found, and the demand."""
    judged = frame.filter(pl.col(BRANCH) == branch.policy.name)
    for rank, name, rule in branch.ranked():
        value, text = shown(rule.signal)
        yield judged.filter(fails(rule)).select(
            "doc_id",
            "source",
            stage=pl.lit(StageName.DECIDE),
            kept=pl.lit(False),
            rank=pl.lit(rank, pl.Int16),
            rule=pl.lit(name),
            signal=pl.lit(rule.signal),
            value=value,
            value_text=text,
            threshold=demand(rule),
        )
