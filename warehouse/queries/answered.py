"""What two checkpoints answered to the items of a suite, side by side, from ``samples`` and ``responses``.

Cost: one scan of the suite's samples, and one of samples and responses for the items that differ.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import ArrayLike

from gristmill.core.errors import UsageError
from gristmill.evals.statistics.paired import Paired, paired
from gristmill.evals.statistics.ratio import cluster_codes
from gristmill.schemas.scores import BITS
from gristmill.warehouse.connection import Warehouse
from gristmill.warehouse.queries.comparison import DataShare, Discordant, Side
from gristmill.warehouse.queries.contamination import Examined, examined

Row = dict[str, Any]

ANSWERS = """
    SELECT checkpoint, item, any_value(subset) AS subset, any_value(cluster) AS cluster,
        sum(value) FILTER (weight > 0) / CASE WHEN $bits THEN 1 ELSE count(*) FILTER (weight > 0) END AS value,
        sum(weight) AS weight
    FROM samples
    WHERE suite = $suite AND convention = $convention AND checkpoint IN (SELECT unnest($checkpoints::VARCHAR[]))
    GROUP BY checkpoint, item
"""
"""For each of ``$checkpoints`` and each item the mean value of the answers, or with ``$bits`` the sum of the bits, and
the sum of the weights. Null where the machine failed on every answer."""


@dataclass(frozen=True)
class Pair:
    """The values of both on the items of one suite: rows of ``item, subset, cluster, a, b, weight``, by item."""

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

    @property
    def discordant(self) -> list[Row]:
        """The items on which the two differ, the largest differences first; none for bits, where all do."""
        differ = [row for row in self.rows if row["a"] != row["b"]] if not self.bits else []
        return sorted(differ, key=lambda row: (-abs(row["a"] - row["b"]), row["item"]))

    def compared(self) -> Paired:
        """B against A on these items. Raises ``ValueError`` for fewer than two clusters."""
        names = ("a", "b", "cluster", "weight", "subset")
        return paired_answers(*(self.column(name) for name in names), bits=self.bits)


def paired_answers(
    a: ArrayLike, b: ArrayLike, clusters: Sequence[str], weights: ArrayLike, subsets: Sequence[str], *, bits: bool
) -> Paired:
    """B against A, item by item; ``bits`` are compared over all ``weights`` (bytes), with the variance inside domains.

    Raises ``ValueError`` for fewer than two clusters.
    """
    return paired(a, b, clusters, weights=weights, strata=subsets) if bits else paired(a, b, clusters)


def data_of(warehouse: Warehouse, left: Side, right: Side) -> list[DataShare]:
    """The domains of both training plans; empty if one was trained elsewhere, or both on the same mixture."""
    rows = warehouse.query(
        """
        WITH share AS (
            SELECT mixture, domain, sum(rows) / sum(sum(rows)) OVER (PARTITION BY mixture) AS share
            FROM mixtures WHERE mixture IN ($a, $b)
            GROUP BY mixture, domain
        )
        SELECT domain, coalesce(a.share, 0) AS share_a, coalesce(b.share, 0) AS share_b
        FROM (FROM share WHERE mixture = $a) AS a FULL JOIN (FROM share WHERE mixture = $b) AS b USING (domain)
        WHERE $a <> $b AND (SELECT count(DISTINCT mixture) FROM share) = 2
        ORDER BY abs(coalesce(a.share, 0) - coalesce(b.share, 0)) DESC, domain
        """,
        {"a": left.mixture, "b": right.mixture},
    )
    return [DataShare.model_validate(row) for row in rows]


def asked_of(warehouse: Warehouse, side: Side, convention: str | None) -> dict[str, Row]:
    """The suites that a checkpoint was evaluated on, by name, with the score to compare."""
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


def pair_of(warehouse: Warehouse, run: Row, left: Side, right: Side) -> Pair:
    """The mean value of both on every item; for bits per byte the sums of bits and of bytes."""
    rows = warehouse.query(
        f"""
        WITH answer AS ({ANSWERS})
        SELECT item, a.subset, a.cluster, a.weight, a.value AS a, b.value AS b
        FROM (FROM answer WHERE checkpoint = $a) AS a FULL JOIN (FROM answer WHERE checkpoint = $b) AS b USING (item)
        ORDER BY item
        """,  # noqa: S608 - a constant of this module
        {
            "suite": run["suite"],
            "convention": run["convention"],
            "checkpoints": [left.checkpoint, right.checkpoint],
            "a": left.checkpoint,
            "b": right.checkpoint,
            "bits": run["metric"] == BITS,
        },
    )
    whole = [row for row in rows if row["a"] is not None and row["b"] is not None]
    return Pair(run, whole, len(rows) - len(whole))


def side_by_side(warehouse: Warehouse, run: Row, chosen: list[Row], left: Side, right: Side) -> list[Discordant]:
    """Rows of a pair with what both answered to the item, and which corpora contain it."""
    if not chosen:
        return []
    items = [row["item"] for row in chosen]
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
            "suite": run["suite"],
            "convention": run["convention"],
            "a": left.checkpoint,
            "b": right.checkpoint,
            "items": items,
        },
    )
    answers = {(row["checkpoint"], row["item"]): row for row in rows}
    known = examined(warehouse, run["suite"], run["suite_digest"], (left.checkpoint, right.checkpoint), items)
    return [
        _discordant(
            row,
            answers[left.checkpoint, row["item"]],
            answers[right.checkpoint, row["item"]],
            known.get(row["item"], []),
        )
        for row in chosen
    ]


def _discordant(row: Row, a: Row, b: Row, known: list[Examined]) -> Discordant:
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
        examined=known,
    )


def answer_of(warehouse: Warehouse, side: Side, item: str, suite: str = "", repeat: int = 0) -> Row:
    """What a checkpoint answered to an item: ``suite, item, repeat, prompt, text, finish``; the likeliest option where
    options were scored.

    Raises :class:`UsageError` when there is no such answer, or the item is in several suites and ``suite`` is empty.
    """
    rows = warehouse.query(
        """
        SELECT suite, item, repeat, prompt, text, finish FROM responses
        WHERE checkpoint = $checkpoint AND item = $item AND repeat = $repeat AND (suite = $suite OR $suite = '')
        QUALIFY row_number() OVER (PARTITION BY suite ORDER BY log_probability DESC NULLS LAST, part) = 1
        ORDER BY suite
        """,
        {"checkpoint": side.checkpoint, "item": item, "suite": suite, "repeat": repeat},
    )
    if not rows:
        of = f"the suite {suite}" if suite else "any suite"
        raise UsageError(f"{side.label} has no answer {repeat} to an item {item!r} of {of}. The page Items lists them.")
    if len(rows) > 1:
        raise UsageError(f"the item {item!r} is in {', '.join(row['suite'] for row in rows)}: name one with --suite.")
    return rows[0]
