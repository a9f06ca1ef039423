"""The deployments that ``gristmill serve`` serves: the pipeline on its schedule, evaluate on demand.

Prefect schedules and records. Two runs of the pipeline never overlap: a run that is due while another works waits.
"""

from pathlib import Path

from prefect import serve
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.deployments.runner import RunnerDeployment

from flows.evaluate import evaluate
from flows.pipeline import pipeline
from flows.settings import PipelineSettings

ONE_AT_A_TIME = ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.ENQUEUE)


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
    )
    if settings is None:
        return [on_demand]
    scheduled = RunnerDeployment.from_flow(
        pipeline,
        name="scheduled",
        description="Curate, mix, train and evaluate whatever is new.",
        cron=settings.schedule,
        parameters={"lake": lake, "settings": settings.model_dump(mode="json"), "name": name},
        concurrency_limit=ONE_AT_A_TIME,
        enforce_parameter_schema=True,
    )
    return [on_demand, scheduled]


def serve_deployments(lake_root: Path, settings: PipelineSettings | None, name: str) -> None:
    """Register the deployments and run what they are asked to, until the process is stopped."""
    serve(*deployments(lake_root, settings, name), limit=2)
