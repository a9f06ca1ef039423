"""``evaluate``: score a checkpoint now, on this machine."""

import typer

from gristmill.core.errors import NoScoreError
from gristmill.flows.cli.models.submission import asked_for
from gristmill.flows.cli.options import DEFAULT_LAKE, CheckpointArgument, JsonOption, LakeOption
from gristmill.flows.cli.printing import print_json, screen


def evaluate(
    context: typer.Context, checkpoint: CheckpointArgument, lake: LakeOption = DEFAULT_LAKE, json: JsonOption = False
) -> None:
    """Score a checkpoint now, here."""
    submission = asked_for(context, checkpoint)
    from gristmill.core.lake import Lake
    from gristmill.flows.checks import check_evaluation
    from gristmill.flows.prefect.server import ensure_server

    home = Lake.open(lake)
    check_evaluation(submission.suites, submission, home)
    ensure_server(home.root, beside=("gristmill.flows.evaluate.flow",))
    from gristmill.flows.describe import scores_table
    from gristmill.flows.evaluate.flow import evaluate as flow

    refused, rows = None, []
    try:
        rows = flow(str(home.root), submission)
    except NoScoreError as error:
        refused, rows = error, [dict(row) for row in error.scores]  # what the other suites gave is shown all the same
    if json:
        print_json(rows)
    elif rows:
        screen().print(scores_table(rows))
    if refused is not None:
        raise refused
