"""The evaluate flow: every checkpoint on every suite, and bits per byte on held-out text, behind the gate *scores*.

A result is stored under the digest of the weights and the suite, so the same checkpoint under another name, or handed
in twice, is scored once. A failure of the machine is never a score.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.runtime import flow_run

from gristmill.core.errors import NoScoreError, UsageError
from gristmill.core.lake import Lake
from gristmill.core.manifest import FilesRef
from gristmill.core.steps.inputs import Inputs
from gristmill.evals.admission.checkpoint import admit
from gristmill.evals.generation.requests import requests_of
from gristmill.evals.scoring.grading import require_graders
from gristmill.evals.suites.suite import load_suite
from gristmill.flows.checks import data_folders
from gristmill.flows.engines.local import threads
from gristmill.flows.evaluate.entries import Entry, heldout_of, known, trained
from gristmill.flows.evaluate.measuring import Measuring, ask_anew, each_once, fetch_missing
from gristmill.flows.evaluate.serving import Models
from gristmill.flows.evaluate.settings import EvaluateSettings
from gristmill.flows.evaluate.state import commit_checkpoint, commit_unanswered, outputs, replaced
from gristmill.flows.fields import LakePath
from gristmill.flows.prefect.artifacts import publish_gates, publish_scores
from gristmill.flows.prefect.publish import published
from gristmill.flows.prefect.run_log import record_run
from gristmill.flows.reporter import Reporter
from gristmill.flows.running import commit_gates, run_gate, stop_on_failure
from gristmill.schemas.evaluation import EvaluationMeans
from gristmill.schemas.submission import Submission
from gristmill.schemas.tables import Samples, Scores
from gristmill.warehouse.submissions import State


@flow(name="evaluate", task_runner=threads())
def evaluate(
    lake: LakePath,
    submission: Submission | None = None,
    suites: EvaluateSettings | None = None,
    mix: str = "default",
    submission_id: str = "",
) -> list[dict[str, Any]]:
    """Score a checkpoint that was handed in, or every checkpoint that was trained on a mix.

    Args:
        lake: Folder of the lake.
        submission: A checkpoint folder, and with what it is evaluated; none means every checkpoint trained on the mix.
        suites: The same for the checkpoints of a mix; a submission says its own.
        mix: The mix whose checkpoints are scored, and whose held-out text bits per byte are measured on (for a
            checkpoint that was handed in: the lake's only mix, when it has no mix of this name).
        submission_id: Id of the submission in the dashboards' list; empty when it was not handed in there.
    """
    if submission is not None and suites is not None:
        raise UsageError("a submission says its own suites, data and backend: leave `suites` out")
    home = Lake.open(Path(lake))
    name = mix if submission is None else submission.label or Path(submission.checkpoint).name
    with (
        following(home, submission_id),
        published(home),
        Reporter() as report,
        record_run(home, "evaluate", name) as record,
    ):
        if submission is None:
            entries, settings = trained(home, mix), suites or EvaluateSettings()
        else:
            checkpoint = admit(Path(submission.checkpoint), submission.label or None)
            entries = [known(home, checkpoint) or Entry(checkpoint, checkpoint.label)]
            settings = settings_for(submission)
            name = checkpoint.digest
        rows = run_evaluation(entries, settings, name, heldout_of(home, mix), home, report)
        record.counts.update(checkpoints=len(entries), suites=len(settings.suites))
    return rows


def run_evaluation(
    entries: Sequence[Entry],
    settings: EvaluateSettings,
    name: str,
    heldout: tuple[FilesRef, ...],
    lake: Lake,
    report: Reporter,
) -> list[dict[str, Any]]:
    """Score every checkpoint, pass the gate, commit one dataset a checkpoint. Returns the rows of the scores.

    ``heldout`` is the folder of held-out text, or empty: then there is no bits per byte. Raises ``UsageError`` for an
    unknown suite, what :func:`gristmill.evals.scoring.grading.require_graders` does before a model is asked anything,
    ``GateError`` when the scores break an expectation; nothing is committed then. Raises ``NoScoreError`` for suites
    without a score when the others are scored and committed.
    """
    folders = data_folders(settings.data, lake)
    if settings.download:
        fetch_missing(settings.suites, folders)
    loaded = [load_suite(suite, folders, accept_licences=settings.accept_licences) for suite in settings.suites]
    suites = each_once(loaded)
    for suite in suites:
        require_graders(suite)
    with Models(settings.backend) as models:
        requests = {suite.name: tuple(requests_of(suite)) for suite in suites}
        if settings.fresh:
            ask_anew(entries, requests, models, lake)
        done, unscored, missing = Measuring(entries, models, lake, report).all(suites, requests, heldout)
    if unscored and not any(done.values()):
        commit_unanswered(entries, missing, lake)
        raise NoScoreError("\n".join(unscored))

    gated = (Samples.name, Scores.name)
    refs = tuple(ref for by_suite in done.values() for ref in outputs(by_suite) if ref.table in gated)
    gate = run_gate("scores", name, Inputs(refs=refs), lake, report)
    publish_gates("scores", name, lake, gate)
    commit_gates(f"evaluate-{name}", name, gate.outputs, lake)
    stop_on_failure(gate, lake)

    rows: list[dict[str, Any]] = []
    for entry in entries:
        results = done[entry.checkpoint.digest]
        for line in replaced(entry, results, lake):
            report.say(line)
        commit_checkpoint(entry, results, missing, lake)
        scores = [row for ref in outputs(results) if ref.table == Scores.name for row in lake.read(ref).to_pylist()]
        rows.extend({"label": entry.label, "mixture": entry.mixture, "step": entry.step, **row} for row in scores)
    publish_scores(name, [{column: str(value) for column, value in row.items()} for row in rows])
    if unscored:
        raise NoScoreError("\n".join(unscored), rows)
    return rows


def settings_for(submission: Submission) -> EvaluateSettings:
    """The settings that a submission asks for."""
    means = {name: getattr(submission, name) for name in EvaluationMeans.model_fields}
    return EvaluateSettings(suites=tuple(submission.suites), **means)


@contextmanager
def following(lake: Lake, submission_id: str) -> Iterator[None]:
    """Keep the status of a submission up to date, so that whoever submitted it sees its result."""
    if not submission_id:
        yield
        return
    state = State(lake.root)
    state.update(submission_id, "running", flow_run=str(flow_run.id))
    try:
        yield
    except Exception as error:  # a process that was stopped has not failed: the server of deployments resumes its run
        state.update(submission_id, "failed", error=str(error) or type(error).__name__)
        raise
    state.update(submission_id, "succeeded")
