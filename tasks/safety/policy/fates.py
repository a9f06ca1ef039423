"""Applying a policy's safety rules: the rule that decides each finding, and the fate of each document.

Column operations; a pass a rule. Cost: about 10 million findings a second a core for each rule.
"""

import polars as pl

from gristmill.core.errors import GristmillError
from gristmill.schemas.findings import FindingKind
from gristmill.tasks.safety.policy.rules import SafetyAction, SafetyPolicy, SafetyRule

RULE, ACTION, HOW = "safety_rule", "action", "how"
BY_PERSON = "person:drop"


def decided(findings: pl.DataFrame, safety: SafetyPolicy) -> pl.DataFrame:
    """``findings`` with the number of the rule that decides each, its ``action`` and ``how`` it would be redacted.

    ``findings`` has the columns source, kind and score; ``kind`` may be a signal (``harm.hate``), which only rules
    about signals match, and which is kept where none does. Raises :class:`GristmillError` for a kind that is unknown.
    """
    rules = safety.ordered()
    first = pl.coalesce(
        *(pl.when(matches(rule)).then(pl.lit(number, pl.Int32)) for number, rule in enumerate(rules)),
        pl.when(pl.col("kind").str.contains(".", literal=True)).then(pl.lit(len(rules), pl.Int32)),
    )
    numbered = findings.with_columns(first.alias(RULE))
    unknown = numbered.filter(pl.col(RULE).is_null())["kind"].unique().sort().to_list()
    if unknown:
        raise GristmillError(f"findings of unknown kind {', '.join(unknown)}: another version of gristmill found them")
    actions = [rule.action.value for rule in rules] + [SafetyAction.KEEP.value]
    ways = {
        (number, kind.value): rule.replacement(kind) for number, rule in enumerate(rules) for kind in rule.matched()
    }
    how = pl.DataFrame(
        [(number, kind, way) for (number, kind), way in ways.items()],
        schema={RULE: pl.Int32, "kind": pl.String, HOW: pl.String},
        orient="row",
    )
    return numbered.with_columns(
        pl.col(RULE).replace_strict(list(range(len(actions))), actions, return_dtype=pl.String).alias(ACTION)
    ).join(how, on=[RULE, "kind"], how="left", maintain_order="left")


def matches(rule: SafetyRule) -> pl.Expr:
    """Whether a rule matches a finding with the columns source, kind and score."""
    names = [*rule.matched(), *rule.signals]
    met = pl.col("kind").is_in([str(name) for name in names]) & (pl.col("score") >= rule.min_score)
    return met & pl.col("source").is_in(list(rule.sources)) if rule.sources else met


def rejections(findings: pl.DataFrame, safety: SafetyPolicy) -> pl.DataFrame:
    """The ledger's failures: a row for each kind of finding that drops or holds a document, strongest first.

    ``findings`` as :func:`decided` gives them, with doc_id and detector. Columns: doc_id, rank (from 1 in each
    document), rule (``drop:KIND`` or ``review:KIND``), signal, value (the highest score), value_text (the detector that
    gave it) and threshold.
    """
    rules = safety.ordered()
    limits = [f"< {rule.min_score:g}" if rule.min_score else "none" for rule in rules] + ["none"]
    strong = findings.filter(pl.col(ACTION).is_in([SafetyAction.DROP.value, SafetyAction.REVIEW.value]))
    best = strong.sort("score", "detector", descending=[True, False]).group_by("doc_id", RULE, "kind", ACTION)
    rows = best.agg(pl.col("score").first(), pl.col("detector").first()).sort("doc_id", ACTION, RULE, "kind")
    whole = pl.col("kind").str.contains(".", literal=True)
    return rows.select(
        "doc_id",
        rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int16).over("doc_id"),
        rule=pl.col(ACTION) + ":" + pl.col("kind"),
        signal=pl.when(whole).then("kind"),
        value="score",
        value_text=pl.when(~whole).then("detector"),
        threshold=pl.col(RULE).replace_strict(list(range(len(limits))), limits, return_dtype=pl.String),
    )


def is_kind(column: str = "kind") -> pl.Expr:
    """Whether a finding is a place in the text, and not a signal of the whole document."""
    return pl.col(column).is_in([kind.value for kind in FindingKind])
