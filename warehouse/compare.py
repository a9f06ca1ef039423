"""Is checkpoint B better than checkpoint A? Both on the items of the suites that both were asked, item by item.

Compared are the samples of a suite's headline convention, or of the one that is asked for. A suite is refused, with the
reason, where the two were not asked the same, not graded the same, or run in jails of different tiers. P-values are
Holm's over the suites of the comparison, and over the subjects of a board. Cost: a scan of ``samples`` a suite and the
statistics of ``evals.statistics.paired``: 0.2 s for 14,000 items.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from evals.statistics.paired import Paired, holm, paired, paired_macro
from evals.statistics.ratio import cluster_codes
from schemas.config import did_you_mean
from schemas.errors import GristmillError, UsageError
from warehouse.comparison import BITS, Comparison, Difference, Discordant, Refused, Side, SuiteComparison, told
from warehouse.read import EMPTY_HINT, Warehouse

ALL, MACRO = "all", "macro"
ALONE = "the two share fewer than two independent items, so a difference has no error bar"

Row = dict[str, Any]


@dataclass(frozen=True)
class Pair:
    """What the two gave to the items of one suite: rows of ``item, subset, cluster, a, b, weight``, by item."""

    run: Row
    rows: list[Row]
    left_out: int

    def column(self, name: str) -> list[Any]:
        """One column."""
        return [row[name] for row in self.rows]

    def only(self, subset: str) -> "Pair":
        """The items of one subject."""
        return Pair(self.run, [row for row in self.rows if row["subset"] == subset], 0)

    @property
    def clusters(self) -> int:
        """Independent units: items, or passages where several items share one."""
        return int(cluster_codes(self.column("cluster")).max(initial=-1)) + 1

    @property
    def subjects(self) -> list[str]:
        """The subjects of a board; none where there are fewer than two."""
        names = sorted({row["subset"] for row in self.rows if row["subset"]})
        return names if len(names) > 1 else []

    @property
    def bits(self) -> bool:
        """Whether the values are bits and the weights bytes."""
        return bool(self.run["metric"] == BITS)


def sides(warehouse: Warehouse) -> list[Side]:
    """Every evaluated checkpoint, by label and step."""
    rows = warehouse.query(
        "SELECT checkpoint, min(label) AS label, min(mixture) AS mixture, min(step) AS step, min(tokens) AS tokens "
        "FROM eval_runs GROUP BY checkpoint ORDER BY label, step, checkpoint"
    )
    return [Side.model_validate(row) for row in rows]


def find_side(warehouse: Warehouse, name: str) -> Side:
    """The evaluated checkpoint of that label, or whose digest begins so.

    Raises :class:`UsageError` when there is none, or more than one.
    """
    if not warehouse.published:
        raise UsageError(EMPTY_HINT)
    known = sides(warehouse)
    found = [side for side in known if side.label == name]
    if not found and name:
        found = [side for side in known if side.checkpoint.startswith(name)]
    if not found:
        labels = sorted({side.label for side in known})
        hint = did_you_mean(name, labels) if labels else ". Nothing is evaluated yet: gristmill evaluate CHECKPOINT"
        raise UsageError(f"no evaluated checkpoint has the label {name!r} or a digest that begins so{hint}")
    if len(found) > 1:
        digests = ", ".join(side.checkpoint for side in found)
        raise UsageError(f"{name!r} may be any of {len(found)} checkpoints. Name one by its digest: {digests}")
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
    """B against A on ``suites``, or on every suite that either was asked; at most ``examples`` discordant items each.

    ``convention`` names another way of grading than the headline's, such as ``gold-bits``.

    Raises :class:`UsageError` for an unknown checkpoint, suite or convention, or one checkpoint twice, and
    :class:`GristmillError` when there is no suite on which they can be compared.
    """
    left, right = find_side(warehouse, a), find_side(warehouse, b)
    if left.checkpoint == right.checkpoint:
        raise UsageError(f"{a!r} and {b!r} are the same checkpoint, {left.checkpoint}: there is nothing to compare")
    asked = [_asked(warehouse, side, convention) for side in (left, right)]
    known = sorted(set(asked[0]) | set(asked[1]))
    for suite in suites:
        if suite not in known:
            raise UsageError(f"neither checkpoint was asked the suite {suite!r}{did_you_mean(suite, known)}")
    graded = [
        row["convention"] for row in warehouse.query("SELECT DISTINCT convention FROM scores ORDER BY convention")
    ]
    if convention is not None and convention not in graded:
        raise UsageError(f"nothing was graded by the convention {convention!r}{did_you_mean(convention, graded)}")
    pairs: list[Pair] = []
    refused: list[Refused] = []
    for suite in dict.fromkeys(suites or known):
        runs = (asked[0].get(suite), asked[1].get(suite))
        if reason := _refusal(*runs, (left.label, right.label)):
            refused.append(Refused(suite=suite, reason=reason))
            continue
        pair = _pair(warehouse, _noted(*runs), left, right)
        if pair.clusters < 2:
            refused.append(Refused(suite=suite, reason=ALONE))
        else:
            pairs.append(pair)
    if not pairs:
        reasons = "; ".join(f"{entry.suite}: {entry.reason}" for entry in refused)
        raise GristmillError(f"{left.label} and {right.label} cannot be compared on any suite. {reasons}")
    wholes = [_paired(pair) for pair in pairs]
    adjusted = holm([whole.p for whole in wholes])
    return Comparison(
        a=left,
        b=right,
        suites=[
            _told(warehouse, pair, whole, p, len(pairs), left, right, examples)
            for pair, whole, p in zip(pairs, wholes, adjusted, strict=True)
        ],
        refused=refused,
    )


def _asked(warehouse: Warehouse, side: Side, convention: str | None) -> dict[str, Row]:
    """What a checkpoint was asked, by suite, with the score that is compared."""
    rows = warehouse.query(
        """
        SELECT run.suite, run.suite_digest, run.area, run.backend, score.metric, score.convention, score.jail_tier,
            score.higher_is_better
        FROM eval_runs AS run
        LEFT JOIN scores AS score
            ON score.checkpoint = run.checkpoint AND score.suite = run.suite AND score.subset = 'all'
            AND score.metric NOT IN ('pass@10', 'pass@100')
            AND CASE WHEN $convention IS NULL THEN score.headline ELSE score.convention = $convention END
        WHERE run.checkpoint = $checkpoint
        """,
        {"checkpoint": side.checkpoint, "convention": convention},
    )
    return {row["suite"]: row for row in rows}


def _refusal(a: Row | None, b: Row | None, names: tuple[str, str]) -> str:
    """Why the two cannot be compared on a suite; empty when they can."""
    for run, name in zip((a, b), names, strict=True):
        if run is None:
            return f"{name} was not asked it: gristmill evaluate does that"
        if run["metric"] is None:
            return f"{name} has no score on it by that convention, which its suite does not name"
    for field, what, cure in (
        ("suite_digest", "were asked different versions of it", "evaluate both with the same suite"),
        ("convention", "were graded by different conventions", "grade both by the same"),
        ("jail_tier", "ran code in jails of different tiers", "evaluate both on machines with the same jail"),
    ):
        values = [str((run or {})[field]) for run in (a, b)]
        if values[0] != values[1]:
            return f"the two {what} ({' and '.join(values)}): {cure}"
    return ""


def _noted(a: Row | None, b: Row | None) -> Row:
    """The run that both share, with what a reader must know of how they differ."""
    first, second = a or {}, b or {}
    same = first["backend"] == second["backend"]
    return first | {
        "notes": [] if same else [f"answered by different backends: {first['backend']} and {second['backend']}"]
    }


def _pair(warehouse: Warehouse, run: Row, left: Side, right: Side) -> Pair:
    """The mean answer of both to every item; for bits per byte the sums of bits and of bytes."""
    rows = warehouse.query(
        """
        WITH answer AS (
            SELECT checkpoint, item, any_value(subset) AS subset, any_value(cluster) AS cluster,
                sum(value) FILTER (weight > 0) AS value, count(*) FILTER (weight > 0) AS answers,
                sum(weight) AS weight
            FROM samples
            WHERE suite = $suite AND convention = $convention AND checkpoint IN ($a, $b)
            GROUP BY checkpoint, item
        )
        SELECT item, a.subset, a.cluster, a.weight, a.value / CASE WHEN $bits THEN 1 ELSE a.answers END AS a,
            b.value / CASE WHEN $bits THEN 1 ELSE b.answers END AS b
        FROM (FROM answer WHERE checkpoint = $a) AS a FULL JOIN (FROM answer WHERE checkpoint = $b) AS b USING (item)
        ORDER BY item
        """,
        {
            "suite": run["suite"],
            "convention": run["convention"],
            "a": left.checkpoint,
            "b": right.checkpoint,
            "bits": run["metric"] == BITS,
        },
    )
    whole = [row for row in rows if row["a"] is not None and row["b"] is not None]
    return Pair(run, whole, len(rows) - len(whole))


def _paired(pair: Pair) -> Paired:
    a, b, clusters = pair.column("a"), pair.column("b"), pair.column("cluster")
    if pair.bits:
        return paired(a, b, clusters, weights=pair.column("weight"), strata=pair.column("subset"))
    return paired(a, b, clusters)


def _told(
    warehouse: Warehouse,
    pair: Pair,
    whole: Paired,
    p: float,
    tests: int,
    left: Side,
    right: Side,
    examples: int | None,
) -> SuiteComparison:
    metric, names = pair.run["metric"], (left.label, right.label)
    inside = [(name, part) for name in pair.subjects if (part := pair.only(name)).clusters > 1]
    found = [(name, _paired(part)) for name, part in inside]
    adjusted = holm([difference.p for _, difference in found])
    macro: Difference | None = None
    if pair.subjects and not pair.bits:
        average = paired_macro(pair.column("a"), pair.column("b"), pair.column("cluster"), pair.column("subset"))
        macro = told(average, MACRO, metric, average.p, 1, names)
    return SuiteComparison(
        suite=pair.run["suite"],
        area=pair.run["area"],
        metric=metric,
        convention=pair.run["convention"],
        higher_is_better=pair.run["higher_is_better"],
        whole=told(whole, ALL, metric, p, tests, names),
        macro=macro,
        subjects=[
            told(difference, name, metric, corrected, len(found), names)
            for (name, difference), corrected in zip(found, adjusted, strict=True)
        ],
        left_out=pair.left_out,
        notes=pair.run["notes"],
        discordant=[] if pair.bits else _discordant(warehouse, pair, left, right, examples),
    )


def _discordant(warehouse: Warehouse, pair: Pair, left: Side, right: Side, examples: int | None) -> list[Discordant]:
    """The items with the largest differences, with what both gave."""
    differ = [row for row in pair.rows if row["a"] != row["b"]]
    differ.sort(key=lambda row: (-abs(row["a"] - row["b"]), row["item"]))
    chosen = differ[:examples]
    rows = warehouse.query(
        """
        SELECT sample.checkpoint, sample.item, sample.expected, sample.verdict, sample.detail, response.prompt,
            CASE WHEN response.finish = 'scored' THEN sample.detail ELSE response.text END AS output
        FROM samples AS sample
        LEFT JOIN responses AS response ON response.checkpoint = sample.checkpoint AND response.suite = sample.suite
            AND response.item = sample.item AND response.repeat = sample.repeat AND response.part = 0
        WHERE sample.suite = $suite AND sample.convention = $convention AND sample.checkpoint IN ($a, $b)
            AND sample.repeat = 0 AND sample.item IN (SELECT unnest($items::VARCHAR[]))
        """,
        {
            "suite": pair.run["suite"],
            "convention": pair.run["convention"],
            "a": left.checkpoint,
            "b": right.checkpoint,
            "items": [row["item"] for row in chosen],
        },
    )
    answers = {(row["checkpoint"], row["item"]): row for row in rows}
    return [_side_by_side(row, *(answers[side.checkpoint, row["item"]] for side in (left, right))) for row in chosen]


def _side_by_side(row: Row, a: Row, b: Row) -> Discordant:
    return Discordant(
        item=row["item"],
        subset=row["subset"],
        cluster=row["cluster"],
        prompt=a["prompt"] or "",
        expected=a["expected"],
        value_a=row["a"],
        value_b=row["b"],
        verdict_a=a["verdict"],
        verdict_b=b["verdict"],
        output_a=a["output"] or "",
        output_b=b["output"] or "",
        detail_a=a["detail"],
        detail_b=b["detail"],
    )
