"""What is wrong with the words of a command, told before anything starts: no server, no flow run, no record.

The flows ask the same again, for they are also started by a schedule or a form. Cost: a look at names and first bytes;
no input is read whole and nothing is asked over the network.
"""

import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from evals.data import find
from evals.suite import check_licence, settings_of, split_limit
from flows.annotations import annotations
from flows.settings import CurateSettings, PipelineSettings
from schemas.errors import UsageError
from schemas.evaluation import EvaluationMeans
from schemas.lake import Lake
from schemas.submission import data_problem
from tasks.dedup.index import earlier_shards
from tasks.inputs import refuse_missing
from tasks.policy import load_policy

BENCHMARKS = "benchmarks"


def check_curation(settings: CurateSettings, lake: Lake) -> None:
    """Raises :class:`UsageError` for inputs, a policy, a model, a list, an engine or an earlier curation that is not
    there, and for a policy that looks at signals which the run would not compute."""
    refuse_missing(settings.inputs, follow_links=settings.follow_links, allow_unread=settings.allow_damage)
    check_rules(settings)
    earlier_shards(lake, settings.dedup.against)
    if settings.engine == "ray" and find_spec("ray") is None:
        raise UsageError("the engine ray needs Ray: pip install 'gristmill[ray]'")


def check_rules(settings: CurateSettings) -> None:
    """Of :func:`check_curation` what does not depend on the inputs and the lake."""
    annotations(settings, load_policy(settings.policy))


def check_pipeline(settings: PipelineSettings, lake: Lake) -> None:
    """As :func:`check_curation`, and for the suites of the evaluation at its end."""
    check_curation(settings.curate, lake)
    check_evaluation(settings.evaluate.suites, settings.evaluate, lake)


def check_schedule(settings: PipelineSettings, lake: Lake) -> None:
    """What a scheduled pipeline needs besides its inputs, which may be still to come. Raises :class:`UsageError`."""
    from prefect.client.schemas.schedules import CronSchedule
    from pydantic import ValidationError

    try:
        CronSchedule(cron=settings.schedule)
    except ValidationError as error:
        raise UsageError(
            f"schedule: {settings.schedule!r} is not a cron expression. Give five fields, minute to day of the week, "
            'such as "0 2 * * *" for every night at two (UTC).'
        ) from error
    check_rules(settings.curate)
    check_evaluation(settings.evaluate.suites, settings.evaluate, lake)


def check_evaluation(suites: Sequence[str], means: EvaluationMeans, lake: Lake) -> None:
    """Raises :class:`UsageError` for an unknown suite, a licence that was not accepted, and files of a benchmark that
    are not there, not the expected ones, and not to be downloaded."""
    problem = data_problem(means.data)
    if problem:
        raise UsageError(problem)
    for suite in suites:
        name = split_limit(suite)[0]
        settings, path = settings_of(name)
        check_licence(name, settings, means.accept_licences)
        for role in () if means.download else settings.data.files:
            find(settings.name, settings.data, role, path.parent, data_folders(means.data, lake))


def data_folders(data: str, lake: Lake) -> list[Path]:
    """Where the files of benchmarks are looked for: the folder that was named, and what was downloaded to the lake."""
    named = data or os.environ.get("GRISTMILL_DATA", "")
    return [*([Path(named).expanduser().resolve()] if named else []), lake.root / BENCHMARKS]
