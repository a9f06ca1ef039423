"""``evaluate`` and ``submit``: score a checkpoint now and here, or hand it to the evaluation deployment."""

from pathlib import Path
from typing import Annotated

import typer

from flows.commands.options import DEFAULT_LAKE, JsonOption, LakeOption, print_json, screen
from schemas.errors import UsageError
from schemas.lake import Lake
from schemas.submission import Submission, folder_problem

SuiteOption = Annotated[
    list[str] | None,
    typer.Option("--suite", help="Suite name or YAML file; repeat for several; all of ours when left out."),
]
LabelOption = Annotated[str, typer.Option(help="How to call the checkpoint; the folder's name when left out.")]
CheckpointArgument = Annotated[
    Path, typer.Argument(help="Folder with config.json, safetensors weights and a tokenizer.")
]


def evaluate(
    checkpoint: CheckpointArgument,
    suite: SuiteOption = None,
    label: LabelOption = "",
    lake: LakeOption = DEFAULT_LAKE,
    json: JsonOption = False,
) -> None:
    """Score a checkpoint now, here."""
    from flows.server import ensure_server

    submission = as_submission(checkpoint, suite, label)
    home = Lake.open(lake)
    ensure_server(home.root)
    from flows.describe import scores_table
    from flows.evaluate import evaluate as flow

    rows = flow(str(home.root), submission)
    if json:
        print_json(rows)
        return
    screen().print(scores_table(rows))


def submit(
    checkpoint: CheckpointArgument,
    suite: SuiteOption = None,
    label: LabelOption = "",
    lake: LakeOption = DEFAULT_LAKE,
    json: JsonOption = False,
) -> None:
    """Queue a checkpoint for the evaluation deployment (gristmill serve runs it)."""
    from flows.server import ensure_server
    from flows.submitting import submitter
    from warehouse.state import State
    from warehouse.state import submitter as who

    submission = as_submission(checkpoint, suite, label)
    home = Lake.open(lake)
    ensure_server(home.root)
    stored = State(home.root).submit(submission, who())
    submitter(home.root)(stored)
    if json:
        print_json(stored.model_dump(mode="json"))
        return
    screen().print(f"queued as {stored.id}. gristmill serve --lake {lake} evaluates it.", markup=False, highlight=False)


def as_submission(checkpoint: Path, suites: list[str] | None, label: str) -> Submission:
    """The words as the model that the form and the API share. Raises :class:`UsageError` for what is plainly wrong."""
    from evals.suite import suite_names

    path = str(checkpoint.resolve())
    problem = folder_problem(path)
    if problem:
        raise UsageError(problem)
    return Submission.parse({"checkpoint": path, "suites": suites or suite_names(), "label": label}, "submission")
