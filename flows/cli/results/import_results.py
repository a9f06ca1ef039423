"""``import-results``: take over results of lm-eval."""

from pathlib import Path
from typing import Annotated

import typer

from gristmill.flows.cli.options import DEFAULT_LAKE, JsonOption, LakeOption
from gristmill.flows.cli.printing import print_json, screen


def import_results(
    files: Annotated[list[Path], typer.Argument(help="lm-eval's results_<date>.json; samples are next to it.")],
    label: Annotated[str, typer.Option(help="How to call the model; the name that lm-eval gives when left out.")] = "",
    lake: LakeOption = DEFAULT_LAKE,
    json: JsonOption = False,
) -> None:
    """Take over results of lm-eval. They are lm-eval's own grades, marked as imported."""
    from gristmill.core.lake import Lake
    from gristmill.flows.describe import table_of
    from gristmill.flows.evaluate.exchange import import_lm_eval
    from gristmill.schemas.tables import Samples, Scores

    found = import_lm_eval(files, label, Lake.open(lake))
    scores = [{"label": one.label, **row} for one in found for row in one.tables[Scores].to_pylist()]
    left_out = [line for one in found for line in one.left_out]
    if json:
        print_json({"scores": scores, "left_out": left_out})
        return
    columns = ("label", "suite", "metric", "convention", "value", "low", "high", "n")
    answers = sum(one.tables[Samples].num_rows for one in found)
    title = f"Imported, with {answers} graded answers"
    screen().print(table_of(title, columns, [[row[column] for column in columns] for row in scores]))
    for line in left_out:
        screen().print(f"left out: {line}", markup=False, highlight=False, soft_wrap=True)
