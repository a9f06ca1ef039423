"""Which signals a curation computes: the step of every set of signals, with its config.

Signals are computed once and kept; a policy of other thresholds needs none of them again. By default a run computes the
common sets and those that its policy looks at, ``signals: all`` everything that needs no model or list of the user's.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from gristmill.core.config import Config
from gristmill.core.step import Step
from gristmill.core.table import Table
from gristmill.flows.settings import CurateSettings
from gristmill.schemas.tables import (
    Documents,
    SignalsChinese,
    SignalsClassifier,
    SignalsCode,
    SignalsContamination,
    SignalsFineWeb2,
    SignalsLanguage,
    SignalsRefinedWeb,
    SignalsUrl,
)
from gristmill.tasks.classifier.score import classifier, classifier_config
from gristmill.tasks.contamination.steps import decontaminate, index_config
from gristmill.tasks.filtering.policy import Policy, needed_sets, refuse_missing_sets
from gristmill.tasks.filtering.splitters import refuse_missing_splitters
from gristmill.tasks.signals.chinese import chinese, chinese_config
from gristmill.tasks.signals.code_quality import CodeConfig, code
from gristmill.tasks.signals.fineweb2 import fineweb2, fineweb2_config
from gristmill.tasks.signals.heuristics import WRITES as HEURISTICS
from gristmill.tasks.signals.heuristics import HeuristicsConfig, heuristics
from gristmill.tasks.signals.language import language, language_config
from gristmill.tasks.signals.pii import PiiConfig, pii
from gristmill.tasks.signals.refinedweb import RefinedWebConfig, refinedweb
from gristmill.tasks.signals.url_rules import url_config, url_rules

COMMON = (SignalsLanguage.name, *(table.name for table in HEURISTICS))
OPTIONAL = (
    SignalsRefinedWeb,
    SignalsFineWeb2,
    SignalsChinese,
    SignalsCode,
    SignalsUrl,
    SignalsClassifier,
    SignalsContamination,
)


@dataclass(frozen=True)
class Annotation:
    """A step that reads documents (and signals of earlier steps) and writes signals or spans."""

    step: Step
    config: Config
    reads: tuple[Table, ...] = (Documents,)


def annotations(settings: CurateSettings, policy: Policy) -> list[Annotation]:
    """The steps of a run, in order.

    Raises :class:`UsageError` for a model or list that is not there, and for a policy that looks at signals which this
    run would not compute.
    """
    chosen = [name for name in _chosen(settings, policy) if name in (table.name for table in OPTIONAL)]
    refuse_missing_sets(policy, {*COMMON, *chosen})
    if SignalsFineWeb2.name in chosen:
        refuse_missing_splitters(policy)
    model = Path(settings.language_model) if settings.language_model else None
    steps = [
        Annotation(language, language_config(model, settings.detector)),
        Annotation(heuristics, HeuristicsConfig()),
        Annotation(pii, PiiConfig()),
    ]
    made = _optional(settings)
    return steps + [made[name]() for name in chosen]


def _chosen(settings: CurateSettings, policy: Policy) -> list[str]:
    """The optional sets of a run, by table name; the classifier and URL lists when they are given."""
    given = {
        SignalsClassifier.name: settings.classifier,
        SignalsUrl.name: settings.url_lists,
        SignalsContamination.name: settings.decontaminate,
    }
    wanted = {name for name, value in given.items() if value}
    wanted |= {name for name in needed_sets(policy) if name not in given or given[name] or name == SignalsUrl.name}
    if settings.signals == "all":
        wanted |= {table.name for table in OPTIONAL if table not in (SignalsClassifier, SignalsContamination)}
    return [table.name for table in OPTIONAL if table.name in wanted]


def _optional(settings: CurateSettings) -> Mapping[str, Callable[[], Annotation]]:
    """How to make the annotation of each optional set; nothing is loaded before it is wanted."""
    lists = Path(settings.url_lists) if settings.url_lists else None
    with_language = (Documents, SignalsLanguage)
    return {
        SignalsRefinedWeb.name: lambda: Annotation(refinedweb, RefinedWebConfig()),
        SignalsFineWeb2.name: lambda: Annotation(fineweb2, fineweb2_config(), with_language),
        SignalsChinese.name: lambda: Annotation(chinese, chinese_config(), with_language),
        SignalsCode.name: lambda: Annotation(code, CodeConfig()),
        SignalsUrl.name: lambda: Annotation(url_rules, url_config(lists)),
        SignalsClassifier.name: lambda: Annotation(classifier, classifier_config(Path(settings.classifier or ""))),
        SignalsContamination.name: lambda: Annotation(decontaminate, index_config(Path(settings.decontaminate or ""))),
    }
