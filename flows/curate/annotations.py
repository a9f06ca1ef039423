"""Which signals a curation computes: the steps of ``tasks/signals/registry.py`` that its settings and policy ask for.

Signals are computed once and kept; a policy with other thresholds reuses them.
"""

from pathlib import Path
from typing import Any

from gristmill.core.config import Config
from gristmill.core.steps.step import Step
from gristmill.flows.curate.settings import CurateSettings
from gristmill.tasks.filtering.policy import Policy, needed_sets, refuse_missing_sets
from gristmill.tasks.filtering.splitters import refuse_missing_splitters
from gristmill.tasks.signals.registry import SignalSettings, chosen, steps_of


def annotations(settings: CurateSettings, policy: Policy) -> list[tuple[Step[Any], Config]]:
    """The steps of a run with their configs, in order. They read documents, and signals of earlier steps.

    Raises :class:`UsageError` for a model or list that is not there, and for a policy that looks at signals which this
    run would not compute.
    """
    given = SignalSettings(
        language_model=_path(settings.language_model),
        detector=settings.detector,
        url_lists=_path(settings.url_lists),
        classifier=_path(settings.classifier),
        decontaminate=_path(settings.decontaminate),
        robots=_path(settings.robots),
        harm=_path(settings.harm),
    )
    sets = chosen(given, needed_sets(policy), everything=settings.signals == "all")
    refuse_missing_sets(policy, {entry.table.name for entry in sets})
    refuse_missing_splitters(policy)
    return steps_of(sets, given)


def _path(word: str | None) -> Path | None:
    return Path(word) if word else None
