"""Is checkpoint B better than checkpoint A? Item by item, on the suites that both were evaluated on.

Compares the samples of a suite's headline convention, or of the requested one. Refuses a suite, with the reason, when
the two were asked different versions of it, graded differently, or run in jails of different tiers. P-values are
Holm-corrected over the suites of the comparison, and over the subjects of a board. Cost: a scan of ``samples`` per
suite and the statistics of ``gristmill.evals.statistics.paired``: 0.2 s for 14,000 items.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

from gristmill.core.config import did_you_mean
from gristmill.core.errors import GristmillError, UsageError
from gristmill.evals.statistics.paired import LEAST_UNITS, Paired, holm, paired_macro
from gristmill.schemas.scores import ALL, MACRO
from gristmill.warehouse.connection import Warehouse
from gristmill.warehouse.queries.answered import Pair, Row, asked_of, data_of, pair_of, side_by_side
from gristmill.warehouse.queries.comparison import (
    Comparison,
    Difference,
    Differing,
    Refused,
    Side,
    SuiteComparison,
    described,
)

KEPT = 8
"""How many comparisons are remembered; one of 20 suites with their subjects takes about 100 kB."""
Which = Literal["any", "a", "b"]
"""Which differing items: any, or those on which A or B did better."""


class Comparisons:
    """Comparisons of the checkpoints of one warehouse on all their suites, without examples.

    Remembers the last ``KEPT`` until something is published, so that turning a page computes nothing. Safe to share
    between threads.
    """

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._of_version = lru_cache(maxsize=KEPT)(self._made)

    def of(self, a: str, b: str, convention: str | None = None) -> Comparison:
        """B against A. Raises as :func:`compare`; a refusal is not remembered."""
        return self._of_version(self._warehouse.version, a, b, convention)

    def _made(self, _version: str | None, a: str, b: str, convention: str | None) -> Comparison:
        return compare(self._warehouse, a, b, convention=convention, examples=0)


def sides(warehouse: Warehouse) -> list[Side]:
    """Every evaluated checkpoint, by label and step."""
    rows = warehouse.query(
        "SELECT checkpoint, min(label) AS label, min(mixture) AS mixture, min(step) AS step, min(tokens) AS tokens "
        "FROM eval_runs GROUP BY checkpoint ORDER BY label, step, checkpoint"
    )
    return [Side.model_validate(row) for row in rows]


def find_side(warehouse: Warehouse, name: str) -> Side:
    """The evaluated checkpoint with the label ``name``, or with a digest that begins with it.

    Raises :class:`UsageError` when there is none, or more than one.
    """
    if not warehouse.published:
        raise UsageError(warehouse.empty_hint)
    known = sides(warehouse)
    found = [side for side in known if side.label == name]
    if not found and name:
        found = [side for side in known if side.checkpoint.startswith(name)]
    if not found:
        labels = sorted({side.label for side in known})
        evaluate = warehouse.command("gristmill evaluate CHECKPOINT")
        hint = did_you_mean(name, labels) if labels else f". Nothing is evaluated yet: {evaluate}"
        raise UsageError(f"no evaluated checkpoint has the label {name!r} or a digest that begins with it{hint}")
    if len(found) > 1:
        digests = ", ".join(side.checkpoint for side in found)
        raise UsageError(f"{name!r} matches {len(found)} checkpoints. Name one by its digest: {digests}")
    return found[0]


def compare(
    warehouse: Warehouse,
    a: str,
    b: str,
    suites: Sequence[str] = (),
    *,
    convention: str | None = None,
    examples: int | None = None,
) -> Comparison:
    """B against A on ``suites``, or on every suite that either was evaluated on, with at most ``examples`` differing
    items for each.

    ``convention`` names a convention other than the headline's, such as ``gold-bits``.

    Raises :class:`UsageError` for an unknown checkpoint, suite or convention, or the same checkpoint twice, and
    :class:`GristmillError` when the two can be compared on no suite.
    """
    left, right = find_side(warehouse, a), find_side(warehouse, b)
    if left.checkpoint == right.checkpoint:
        raise UsageError(f"{a!r} and {b!r} are the same checkpoint, {left.checkpoint}: there is nothing to compare")
    asked = [asked_of(warehouse, side, convention) for side in (left, right)]
    known = sorted(set(asked[0]) | set(asked[1]))
    for suite in suites:
        if suite not in known:
            raise UsageError(f"neither checkpoint was evaluated on the suite {suite!r}{did_you_mean(suite, known)}")
    graded = [
        row["convention"] for row in warehouse.query("SELECT DISTINCT convention FROM scores ORDER BY convention")
    ]
    if convention is not None and convention not in graded:
        raise UsageError(f"no score has the convention {convention!r}{did_you_mean(convention, graded)}")
    pairs: list[Pair] = []
    refused: list[Refused] = []
    for suite in dict.fromkeys(suites or known):
        runs = (asked[0].get(suite), asked[1].get(suite))
        if reason := _refusal(*runs, (left.label, right.label)):
            refused.append(Refused(suite=suite, reason=reason))
            continue
        pair = pair_of(warehouse, _noted(*runs), left, right)
        if pair.clusters < LEAST_UNITS:
            few = f"the two share {pair.clusters} independent items or passages, and fewer than {LEAST_UNITS} show "
            refused.append(Refused(suite=suite, reason=f"{few}nothing"))
        else:
            pairs.append(pair)
    if not pairs:
        reasons = "; ".join(f"{entry.suite}: {entry.reason}" for entry in refused)
        raise GristmillError(f"{left.label} and {right.label} cannot be compared on any suite. {reasons}")
    wholes = [pair.compared() for pair in pairs]
    adjusted = holm([whole.p for whole in wholes])
    return Comparison(
        a=left,
        b=right,
        data=data_of(warehouse, left, right),
        suites=[
            _described(warehouse, pair, whole, p, len(pairs), left, right, examples)
            for pair, whole, p in zip(pairs, wholes, adjusted, strict=True)
        ],
        refused=refused,
    )


def differing(
    warehouse: Warehouse, comparison: Comparison, suite: str, which: Which = "any", *, offset: int = 0, limit: int = 10
) -> Differing:
    """A page of the items of one suite of a comparison on which the two differ, the largest differences first.

    Does not compute the comparison again, and reads only the texts of that page. Empty for bits per byte, where every
    item differs.
    """
    a, b = comparison.a, comparison.b
    pair = pair_of(warehouse, asked_of(warehouse, a, None)[suite], a, b)
    higher = pair.run["higher_is_better"]
    better_a = [row for row in pair.discordant if (row["a"] > row["b"]) == higher]
    better_b = [row for row in pair.discordant if (row["a"] < row["b"]) == higher]
    rows = {"any": pair.discordant, "a": better_a, "b": better_b}[which]
    return Differing(
        items=side_by_side(warehouse, pair.run, rows[offset : offset + limit], a, b),
        total=len(rows),
        differ=len(pair.discordant),
    )


def _refusal(a: Row | None, b: Row | None, names: tuple[str, str]) -> str:
    """Why the two cannot be compared on a suite; empty when they can."""
    for run, name in zip((a, b), names, strict=True):
        if run is None:
            return f"{name} was not evaluated on it: run gristmill evaluate"
        if run["metric"] is None:
            return f"{name} has no score on it by that convention, which the suite does not define"
    for field, what, hint in (
        ("suite_digest", "were evaluated on different versions of it", "evaluate both with the same suite"),
        ("convention", "were graded by different conventions", "grade both by the same one"),
        ("jail_tier", "ran code in jails of different tiers", "evaluate both on machines with the same jail"),
    ):
        values = [str((run or {})[field]) for run in (a, b)]
        if values[0] != values[1]:
            return f"the two {what} ({' and '.join(values)}): {hint}"
    return ""


def _noted(a: Row | None, b: Row | None) -> Row:
    """The run that both share, with notes on how they differ."""
    first, second = a or {}, b or {}
    same = first["backend"] == second["backend"]
    return first | {
        "notes": [] if same else [f"answered by different backends: {first['backend']} and {second['backend']}"]
    }


def _described(
    warehouse: Warehouse,
    pair: Pair,
    whole: Paired,
    p: float,
    tests: int,
    left: Side,
    right: Side,
    examples: int | None,
) -> SuiteComparison:
    metric, names, less = pair.run["metric"], (left.label, right.label), not pair.run["higher_is_better"]
    inside = [(name, part) for name in pair.subjects if (part := pair.only(name)).clusters >= LEAST_UNITS]
    found = [(name, part.compared()) for name, part in inside]
    adjusted = holm([difference.p for _, difference in found])
    macro: Difference | None = None
    if pair.subjects and not pair.bits:
        average = paired_macro(pair.column("a"), pair.column("b"), pair.column("cluster"), pair.column("subset"))
        macro = described(average, MACRO, metric, average.p, 1, names, less_is_better=less)
    return SuiteComparison(
        suite=pair.run["suite"],
        area=pair.run["area"],
        metric=metric,
        convention=pair.run["convention"],
        higher_is_better=pair.run["higher_is_better"],
        whole=described(whole, ALL, metric, p, tests, names, less_is_better=less),
        macro=macro,
        subjects=[
            described(difference, name, metric, corrected, len(found), names, less_is_better=less)
            for (name, difference), corrected in zip(found, adjusted, strict=True)
        ],
        left_out=pair.left_out,
        notes=pair.run["notes"],
        discordant=side_by_side(warehouse, pair.run, pair.discordant[:examples], left, right),
    )
