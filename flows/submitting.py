"""A submission becomes a run of the ``evaluate`` deployment, whoever made it: the form, the API or the command line."""

import os
from collections.abc import Callable
from pathlib import Path

from flows.server import ensure_server, find_server
from schemas.errors import GristmillError
from schemas.submission import StoredSubmission, Submission

DEPLOYMENT = "evaluate/on-demand"


def submitter(lake_root: Path) -> Callable[[StoredSubmission], str]:
    """A function that hands a stored submission to the deployment and gives the id of its flow run.

    It raises :class:`GristmillError` when no Prefect server runs or nothing serves the deployment; the submission stays
    queued in the state database and can be handed over again.
    """

    def submit(stored: StoredSubmission) -> str:
        if not os.environ.get("PREFECT_API_URL") and find_server(lake_root) is None:
            raise GristmillError(f"nothing evaluates submissions yet. Start it: gristmill serve --lake {lake_root}")
        ensure_server(lake_root)
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
                DEPLOYMENT, parameters=parameters, timeout=0, flow_run_name=f"evaluate {stored.id[:8]}"
            )
        except ObjectNotFound as error:
            raise GristmillError(
                f"nothing evaluates submissions yet. Start it: gristmill serve --lake {lake_root}"
            ) from error
        if not isinstance(run, FlowRun):
            raise TypeError("run_deployment was called from asynchronous code; call the submitter from a thread")
        return str(run.id)

    return submit
