"""The end of ``train --evaluate``: every checkpoint is scored, and the last ones of the mixtures are compared."""

from typing import TYPE_CHECKING, Any

from gristmill.core.errors import NoScoreError
from gristmill.flows.cli.printing import screen

if TYPE_CHECKING:
    from gristmill.core.lake import Lake
    from gristmill.flows.evaluate.settings import EvaluateSettings

REFERENCE = "proportional"
"""The mixture that the others are compared with, when there is one of that name."""


def evaluate_and_compare(home: "Lake", name: str, settings: "EvaluateSettings", quiet: bool) -> dict[str, Any]:
    """Score every checkpoint of the training dataset ``name``; print scores and comparisons unless ``quiet``.

    Returns both as JSON. Raises ``NoScoreError`` for suites without a score, when the rest is shown.
    """
    from gristmill.flows.cli.results.compare import show
    from gristmill.flows.describe import scores_table
    from gristmill.flows.evaluate.flow import evaluate
    from gristmill.warehouse.connection import Warehouse
    from gristmill.warehouse.queries.compare import compare

    refused = None
    try:
        rows = evaluate(str(home.root), None, settings, name)
    except NoScoreError as error:
        refused, rows = error, [dict(row) for row in error.scores]
    if rows and not quiet:
        screen().print(scores_table(rows))
    found = []
    for a, b in pairs(rows):
        answer = compare(Warehouse.open(home.root), a, b, (), examples=0)
        found.append(answer.model_dump(mode="json"))
        if not quiet:
            show(screen(), answer)
    if refused is not None:
        raise refused
    return {"scores": rows, "comparisons": found}


def pairs(rows: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """The checkpoints to compare, as digests: the last of every mixture with that of the first one, or of
    :data:`REFERENCE`."""
    last: dict[str, dict[str, Any]] = {}
    for row in rows:
        if row["mixture"] not in last or row["step"] >= last[row["mixture"]]["step"]:
            last[row["mixture"]] = row
    if not last:
        return []
    reference = REFERENCE if REFERENCE in last else next(iter(last))
    against = last[reference]["checkpoint"]
    return [(against, row["checkpoint"]) for row in last.values() if row["checkpoint"] != against]
