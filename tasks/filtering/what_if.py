"""What if: the funnel that another policy would give, from the signals that a curation stored, next to its own.

No text is read and no signal is computed: each shard is judged again from its signals, and the small tables of counts
(language, domain, first rule to fail before and after) are added up. Cost: about a second for a million
documents and thirty rules, most of it reading Parquet; memory: those signals of one shard.

Deduplication is not done again: it compares the texts of what a policy keeps, so its share under another policy is only
known after a run.
"""

from collections.abc import Iterable

import polars as pl

from gristmill.core.config import Config
from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset
from gristmill.tasks.filtering.expressions import wording
from gristmill.tasks.filtering.policy import Policy, refuse_missing_sets
from gristmill.tasks.filtering.rejudge import AFTER, BEFORE, GAINED, LOST, JudgedShard, few, judge_shard, shards
from gristmill.tasks.filtering.rejudge_safety import SafetyCount, safety_counts

NOTE = (
    "Deduplication is not done again: these are the documents that pass the policy, before duplicates among them are "
    "removed. Near duplicates of a document that only one of the policies keeps may fare differently in a run."
)
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
    safety: tuple[SafetyCount, ...]
    note: str = NOTE


def what_if(lake: Lake, dataset: Dataset, policy: Policy, examples: int = 3) -> WhatIf:
    """What ``policy`` would keep of a committed curation, with ``examples`` documents a rule that change their fate.

    Raises ``UsageError`` when the policy looks at signals that the curation did not compute, and ``GristmillError``
    when its files were written by a version with other columns, or are damaged.
    """
    refuse_missing_sets(policy, {name for name, refs in dataset.tables.items() if refs})
    judged = [judge_shard(shard, policy, examples) for shard in shards(lake, dataset)]
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
        safety=safety_counts(lake, dataset, shards(lake, dataset), policy.safety),
        **passed,
    )


def _rules(before: Policy, after: Policy, counts: pl.DataFrame, judged: Iterable[JudgedShard]) -> tuple[RuleCount, ...]:
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
    table = few(pl.concat(parts).sort("change", "rule", "doc_id"), "change", "rule", most=most)
    return tuple(Example.model_validate(row) for row in table.to_dicts())


def _total(parts: list[pl.DataFrame], keys: list[str]) -> pl.DataFrame:
    """Counts (column ``len``) of several shards added up by ``keys``."""
    empty = pl.DataFrame(schema={**dict.fromkeys(keys, pl.String), "len": pl.Int64})
    typed = [part.select(*keys, pl.col("len").cast(pl.Int64)) for part in parts]
    return pl.concat([empty, *typed]).group_by(keys).agg(pl.col("len").sum())


def _by(counts: pl.DataFrame, key: str) -> dict[str, int]:
    return dict(counts.group_by(key).agg(pl.col("len").sum()).iter_rows())


def _sum(counts: pl.DataFrame) -> int:
    return int(counts["len"].sum())
