"""``grade``: grade outputs that were made elsewhere."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from gristmill.core.errors import GristmillError, UsageError
from gristmill.flows.cli.models.grading import SHOWN, ThinkingOption, cores, interval
from gristmill.flows.cli.options import (
    DataOption,
    JsonOption,
    LicenceOption,
)
from gristmill.flows.cli.printing import print_json, screen

MOST_K = 1000


def grade(
    suite: Annotated[str, typer.Option("--suite", help="Name of the suite, or the path of its YAML file.")],
    responses: Annotated[
        Path,
        typer.Option("--responses", help='JSON lines: {"task_id", "completion"}, or those of EvalPlus or lm-eval.'),
    ],
    data: DataOption = None,
    convention: Annotated[
        str, typer.Option("--convention", help="How outputs are graded; the suite's headline convention when left out.")
    ] = "",
    k: Annotated[
        str, typer.Option("--k", help="The k of pass@k, with commas; each item needs that many samples.")
    ] = "",
    partial: Annotated[bool, typer.Option("--partial", help="Score the items that have an output alone.")] = False,
    cut: Annotated[
        bool, typer.Option("--cut", help="End outputs at the suite's stop strings first; they are graded whole if not.")
    ] = False,
    thinking_end: ThinkingOption = "",
    workers: Annotated[
        int, typer.Option("--workers", min=0, max=256, help="Programs run at once; 0: one for each core.")
    ] = 0,
    accept_licence: LicenceOption = None,
    json: JsonOption = False,
) -> None:
    """Grade outputs that were made elsewhere."""
    from gristmill.evals.scoring.grading import grade as grade_responses
    from gristmill.evals.scoring.outside_outputs import outside_outputs
    from gristmill.evals.scoring.scores import KS, score
    from gristmill.evals.suites.suite import load_suite
    from gristmill.flows.reporter import Reporter

    ks = numbers(k)
    asked = load_suite(suite, data or (), accept_licences=tuple(accept_licence or ()))
    asked = asked.thinking_until(thinking_end) if thinking_end else asked
    outputs = outside_outputs(responses, asked, convention=convention, ks=ks, partial=partial, cut=cut)
    with Reporter() as report, report.track("grade", outputs.responses.num_rows, "outputs") as advance:
        samples = grade_responses(
            asked,
            outputs.responses,
            (outputs.convention,),
            jail_workers=workers or cores(),
            progress=lambda what, done, total: advance(1),
        )
    items = [item_of(row) for row in samples.to_pylist()]
    scores, refused = [], None
    try:
        scores = score(asked, samples, ks or KS).to_pylist()
    except GristmillError as error:
        refused = error  # what was graded is shown all the same
    if json:
        metrics = {row["metric"]: row["value"] for row in scores if row["subset"] == "all"}
        graded = {"suite": asked.name, "convention": outputs.convention, "cut": cut, "metrics": metrics}
        found = {**graded, "scores": scores}
        print_json({**found, "items": items, "missing": outputs.missing})
    else:
        show(asked.name, outputs.convention, scores, items, outputs.missing)
    if refused is not None:
        raise refused


def numbers(text: str) -> list[int]:
    """Whole numbers with commas between them. Raises :class:`UsageError` for anything else."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not all(part.isascii() and part.isdigit() and 1 <= int(part) <= MOST_K for part in parts):
        raise UsageError(f"--k {text}: give whole numbers from 1 to {MOST_K} with commas, such as 1,10")
    return [int(part) for part in parts]


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
