"""Every set of signals, declared once: its table, the step that computes it, with which config, and when.

What a curation runs (``flows/curate/annotations.py``), what ``gristmill.tasks.precompile`` compiles, what ``signals:
all`` means and the table of sets in docs/signals.md all follow from :data:`SETS`. docs/contributing/new-signal.md walks
through adding one.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from gristmill.core.config import Config
from gristmill.core.steps.step import Step
from gristmill.core.table import Table
from gristmill.schemas.tables import (
    HiddenSpans,
    SignalsC4,
    SignalsC4Paper,
    SignalsC4Tfds,
    SignalsChinese,
    SignalsClassifier,
    SignalsCode,
    SignalsContamination,
    SignalsDomain,
    SignalsFineWeb,
    SignalsFineWeb2,
    SignalsGopherQuality,
    SignalsGopherRepetition,
    SignalsHarm,
    SignalsLanguage,
    SignalsRefinedWeb,
    SignalsRights,
    SignalsUrl,
    Spans,
)
from gristmill.tasks.classifier.score import classifier, classifier_config
from gristmill.tasks.contamination.steps import decontaminate, index_config
from gristmill.tasks.safety.attacks.hidden_text import HiddenTextConfig, hidden_text
from gristmill.tasks.safety.harm.score import harm, harm_config
from gristmill.tasks.safety.rights.step import rights, rights_config
from gristmill.tasks.safety.step import findings, findings_config
from gristmill.tasks.signals.chinese import chinese, chinese_config
from gristmill.tasks.signals.code_quality import CodeConfig, code
from gristmill.tasks.signals.fineweb2 import fineweb2, fineweb2_config
from gristmill.tasks.signals.heuristics import HeuristicsConfig, heuristics
from gristmill.tasks.signals.language import Detector, language, language_config
from gristmill.tasks.signals.refinedweb import RefinedWebConfig, refinedweb
from gristmill.tasks.signals.url_rules import url_config, url_rules

Default = Literal["always", "asked", "given"]


@dataclass(frozen=True)
class SignalSettings:
    """What a user may set about signals: models and lists by path (None: not given), and the language detector."""

    language_model: Path | None = None
    detector: Detector = "fasttext"
    url_lists: Path | None = None
    classifier: Path | None = None
    decontaminate: Path | None = None
    robots: Path | None = None
    harm: Path | None = None


def nothing(_: SignalSettings) -> None:
    """No file: for sets that do not need a file from the user."""


@dataclass(frozen=True)
class SignalSet:
    """One set of signals.

    ``table``: what ``step`` writes of it; a step may write several sets. ``config``: that of the step, from the
    settings; it raises :class:`UsageError` for a model or list that is not there. ``needs``: the user's model or list
    that it needs. ``default``: ``always`` is computed in every run; ``asked`` when the policy looks at
    it, its file is given, or ``signals: all``; ``given`` only with its file.
    """

    table: Table
    step: Step[Any]
    config: Callable[[SignalSettings], Config]
    needs: Callable[[SignalSettings], Path | None] = nothing
    default: Default = "asked"


def _heuristic(table: Table) -> SignalSet:
    return SignalSet(table, heuristics, lambda _: HeuristicsConfig(), default="always")


SETS: tuple[SignalSet, ...] = (
    SignalSet(
        SignalsLanguage,
        language,
        lambda given: language_config(given.language_model, given.detector),
        default="always",
    ),
    _heuristic(SignalsGopherQuality),
    _heuristic(SignalsGopherRepetition),
    _heuristic(SignalsC4),
    _heuristic(SignalsC4Paper),
    _heuristic(SignalsC4Tfds),
    _heuristic(SignalsFineWeb),
    _heuristic(SignalsDomain),
    SignalSet(Spans, findings, lambda _: findings_config(), default="always"),
    SignalSet(HiddenSpans, hidden_text, lambda _: HiddenTextConfig(), default="always"),
    SignalSet(SignalsRefinedWeb, refinedweb, lambda _: RefinedWebConfig()),
    SignalSet(SignalsFineWeb2, fineweb2, lambda _: fineweb2_config()),
    SignalSet(SignalsChinese, chinese, lambda _: chinese_config()),
    SignalSet(SignalsCode, code, lambda _: CodeConfig()),
    SignalSet(
        SignalsUrl,
        url_rules,
        lambda given: url_config(given.url_lists),
        needs=lambda given: given.url_lists,
    ),
    SignalSet(
        SignalsClassifier,
        classifier,
        lambda given: classifier_config(given.classifier or Path()),
        needs=lambda given: given.classifier,
        default="given",
    ),
    SignalSet(
        SignalsContamination,
        decontaminate,
        lambda given: index_config(given.decontaminate or Path()),
        needs=lambda given: given.decontaminate,
        default="given",
    ),
    SignalSet(
        SignalsHarm,
        harm,
        lambda given: harm_config(given.harm or Path()),
        needs=lambda given: given.harm,
        default="given",
    ),
    SignalSet(
        SignalsRights,
        rights,
        lambda given: rights_config(given.robots),
        needs=lambda given: given.robots,
    ),
)
"""In the order in which a curation computes them: a set comes after those that its step reads."""


def chosen(given: SignalSettings, asked: Iterable[str] = (), *, everything: bool = False) -> list[SignalSet]:
    """The sets that a run computes. ``asked``: tables that its policy looks at; ``everything``: ``signals: all``."""
    names = set(asked)
    return [
        entry
        for entry in SETS
        if entry.default == "always"
        or entry.needs(given) is not None
        or (entry.default == "asked" and (everything or entry.table.name in names))
    ]


def steps_of(sets: Iterable[SignalSet], given: SignalSettings) -> list[tuple[Step[Any], Config]]:
    """The steps that compute ``sets``, each once, with their configs. Raises :class:`UsageError` as the configs do."""
    made: dict[str, tuple[Step[Any], Config]] = {}
    for entry in sets:
        if entry.step.name not in made:
            made[entry.step.name] = (entry.step, entry.config(given))
    return list(made.values())
