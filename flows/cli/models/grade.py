"""``grade``: grade outputs that were made elsewhere."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

from gristmill.core.errors import GristmillError
from gristmill.flows.cli.layers import settings_of
from gristmill.flows.cli.models.grading import SHOWN, cores, interval, place_grading, suite_of
from gristmill.flows.cli.options import JsonOption
from gristmill.flows.cli.printing import print_json, screen

if TYPE_CHECKING:
    from gristmill.evals.scoring.settings import GradeSettings


def settings_model() -> "type[GradeSettings]":
    """The settings of the verb."""
    from gristmill.evals.scoring.settings import GradeSettings

    return GradeSettings


def grade(context: typer.Context, json: JsonOption = False) -> None:
    """Grade outputs that were made elsewhere."""
    settings = settings_of(context, settings_model(), place_grading)
    from gristmill.evals.scoring.grading import grade as grade_responses
    from gristmill.evals.scoring.outside_outputs import outside_outputs
    from gristmill.evals.scoring.scores import KS, score
    from gristmill.flows.reporter import Reporter

    asked = suite_of(settings.suite, settings)
    outputs = outside_outputs(
        settings.responses,
        asked,
        convention=settings.convention,
        ks=settings.k,
        partial=settings.partial,
        cut=settings.cut,
    )
    with Reporter() as report, report.track("grade", outputs.responses.num_rows, "outputs") as advance:
        samples = grade_responses(
            asked,
            outputs.responses,
            (outputs.convention,),
            jail_workers=settings.workers or cores(),
            progress=lambda what, done, total: advance(1),
        )
    items = [item_of(row) for row in samples.to_pylist()]
    scores, refused = [], None
    try:
        scores = score(asked, samples, settings.k or KS).to_pylist()
    except GristmillError as error:
        refused = error  # what was graded is shown all the same
    if json:
        metrics = {row["metric"]: row["value"] for row in scores if row["subset"] == "all"}
        graded = {"suite": asked.name, "convention": outputs.convention, "cut": settings.cut, "metrics": metrics}
        found = {**graded, "scores": scores}
        print_json({**found, "items": items, "missing": outputs.missing})
    else:
        show(asked.name, outputs.convention, scores, items, outputs.missing)
    if refused is not None:
        raise refused


def item_of(row: dict[str, Any]) -> dict[str, Any]:
    """One graded output for the JSON result."""
    return {
        "task_id": row["item"],
        "sample": row["repeat"],
        "verdict": row["verdict"],
        "value": row["value"] if row["weight"] else None,
        "detail": row["detail"],
        "program": row["program"],
    }


def show(
    suite: str,
    convention: str,
    scores: Sequence[dict[str, Any]],
    items: Sequence[dict[str, Any]],
    missing: Sequence[str],
) -> None:
    """Scores, how often each verdict came, and the first answers that are not right."""
    from gristmill.flows.describe import table_of

    columns = ["metric", "of", "value", "95 % interval", "n"]
    rows = [[row["metric"], row["subset"], row["value"], interval(row), row["n"]] for row in scores]
    screen().print(table_of(f"{suite}, graded by {convention}", columns, rows))
    verdicts = Counter(item["verdict"] for item in items)
    screen().print(table_of("Verdicts", ["verdict", "outputs"], [[*pair] for pair in verdicts.most_common()]))
    failed = [item for item in items if item["value"] != 1]
    if failed:
        lines = [[item["task_id"], item["sample"], item["verdict"], item["detail"]] for item in failed[:SHOWN]]
        screen().print(
            table_of(f"Not right: {len(failed)}, the first {len(lines)}", ["item", "sample", "verdict", "why"], lines)
        )
    if missing:
        screen().print(f"{len(missing)} items have no output and are not scored.", markup=False, highlight=False)
