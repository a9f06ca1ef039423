"""``submit``: hand a checkpoint to the evaluation deployment."""

import typer

from gristmill.flows.cli.models.submission import asked_for
from gristmill.flows.cli.options import DEFAULT_LAKE, CheckpointArgument, JsonOption, LakeOption
from gristmill.flows.cli.printing import print_json, screen


def submit(
    context: typer.Context, checkpoint: CheckpointArgument, lake: LakeOption = DEFAULT_LAKE, json: JsonOption = False
) -> None:
    """Queue a checkpoint for the evaluation deployment (gristmill serve runs it)."""
    submission = asked_for(context, checkpoint)
    from gristmill.core.files.audit import COMMAND_LINE, Act, AuditLog
    from gristmill.core.lake import Lake
    from gristmill.flows.evaluate.submitting import hand_over
    from gristmill.warehouse.submissions import State, submitter

    home = Lake.open(lake)
    about = {"checkpoint": submission.checkpoint, "suites": ", ".join(submission.suites)}
    AuditLog.of_lake(home.root).append(Act.SUBMISSION, submitter(), COMMAND_LINE, about)
    stored = hand_over(home.root, State(home.root).submit(submission, submitter()))
    if json:
        print_json(stored.model_dump(mode="json"))
        return
    waits = f"It waits: {stored.error}" if stored.error else "Its status is on the page Submit of the dashboards."
    screen().print(f"queued as {stored.id}. {waits}", markup=False, highlight=False, soft_wrap=True)
