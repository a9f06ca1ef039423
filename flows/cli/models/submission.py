"""What ``evaluate`` and ``submit`` share: their settings, and the submission that these describe."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from gristmill.core.errors import UsageError
from gristmill.flows.cli.layers import settings_of

if TYPE_CHECKING:
    from gristmill.flows.evaluate.settings import CheckpointSettings
    from gristmill.schemas.submission import Submission


def settings_model() -> "type[CheckpointSettings]":
    """The settings of both verbs."""
    from gristmill.flows.evaluate.settings import CheckpointSettings

    return CheckpointSettings


def asked_for(context: typer.Context, checkpoint: Path) -> "Submission":
    """The submission that the words of the verb describe. Raises as :func:`as_submission`."""
    from gristmill.flows.evaluate.settings import place_evaluation

    return as_submission(checkpoint, settings_of(context, settings_model(), place_evaluation))


def as_submission(checkpoint: Path, settings: "CheckpointSettings") -> "Submission":
    """The settings as the model that the form and the API share; relative paths are those of this folder.

    Raises :class:`UsageError` for what would stop the evaluation before anything is asked.
    """
    from gristmill.core.config import did_you_mean
    from gristmill.evals.suites.settings import split_limit, suite_names
    from gristmill.flows.evaluate.settings import place_evaluation
    from gristmill.schemas.submission import Submission, data_problem, folder_problem, limited, suite_file

    path = str(checkpoint.resolve())
    placed = settings.model_copy(
        update=place_evaluation({"suites": settings.suites, "data": settings.data}, Path.cwd())
    )
    problem = folder_problem(path) or data_problem(placed.data)
    if problem:
        raise UsageError(problem)
    known = suite_names()
    for suite in placed.suites:
        if split_limit(suite)[0] not in known and not suite_file(suite):
            raise UsageError(f"there is no suite {suite!r}{did_you_mean(suite, known)}")
    chosen = [limited(suite, settings.limit) for suite in placed.suites]
    words = placed.model_dump(exclude={"limit"}) | {"checkpoint": path, "suites": chosen}
    submission = Submission.parse(words, "submission")
    from gristmill.flows.evaluate.submitting import problems  # slow, and a typo is told by now

    found = problems(submission)
    if found:
        raise UsageError("\n".join(found.values()))
    return submission
