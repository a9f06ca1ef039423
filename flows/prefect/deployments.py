"""The deployments that ``gristmill serve`` serves: the pipeline on its schedule, evaluate on demand.

Prefect schedules and records. Two runs of one deployment never overlap: a run that is due while another works waits.
Evaluations wait under the limit of the accelerator they run on, ``accelerator:cpu`` or ``accelerator:cuda``, which
other deployments of that Prefect server may share; the pipeline, which spends hours on other work, has its own.
A flow run is a process of its own that imports the flow by its module's name, in the environment of the server of
deployments.
"""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Event, Thread
from uuid import UUID

import psutil
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.deployments.runner import RunnerDeployment
from prefect.runner import Runner
from prefect.types.entrypoint import EntrypointType

from gristmill.flows.evaluate.flow import evaluate
from gristmill.flows.evaluate.submitting import keep_settled
from gristmill.flows.pipeline import pipeline
from gristmill.flows.prefect.server import Server, is_healthy, revive
from gristmill.flows.prefect.watch import watch
from gristmill.flows.settings import PipelineSettings

ASKED_EVERY_SECONDS, ANSWERS_WITHIN_SECONDS = 3.0, 4.0
"""Once stopping has begun the server is asked this often whether it answers, and has this long to do so: together less
than the ten seconds in which a service manager expects an end."""
SIGNAL_AGAIN_SECONDS = 30.0
ONE_AT_A_TIME = ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.ENQUEUE)
RUNS_AT_A_TIME = 2
DEVICES = Path("/dev")
POLL = "PREFECT_RUNNER_POLL_FREQUENCY"
POLL_SECONDS = 5.0
"""How often the Prefect server is asked for runs that are due, where ``POLL`` does not say; submissions are looked at
half as often."""


class Serving(Runner):
    """Prefect's runner, stopped by SIGTERM as it is by Ctrl-C: its own handler does not await what it calls.
    ``on_stop`` is called when stopping begins."""

    on_stop: Callable[[], None]

    def handle_sigterm(self, *_: object, **__: object) -> None:
        """End the event loop in order: running flows are stopped, schedules paused."""
        self.on_stop()
        signal.raise_signal(signal.SIGINT)


def see_to_the_end(answers: Callable[[], bool], say: Callable[[str], None]) -> None:
    """Stand by while this process stops, which is a matter of seconds while the Prefect server ``answers``.

    If it does not, Prefect's client would wait for minutes: the flow runs are ended here, and this process with
    them. Finished work is kept, and the next server of deployments resumes them. asyncio cancels the loop's task at the
    first SIGINT and interrupts it at the second, which is sent where a callback of Prefect's has swallowed the first.
    """
    begun, again = time.monotonic(), False
    while True:
        time.sleep(ASKED_EVERY_SECONDS)
        if not answers():
            say("stopped serving; the Prefect server does not answer, so it was not told")
            for child in psutil.Process().children():
                child.kill()
            os._exit(0)
        if not again and time.monotonic() - begun > SIGNAL_AGAIN_SECONDS:
            again = True
            os.kill(os.getpid(), signal.SIGINT)


def deployments(lake_root: Path, settings: PipelineSettings | None, name: str) -> list[RunnerDeployment]:
    """``evaluate/on-demand``, and ``pipeline/scheduled`` when there are settings to run it with."""
    lake = str(lake_root)
    on_demand = RunnerDeployment.from_flow(
        evaluate,
        name="on-demand",
        description="Score a checkpoint that was handed in.",
        parameters={"lake": lake},
        concurrency_limit=ONE_AT_A_TIME,
        enforce_parameter_schema=True,
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    if settings is None:
        return [on_demand]
    scheduled = RunnerDeployment.from_flow(
        pipeline,
        name="scheduled",
        description="Curate, mix, train and evaluate whatever is new.",
        cron=settings.schedule,
        paused=False,  # stopping to serve pauses the schedule; serving again takes it up
        parameters={"lake": lake, "settings": settings.model_dump(mode="json"), "name": name},
        concurrency_limit=ONE_AT_A_TIME,
        enforce_parameter_schema=True,
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    return [on_demand, scheduled]


def accelerator(devices: Path = DEVICES) -> str:
    """What evaluations run on here: cuda where the kernel shows a device of NVIDIA's, else cpu."""
    return "cuda" if any(devices.glob("nvidia[0-9]*")) else "cpu"


def limit_by_accelerator(deployment: UUID, kind: str) -> None:
    """Put a deployment under the global concurrency limit ``accelerator:<kind>``, made when it is not there.

    Replaces the limit that Prefect made for the deployment alone. Raises ``httpx.HTTPStatusError`` when the server
    refuses.
    """
    name = f"accelerator:{kind}"
    with get_client(sync_client=True) as client:
        client.upsert_global_concurrency_limit_by_name(name, ONE_AT_A_TIME.limit)
        limit = client.read_global_concurrency_limit_by_name(name)
        client.request(
            "PATCH",
            "/deployments/{id}",
            path_params={"id": deployment},
            json={"global_concurrency_limit_id": str(limit.id)},
        ).raise_for_status()


def serve_deployments(
    lake_root: Path, server: Server, settings: PipelineSettings | None, name: str, say: Callable[[str], None]
) -> None:
    """Register the deployments and run what they are asked to, until the process is stopped (SIGINT or SIGTERM).

    ``say`` is told what is served, and when the Prefect server stops answering. A lake's own server is started again
    when it dies, and when it is stopped on purpose this ends too.
    """

    def lost(reason: str) -> None:
        say(reason)
        if server.pid is not None:
            os.kill(os.getpid(), signal.SIGTERM)

    watching = watch(lake_root, server.api_url, None if server.pid is None else revive, lost)

    def on_stop() -> None:
        watching.set()
        answers = partial(is_healthy, server.api_url, ANSWERS_WITHIN_SECONDS)
        Thread(target=see_to_the_end, args=(answers, say), name="stopping", daemon=True).start()

    stop = Event()
    poll_seconds = float(os.environ.get(POLL) or POLL_SECONDS)
    settling = Thread(target=keep_settled, args=(lake_root, stop, say, 2 * poll_seconds), name="submissions")
    try:
        runner = Serving(limit=RUNS_AT_A_TIME, query_seconds=poll_seconds)
        runner.on_stop = on_stop
        signal.signal(signal.SIGTERM, runner.handle_sigterm)  # the runner's own handler comes when it runs
        for deployment in deployments(lake_root, settings, name):
            id = runner.add_deployment(deployment)
            if not isinstance(id, UUID):
                raise TypeError("deployments are served from asynchronous code; serve them from the main thread")
            if deployment.flow_name == evaluate.name:
                limit_by_accelerator(id, accelerator())
            say(f"serving {deployment.flow_name}/{deployment.name}")
        settling.start()
        asyncio.run(runner.start())
    except KeyboardInterrupt:
        stays = "the Prefect server ends by itself when nothing uses it (gristmill serve --stop ends it now)"
        say(f"stopped serving; {stays}" if server.pid is not None else "stopped serving")
    finally:
        watching.set()
        stop.set()  # what this process ran has ended with it; a last look updates its submissions
        if settling.is_alive():
            settling.join()
