"""Checks of a command's settings before anything starts: no server, no flow run, no record.

The flows check the same again because a schedule or a form can start them too. No step is imported before a check
needs it, and Prefect never is, so a typo is reported within a second. Cost: a look at names and first bytes; no input
is read whole, and an address gets a few seconds at most to answer.
"""

import os
import shlex
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from gristmill.core.errors import UsageError
from gristmill.core.hints import on_lake, some_of
from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset, Ref
from gristmill.flows.curate.settings import CurateSettings
from gristmill.flows.evaluate.settings import ContaminationSettings
from gristmill.flows.settings import PipelineSettings
from gristmill.schemas.evaluation import EvaluationMeans
from gristmill.schemas.submission import data_problem
from gristmill.schemas.tables import Curated

if TYPE_CHECKING:
    from gristmill.evals.suites.suite import Suite

BENCHMARKS = "benchmarks"


def check_curation(settings: CurateSettings, lake: Lake) -> None:
    """Raises :class:`UsageError` for inputs, a policy, a model, a list, an engine or an earlier curation that is not
    there, and for a policy that looks at signals which the run would not compute."""
    from gristmill.tasks.dedup.earlier_runs import earlier_shards
    from gristmill.tasks.ingest.discovery import refuse_missing
    from gristmill.tasks.ingest.ingest import IngestConfig

    options = IngestConfig(source=settings.source, map=settings.map, unquoted=settings.unquoted).read_options
    check_rules(settings)
    refuse_missing(settings.inputs, options, follow_links=settings.follow_links, allow_unread=settings.allow_damage)
    earlier_shards(lake, settings.dedup.against)
    if settings.engine == "ray" and find_spec("ray") is None:
        raise UsageError("the engine ray needs Ray: pip install 'gristmill[ray]'")


def check_rules(settings: CurateSettings) -> None:
    """The part of :func:`check_curation` that does not depend on the inputs and the lake."""
    from gristmill.flows.curate.annotations import annotations
    from gristmill.tasks.filtering.policy import load_policy

    annotations(settings, load_policy(settings.policy))


def check_pipeline(settings: PipelineSettings, lake: Lake) -> None:
    """Like :func:`check_curation`, and also checks the suites of the evaluation at the end, and that training on the
    corpus is allowed."""
    check_curation(settings.curate, lake)
    check_evaluation(settings.evaluate.suites, settings.evaluate, lake)
    check_signature(settings, lake)


def check_signature(settings: PipelineSettings, lake: Lake) -> None:
    """Raises :class:`UsageError` for a pipeline that may only train on a signed corpus when the source has none yet."""
    from gristmill.flows.review.signing import refuse_unsigned, signed_before

    if not settings.train.unsigned and not signed_before(settings.curate.source, lake):
        refuse_unsigned([settings.curate.source], lake, unsigned=False)


def check_schedule(settings: PipelineSettings, lake: Lake) -> None:
    """Check what a scheduled pipeline needs besides its inputs, which may come later. Raises :class:`UsageError`."""
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
    from gristmill.evals.suites.files import find  # a curation alone needs none of the suites
    from gristmill.evals.suites.settings import check_licence, settings_of, split_limit

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
    """Where to look for benchmark files: the named folder, and the downloads in the lake."""
    named = data or os.environ.get("GRISTMILL_DATA", "")
    return [*([Path(named).expanduser().resolve()] if named else []), lake.root / BENCHMARKS]


def check_contamination(settings: ContaminationSettings, lake: Lake) -> None:
    """Raises :class:`UsageError` for a suite or a corpus that is not there."""
    load_suites(settings, lake)
    from gristmill.tasks.ingest.discovery import refuse_missing

    known = lake.names("curation")
    try:
        refuse_missing(
            [entry for entry in settings.corpus if entry not in known],
            follow_links=settings.follow_links,
            allow_unread=settings.allow_damage,
        )
    except UsageError as error:
        raise not_a_corpus(error, lake) from error


def not_a_corpus(error: UsageError, lake: Lake) -> UsageError:
    """The error for inputs that are not there, with the sources that are."""
    return UsageError(f"{error} (Curated sources of this lake: {', '.join(lake.names('curation')) or 'none yet'}.)")


def load_suites(settings: ContaminationSettings, lake: Lake) -> "list[Suite]":
    """The suites by name. Raises :class:`UsageError` as ``load_suite`` does."""
    from gristmill.evals.suites.suite import load_suite

    folders = data_folders(settings.data, lake)
    return [load_suite(name, folders, accept_licences=settings.accept_licences) for name in settings.suites]


def curated_refs(sources: Sequence[str], lake: Lake) -> tuple[Ref, ...]:
    """The curated files of ``sources``, or of every source. Raises :class:`UsageError` when there is no text."""
    known = lake.names("curation")
    missing = [source for source in sources if source not in known]
    if missing or not known:
        have = f"It has {', '.join(known)}." if known else "It has none yet."
        command = on_lake("gristmill curate --input PATH --source NAME", lake.root)
        raise UsageError(f"the lake has no curated source {' '.join(missing)}. {have} Make one: {command}")
    datasets = [lake.dataset("curation", source) for source in sources or known]
    refs = tuple(ref for dataset in datasets if dataset is not None for ref in dataset.tables[Curated.name])
    if not sum(ref.rows for ref in refs):
        raise UsageError(
            "the curated sources have no documents, so there is nothing to train on. See what was rejected and why: "
            f"{on_lake('gristmill dashboard', lake.root)}, page Funnel; then choose another policy."
        )
    return refs


def mix_of(name: str, lake: Lake) -> Dataset:
    """The mix of that name. Raises :class:`UsageError` when the lake has none."""
    dataset = lake.dataset("mix", name)
    if dataset is None:
        names = lake.names("mix")
        has = f"It has {some_of(names, 5)}: name one with --mix, or make it" if names else "Make one first"
        make = on_lake(f"gristmill mix --name {shlex.quote(name)} --method proportional", lake.root)
        raise UsageError(f"the lake has no mix called {name!r}. {has}: {make}")
    return dataset
