"""What share of a run each domain gets, how often it is seen, and whether that is allowed.

Closed forms of the plan: nothing is walked. The caps are those that the mixture was found with.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from gristmill.core.errors import GristmillError
from gristmill.tasks.mix.apportion import DEVIATION_ROWS, UNIT
from gristmill.tasks.mix.plan import Plan


@dataclass(frozen=True)
class StageShares:
    """The weights of one stage, shares of its tokens that sum to 1; it ends at token ``until_token`` of the run."""

    number: int
    until_token: int
    weights: Mapping[str, float]


def stage_shares(plan: Plan) -> tuple[StageShares, ...]:
    """The weights of every stage of a plan."""
    return tuple(
        StageShares(
            number,
            stage.end_row * plan.row_tokens,
            {entry.name: weight / UNIT for entry, weight in zip(plan.domains, stage.weights, strict=True)},
        )
        for number, stage in enumerate(plan.stages)
    )


def expected_epochs(plan: Plan, rows: int, caps: Mapping[str, float]) -> dict[str, float]:
    """How many times each domain is seen in a run of ``rows`` rows; past the plan's end the last stage goes on.

    Raises :class:`GristmillError` for a domain above its cap, beyond the rounding of 2 rows a stage.
    """
    epochs: dict[str, float] = {}
    for place, entry in enumerate(plan.domains):
        first, seen = 0, 0.0
        for number, stage in enumerate(plan.stages):
            end = rows if number == len(plan.stages) - 1 else min(stage.end_row, rows)
            seen += max(end - first, 0) * stage.weights[place] / UNIT
            first = stage.end_row
        epochs[entry.name] = seen / entry.rows
        cap = caps[entry.name]
        if seen > entry.rows * cap + DEVIATION_ROWS * len(plan.stages):
            raise GristmillError(
                f"the domain {entry.name!r} would be seen {seen / entry.rows:.2f} times in {rows * plan.row_tokens:,} "
                f"tokens; its cap is {cap:g}. Export fewer tokens (--target-tokens), or find a mixture for that many "
                "(gristmill mix --target-tokens) or with a higher --max-epochs."
            )
    return epochs
