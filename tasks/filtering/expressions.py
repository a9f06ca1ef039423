"""A policy as polars expressions over columns named after their signals.

``fails`` and ``meets`` are never null: a signal that is missing (null or NaN) fails every rule and meets no case.
Cost: one comparison a rule and document.
"""

import polars as pl
import pyarrow as pa

from gristmill.tasks.filtering.policy import Condition, Policy
from gristmill.tasks.filtering.signal_columns import number, signal_column

BRANCH = "branch"
MISSING = "missing"


def fails(rule: Condition) -> pl.Expr:
    """Whether a document does not meet the demand."""
    found = pl.col(rule.signal)
    if rule.equals is not None:
        broken = found != rule.equals
    elif rule.one_of is not None:
        broken = ~found.is_in(list(rule.one_of))
    else:
        broken = _below(rule) | _above(rule)
    return missing(rule.signal) | broken


def meets(case: Condition) -> pl.Expr:
    """Whether a document meets the condition."""
    return ~fails(case)


def missing(signal: str) -> pl.Expr:
    """Whether a document has no value of the signal."""
    found = pl.col(signal)
    return found.is_null() | found.is_nan() if pa.types.is_floating(signal_column(signal).type) else found.is_null()


def judge(policy: Policy) -> pl.Expr:
    """Name of the branch of ``policy`` that judges a document: the first case that it meets, else the policy itself."""
    chosen = pl.lit(policy.name)
    for case in reversed(policy.switch):
        chosen = pl.when(meets(case)).then(judge(case.policy)).otherwise(chosen)
    return chosen


def shown(signal: str) -> tuple[pl.Expr, pl.Expr]:
    """A signal as the ledger's ``value`` (where it is a number) and ``value_text`` (where it is not, or is missing)."""
    kind = signal_column(signal).type
    found, gone = pl.col(signal), missing(signal)
    if pa.types.is_boolean(kind) or pa.types.is_string(kind):
        value, text = pl.lit(None, pl.Float64), found.cast(pl.String)
    else:
        value, text = found.cast(pl.Float64), pl.lit(None, pl.String)
    return (
        pl.when(gone).then(pl.lit(None, pl.Float64)).otherwise(value),
        pl.when(gone).then(pl.lit(MISSING)).otherwise(text),
    )


def demand(rule: Condition) -> pl.Expr:
    """What the rule demands: the broken bound of a range, or both bounds when there is no value."""
    if rule.equals is not None or rule.one_of is not None:
        return pl.lit(wording(rule))
    least = "" if rule.min is None else f">= {number(rule.min)}"
    most = "" if rule.max is None else f"<= {number(rule.max)}"
    return (
        pl.when(missing(rule.signal))
        .then(pl.lit(wording(rule)))
        .when(_below(rule))
        .then(pl.lit(least))
        .otherwise(pl.lit(most))
    )


def wording(rule: Condition) -> str:
    """The whole demand in words, such as ``>= 50 and <= 100000``, ``= false`` or ``in en, de``."""
    if rule.one_of is not None:
        return f"in {', '.join(rule.one_of)}"
    if rule.equals is not None:
        return f"= {rule.equals if isinstance(rule.equals, str) else str(rule.equals).lower()}"
    bounds = [(">=", rule.min), ("<=", rule.max)]
    return " and ".join(f"{sign} {number(bound)}" for sign, bound in bounds if bound is not None)


def _below(rule: Condition) -> pl.Expr:
    return pl.lit(False) if rule.min is None else pl.col(rule.signal) < rule.min


def _above(rule: Condition) -> pl.Expr:
    return pl.lit(False) if rule.max is None else pl.col(rule.signal) > rule.max
