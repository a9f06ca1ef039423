"""A submission becomes a run of the ``evaluate`` deployment, whoever made it: the form, the API or the command line.

The state database records submissions and their results; Prefect only runs them. So whatever serves the deployments
compares the two from time to time (:func:`settle`): what was queued while nothing could take it is handed over,
a run whose process died is scheduled again (it goes on from the answers that are stored), and what a cancelled run left
open is closed.
"""

from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING
from uuid import UUID

import httpx

from gristmill.core.errors import GristmillError, UsageError
from gristmill.core.lake import Lake
from gristmill.evals.suites.settings import check_licence, settings_of, split_limit
from gristmill.flows.evaluate.serving import vllm_python
from gristmill.flows.prefect.run_log import close_abandoned, is_abandoned
from gristmill.flows.prefect.server import connect_server, find_server, given_url
from gristmill.schemas.evaluation import VLLM
from gristmill.schemas.submission import StoredSubmission, Submission
from gristmill.warehouse.submissions import State

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun

DEPLOYMENT = "evaluate/on-demand"
ATTEMPTS = 3
"""Processes that a submission may lose before it counts as failed: a submission that kills every process is itself at
fault."""


def problems(submission: Submission) -> dict[str, str]:
    """What would stop the evaluation of a submission before anything is asked, by field, in the evaluation's own
    messages.

    An unknown suite, a licence that was not accepted, a backend that is not installed. Empty when there is nothing of
    the kind. Cost: reading the YAML of the suites.
    """
    found: dict[str, str] = {}
    for suite in submission.suites:
        name = split_limit(suite)[0]
        try:
            settings, _ = settings_of(name)
        except UsageError as error:
            found.setdefault("suites", str(error))
            continue
        try:
            check_licence(name, settings, submission.accept_licences)
        except UsageError as error:
            found.setdefault("accept_licences", str(error))
    if submission.backend.name == VLLM:
        try:
            vllm_python()
        except UsageError as error:
            found["backend"] = str(error)
    return found


def submitter(lake_root: Path) -> Callable[[StoredSubmission], str]:
    """A function that hands a stored submission to the deployment and gives the id of its flow run.

    It raises :class:`GristmillError` when no Prefect server runs or nothing serves the deployment; the submission stays
    queued in the state database and can be handed over again. Handed over twice, it is run once. Call it from a thread
    without an event loop, such as a worker thread of a web application.
    """

    def submit(stored: StoredSubmission) -> str:
        nothing_serves = f"nothing evaluates submissions yet. Start it: gristmill serve --lake {lake_root}"
        if given_url() is None and find_server(lake_root) is None:
            raise GristmillError(nothing_serves)
        connect_server(lake_root, held=False)
        from prefect.client.schemas.objects import FlowRun
        from prefect.deployments import run_deployment
        from prefect.exceptions import ObjectNotFound

        submission = Submission.model_validate(stored.model_dump(include=set(Submission.model_fields)))
        parameters = {
            "lake": str(lake_root),
            "submission": submission.model_dump(mode="json"),
            "submission_id": stored.id,
        }
        try:
            run = run_deployment(
                DEPLOYMENT,
                parameters=parameters,
                timeout=0,
                flow_run_name=f"evaluate {stored.id[:8]}",
                idempotency_key=stored.id,
            )
        except ObjectNotFound as error:
            raise GristmillError(nothing_serves) from error
        except httpx.HTTPError as error:
            raise GristmillError(f"the Prefect server did not take the submission: {error}") from error
        if not isinstance(run, FlowRun):
            raise TypeError("run_deployment was called from asynchronous code; call the submitter from a thread")
        return str(run.id)

    return submit


def hand_over(lake_root: Path, stored: StoredSubmission) -> StoredSubmission:
    """Start the evaluation of a stored submission. One that cannot be started stays queued, with the reason."""
    state = State(lake_root)
    try:
        state.attach(stored.id, submitter(lake_root)(stored))
    except GristmillError as error:
        state.update(stored.id, "queued", error=str(error))
    return state.submission(stored.id) or stored


def settle(lake_root: Path) -> None:
    """Hand over what is queued and was not taken; close what its flow run left open.

    A Prefect database may be lost, so a flow run that the server does not know counts as none. Raises
    ``httpx.HTTPError`` when the server does not answer. Cost: one request for each submission that is open.
    """
    state = State(lake_root)
    for stored in state.submissions(status="queued"):
        run = flow_run_of(stored)
        if run is None:
            hand_over(lake_root, stored)
        else:
            settle_one(state, stored, run)
    running = state.submissions(status="running")
    if running:
        close_abandoned(Lake(lake_root))
    for stored in running:
        run = flow_run_of(stored)
        if run is None:
            state.update(stored.id, "failed", error="the run that evaluated it is gone. Hand it in again.")
        else:
            settle_one(state, stored, run)


def settle_one(state: State, stored: StoredSubmission, run: "FlowRun") -> None:
    """Bring a submission into line with its flow run, when that has ended, or lost its process, and did not say so.

    A death of the process is a failure of the machine: the run is scheduled again, as often as ``ATTEMPTS`` allows.
    What the run itself ended with, or a person who cancelled it, is final.
    """
    if run.state is None or run.state.is_scheduled():
        return
    if not run.state.is_final():
        if not is_abandoned(Lake(state.root), str(run.id), run.state.timestamp):
            return
        run = crashed(run)
    now = state.submission(stored.id)  # a run sets the status before it ends, so this look is later than that
    if run.state is None or now is None or now.status != stored.status:
        return
    if run.state.is_crashed() and run.run_count < ATTEMPTS:
        state.update(stored.id, "queued", error=f"its process died, attempt {run.run_count} of {ATTEMPTS}: it goes on.")
        schedule_again(run)
        return
    said = f"{run.state.name}: {run.state.message}" if run.state.message else run.state.name
    often = f" {run.run_count} times" if run.state.is_crashed() else ""
    state.update(stored.id, "failed", error=f"its flow run ended{often} as {str(said).rstrip('.')}. Hand it in again.")


def crashed(run: "FlowRun") -> "FlowRun":
    """Tell Prefect that the process of a run is dead, which frees its place in the queue. Returns the updated run.

    The server of deployments normally reports that; it cannot when it was stopped too.
    """
    from prefect.client.orchestration import get_client
    from prefect.states import Crashed

    with get_client(sync_client=True) as client:
        client.set_flow_run_state(run.id, Crashed(message="the process that ran it ended without a message."))
        return client.read_flow_run(run.id)


def schedule_again(run: "FlowRun") -> None:
    """Put a run that has ended back into the queue of its deployment."""
    from prefect.client.orchestration import get_client
    from prefect.states import Scheduled

    with get_client(sync_client=True) as client:
        client.set_flow_run_state(run.id, Scheduled(message="its process died; it goes on."), force=True)


def flow_run_of(stored: StoredSubmission) -> "FlowRun | None":
    """The flow run of a submission; None when it has none, or the server does not know it."""
    from prefect.client.orchestration import get_client
    from prefect.exceptions import ObjectNotFound

    if stored.flow_run is None:
        return None
    with get_client(sync_client=True) as client:
        try:
            return client.read_flow_run(UUID(stored.flow_run))
        except ObjectNotFound:
            return None


def keep_settled(lake_root: Path, stop: Event, say: Callable[[str], None], every_seconds: float) -> None:
    """:func:`settle` every so many seconds until ``stop`` is set, and once more then.

    ``say`` is told once when the server stops answering.
    """
    answered, ended = True, False
    while True:
        try:
            settle(lake_root)
            answered = True
        except (httpx.HTTPError, GristmillError) as error:
            if answered:
                say(f"submissions wait: {error}")
            answered = False
        if ended:
            return
        ended = stop.wait(every_seconds)
