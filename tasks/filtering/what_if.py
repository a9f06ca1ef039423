"""What if: the funnel that another policy would give, from the signals that a curation stored, beside its ledger.

No text is read and no signal computed. Shard by shard: the signals that the policy names are laid side by side, every
rule becomes a column of true and false, and a small table of counts (language, domain, first rule to fail before and
after) is all that is kept of a shard, besides some examples. Cost: about a second for a million documents and thirty
rules, most of it reading Parquet; memory: those signals of one shard.

Deduplication is not done again: it compares the texts of what a policy keeps, so its share under another policy is only
known after a run.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from gristmill.core.config import Config
from gristmill.core.errors import GristmillError
from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset, Ref
from gristmill.schemas.stages import StageName
from gristmill.schemas.tables import Documents, Verdicts
from gristmill.tasks.filtering.expressions import BRANCH, demand, fails, judge, shown, wording
from gristmill.tasks.filtering.policy import Policy, refuse_missing_sets

LANGUAGE, DOMAIN = "language.language", "domain.domain"
BEFORE, AFTER = "before", "after"
GAINED, LOST = "gained", "lost"
NOTE = (
    "Deduplication is not done again: these are the documents that pass the policy, before copies among them are "
    "removed. Near copies of a document that only one of the policies keeps may fare differently in a run."
)
LEDGER = ["doc_id", "stage", "kept", "rule", "signal", "value", "value_text", "threshold"]
KEYS = ("language", "domain", BEFORE, AFTER)


class RuleCount(Config):
    """One rule before and after: what it demands, and how many documents fail it, first of all rules or at all."""

    rule: str
    signal: str
    demand_before: str | None
    demand_after: str | None
    first_before: int
    first_after: int
    any_before: int
    any_after: int


class GroupCount(Config):
    """The documents of one language or domain that pass before and after, and how many change their fate."""

    name: str
    documents: int
    before: int
    after: int
    gained: int
    lost: int


class Example(Config):
    """A document that changes its fate: a gained one with the rule that rejected it, a lost one with the new rule."""

    change: str
    rule: str
    signal: str
    value: float | None
    value_text: str | None
    threshold: str
    doc_id: str
    url: str | None


class WhatIf(Config):
    """The answer for one source. ``kept_before`` is what was left after deduplication in the committed run."""

    source: str
    policy_before: str
    policy_after: str
    documents: int
    before: int
    after: int
    gained: int
    lost: int
    kept_before: int
    rules: tuple[RuleCount, ...]
    by_language: tuple[GroupCount, ...]
    by_domain: tuple[GroupCount, ...]
    examples: tuple[Example, ...]
    note: str = NOTE


@dataclass(frozen=True)
class Shard:
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
class Judged:
    """What is kept of one shard: counts by KEYS, documents that fail each rule at all, and examples."""

    counts: pl.DataFrame
    any_before: pl.DataFrame
    any_after: pl.DataFrame
    examples: pl.DataFrame


def what_if(lake: Lake, dataset: Dataset, policy: Policy, examples: int = 3) -> WhatIf:
    """What ``policy`` would keep of a committed curation, with ``examples`` documents a rule that change their fate.

    Raises ``UsageError`` when the policy looks at signals that the curation did not compute, and ``GristmillError``
    when its files were written by a version with other columns, or are damaged.
    """
    refuse_missing_sets(policy, {name for name, refs in dataset.tables.items() if refs})
    judged = [_judge_shard(shard, policy, examples) for shard in shards(lake, dataset)]
    committed = Policy.parse(dataset.config["policy"], f"the policy recorded for {dataset.name}")
    counts = _total([shard.counts for shard in judged], list(KEYS))
    kept_before, kept_after = pl.col(BEFORE).is_null(), pl.col(AFTER).is_null()
    passed = {
        "documents": _sum(counts),
        BEFORE: _sum(counts.filter(kept_before)),
        AFTER: _sum(counts.filter(kept_after)),
        GAINED: _sum(counts.filter(~kept_before & kept_after)),
        LOST: _sum(counts.filter(kept_before & ~kept_after)),
    }
    return WhatIf(
        source=dataset.name,
        policy_before=committed.name,
        policy_after=policy.name,
        kept_before=dataset.counts["kept"],
        rules=_rules(committed, policy, counts, judged),
        by_language=_groups(counts, "language"),
        by_domain=_groups(counts, "domain"),
        examples=_examples([shard.examples for shard in judged], examples),
        **passed,
    )


def shards(lake: Lake, dataset: Dataset) -> list[Shard]:
    """The shards of a curation that hold documents, by name."""
    found: dict[str, dict[str, list[Ref]]] = {ref.shard: {} for ref in dataset.tables[Documents.name]}
    for name, refs in dataset.tables.items():
        for ref in refs:
            if ref.shard in found:
                found[ref.shard].setdefault(name, []).append(ref)
    return [Shard(lake, found[shard]) for shard in sorted(found)]


def _judge_shard(shard: Shard, policy: Policy, examples: int) -> Judged:
    names = [*policy.signals(), *(name for name in (LANGUAGE, DOMAIN) if _table(name) in shard.refs)]
    frame = _beside(shard, list(dict.fromkeys(names)))
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
    return Judged(
        counts=frame.group_by(*groups, BEFORE, AFTER).len(),
        any_before=ledger.filter(~pl.col("kept")).group_by("rule").len(),
        any_after=failing.sum().unpivot(variable_name="rule", value_name="len"),
        examples=_changed(shard, frame, first, policy, examples),
    )


def _beside(shard: Shard, names: list[str]) -> pl.DataFrame:
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


def _changed(shard: Shard, frame: pl.DataFrame, first: pl.DataFrame, policy: Policy, examples: int) -> pl.DataFrame:
    """The first ``examples`` documents, by ``doc_id``, that each rule loses or no longer loses."""
    was_kept, is_kept = pl.col(BEFORE).is_null(), pl.col(AFTER).is_null()
    gained = _few(frame.filter(~was_kept & is_kept), BEFORE, most=examples).select("doc_id")
    found = ["rule", "signal", "value", "value_text", "threshold", "doc_id"]
    parts = [first.join(gained, on="doc_id").select(pl.lit(GAINED).alias("change"), *found)]
    lost = _few(frame.filter(was_kept & ~is_kept), AFTER, most=examples)
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


def _rules(before: Policy, after: Policy, counts: pl.DataFrame, judged: Iterable[Judged]) -> tuple[RuleCount, ...]:
    """Every rule of both policies, those of ``after`` first, in their order."""
    ranked = {
        name: {ledger: rule for branch in policy.branches() for _, ledger, rule in branch.ranked()}
        for name, policy in ((BEFORE, before), (AFTER, after))
    }
    first = {name: _by(counts.filter(pl.col(name).is_not_null()), name) for name in (BEFORE, AFTER)}
    judged = list(judged)
    whole = {
        BEFORE: _by(_total([shard.any_before for shard in judged], ["rule"]), "rule"),
        AFTER: _by(_total([shard.any_after for shard in judged], ["rule"]), "rule"),
    }
    rows = []
    for name in dict.fromkeys([*ranked[AFTER], *ranked[BEFORE]]):
        old, new = ranked[BEFORE].get(name), ranked[AFTER].get(name)
        seen = [rule.signal for rule in (old, new) if rule is not None]
        rows.append(
            RuleCount(
                rule=name,
                signal=seen[-1],
                demand_before=wording(old) if old else None,
                demand_after=wording(new) if new else None,
                first_before=first[BEFORE].get(name, 0),
                first_after=first[AFTER].get(name, 0),
                any_before=whole[BEFORE].get(name, 0),
                any_after=whole[AFTER].get(name, 0),
            )
        )
    return tuple(rows)


def _groups(counts: pl.DataFrame, column: str) -> tuple[GroupCount, ...]:
    """One entry for each value of ``column``, the most frequent first."""
    rows = pl.col("len")
    kept_before, kept_after = pl.col(BEFORE).is_null(), pl.col(AFTER).is_null()
    table = (
        counts.filter(pl.col(column).is_not_null())
        .group_by(pl.col(column).alias("name"))
        .agg(
            rows.sum().alias("documents"),
            rows.filter(kept_before).sum().alias(BEFORE),
            rows.filter(kept_after).sum().alias(AFTER),
            rows.filter(~kept_before & kept_after).sum().alias(GAINED),
            rows.filter(kept_before & ~kept_after).sum().alias(LOST),
        )
        .sort("documents", "name", descending=[True, False])
    )
    return tuple(GroupCount.model_validate(row) for row in table.to_dicts())


def _examples(parts: list[pl.DataFrame], most: int) -> tuple[Example, ...]:
    if not parts:
        return ()
    table = _few(pl.concat(parts).sort("change", "rule", "doc_id"), "change", "rule", most=most)
    return tuple(Example.model_validate(row) for row in table.to_dicts())


def _few(rows: pl.DataFrame, *keys: str, most: int) -> pl.DataFrame:
    """The first ``most`` rows of each group (``group_by(...).head`` of polars 2.1 pads small groups with nulls)."""
    return rows.filter(pl.int_range(pl.len()).over(keys) < most)


def _total(parts: list[pl.DataFrame], keys: list[str]) -> pl.DataFrame:
    """Counts (column ``len``) of several shards added up by ``keys``."""
    empty = pl.DataFrame(schema={**dict.fromkeys(keys, pl.String), "len": pl.Int64})
    typed = [part.select(*keys, pl.col("len").cast(pl.Int64)) for part in parts]
    return pl.concat([empty, *typed]).group_by(keys).agg(pl.col("len").sum())


def _by(counts: pl.DataFrame, key: str) -> dict[str, int]:
    return dict(counts.group_by(key).agg(pl.col("len").sum()).iter_rows())


def _sum(counts: pl.DataFrame) -> int:
    return int(counts["len"].sum())


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
