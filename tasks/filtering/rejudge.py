"""Judging a stored curation again by another policy, from its stored signals, shard by shard.

The signals that the policy names are joined, every rule becomes a column of true and false, and a small
table of counts is all that is kept of a shard, besides some examples. Cost and memory: see
:mod:`gristmill.tasks.filtering.what_if`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from gristmill.core.errors import GristmillError
from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset, Ref
from gristmill.schemas.stages import StageName
from gristmill.schemas.tables import Documents, Verdicts
from gristmill.tasks.filtering.expressions import BRANCH, demand, fails, judge, shown
from gristmill.tasks.filtering.policy import Policy

LANGUAGE, DOMAIN = "language.language", "domain.domain"
BEFORE, AFTER = "before", "after"
GAINED, LOST = "gained", "lost"
LEDGER = ["doc_id", "stage", "kept", "rule", "signal", "value", "value_text", "threshold"]


@dataclass(frozen=True)
class CuratedShard:
    """The files of one shard of a curation by table."""

    lake: Lake
    refs: Mapping[str, list[Ref]]

    def read(self, table: str, columns: list[str]) -> pl.DataFrame:
        """Columns of a table, sorted by ``doc_id`` as every file of the lake is.

        Raises :class:`GristmillError` when a file has no such column, and its kind ``DamageError`` when it is damaged.
        """
        frames = [_read(self.lake, ref, columns) for ref in self.refs.get(table, [])]
        return frames[0] if len(frames) == 1 else pl.concat(frames).sort("doc_id", maintain_order=True)


@dataclass(frozen=True)
class JudgedShard:
    """What is kept of one shard: documents by language, domain and first rule to fail before and after; documents that
    fail each rule at all; examples."""

    counts: pl.DataFrame
    any_before: pl.DataFrame
    any_after: pl.DataFrame
    examples: pl.DataFrame


def shards(lake: Lake, dataset: Dataset) -> list[CuratedShard]:
    """The shards of a curation that have documents, by name."""
    found: dict[str, dict[str, list[Ref]]] = {ref.shard: {} for ref in dataset.tables[Documents.name]}
    for name, refs in dataset.tables.items():
        for ref in refs:
            if ref.shard in found:
                found[ref.shard].setdefault(name, []).append(ref)
    return [CuratedShard(lake, found[shard]) for shard in sorted(found)]


def judge_shard(shard: CuratedShard, policy: Policy, examples: int) -> JudgedShard:
    """The counts of one shard, and ``examples`` documents a rule that change their fate.

    Raises :class:`GristmillError` when the ledger and the documents of the shard do not agree.
    """
    names = [*policy.signals(), *(name for name in (LANGUAGE, DOMAIN) if _table(name) in shard.refs)]
    frame = signals_beside(shard, list(dict.fromkeys(names)))
    ledger = shard.read(Verdicts.name, LEDGER).filter(pl.col("stage") == StageName.DECIDE)
    first = ledger.filter(pl.col("doc_id").ne_missing(pl.col("doc_id").shift(1)))
    if first.height != frame.height:
        raise GristmillError(
            f"{frame.height:,} documents and {first.height:,} verdicts on them: run the curation again"
        )
    frame = _left(frame, first.select("doc_id", pl.col("rule").alias(BEFORE)))
    ranked = [entry for branch in policy.branches() for entry in branch.ranked()]
    judged = frame.with_columns(judge(policy).cast(pl.Categorical).alias(BRANCH))
    failing = judged.select(
        ((pl.col(BRANCH) == branch.policy.name) & fails(rule)).alias(name)
        for branch in policy.branches()
        for _, name, rule in branch.ranked()
    )
    after = pl.coalesce(pl.when(pl.col(name)).then(pl.lit(name)) for _, name, _ in ranked)
    frame = frame.with_columns(failing.select(after.alias(AFTER)).get_column(AFTER))
    groups = [
        (pl.col(name) if name in frame.columns else pl.lit(None, pl.String)).alias(short)
        for short, name in (("language", LANGUAGE), ("domain", DOMAIN))
    ]
    return JudgedShard(
        counts=frame.group_by(*groups, BEFORE, AFTER).len(),
        any_before=ledger.filter(~pl.col("kept")).group_by("rule").len(),
        any_after=failing.sum().unpivot(variable_name="rule", value_name="len"),
        examples=_changed(shard, frame, first, policy, examples),
    )


def signals_beside(shard: CuratedShard, names: list[str]) -> pl.DataFrame:
    """``doc_id`` and the signals ``names`` of every document, null where there is none."""
    frame = shard.read(Documents.name, ["doc_id"])
    for table in dict.fromkeys(map(_table, names)):
        columns = {name.partition(".")[2]: name for name in names if _table(name) == table}
        frame = _left(frame, shard.read(table, ["doc_id", *columns]).rename(columns))
    return frame


def _left(frame: pl.DataFrame, other: pl.DataFrame) -> pl.DataFrame:
    """A left join on ``doc_id``; files of one shard have the same rows in the same order, so mostly none is needed."""
    if frame.height == other.height and (frame["doc_id"] == other["doc_id"]).all():
        return frame.hstack(other.drop("doc_id"))
    return frame.join(other, on="doc_id", how="left", maintain_order="left")


def _changed(
    shard: CuratedShard, frame: pl.DataFrame, first: pl.DataFrame, policy: Policy, examples: int
) -> pl.DataFrame:
    """The first ``examples`` documents, by ``doc_id``, that each rule loses or no longer loses."""
    was_kept, is_kept = pl.col(BEFORE).is_null(), pl.col(AFTER).is_null()
    gained = few(frame.filter(~was_kept & is_kept), BEFORE, most=examples).select("doc_id")
    found = ["rule", "signal", "value", "value_text", "threshold", "doc_id"]
    parts = [first.join(gained, on="doc_id").select(pl.lit(GAINED).alias("change"), *found)]
    lost = few(frame.filter(was_kept & ~is_kept), AFTER, most=examples)
    for branch in policy.branches():
        for _, name, rule in branch.ranked():
            value, text = shown(rule.signal)
            parts.append(
                lost.filter(pl.col(AFTER) == name).select(
                    change=pl.lit(LOST),
                    rule=pl.lit(name),
                    signal=pl.lit(rule.signal),
                    value=value,
                    value_text=text,
                    threshold=demand(rule),
                    doc_id="doc_id",
                )
            )
    chosen = pl.concat(parts)
    urls = shard.read(Documents.name, ["doc_id", "url"])
    return chosen.join(urls, on="doc_id", how="left", maintain_order="left")


def few(rows: pl.DataFrame, *keys: str, most: int) -> pl.DataFrame:
    """The first ``most`` rows of each group (``group_by(...).head`` of polars 2.1 pads small groups with nulls)."""
    return rows.filter(pl.int_range(pl.len()).over(keys) < most)


def _table(signal: str) -> str:
    return f"signals/{signal.partition('.')[0]}"


def _read(lake: Lake, ref: Ref, columns: list[str]) -> pl.DataFrame:
    """Columns of a file of the lake. Raises :class:`GristmillError` when it has no such column."""
    try:
        return pl.DataFrame(lake.read(ref, columns))
    except KeyError as error:
        raise GristmillError(
            f"{lake.path(ref)}: {error.args[0]}: another version of gristmill wrote this lake. Curate again; what has "
            "not changed is cached."
        ) from error
