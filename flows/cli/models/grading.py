"""What ``grade`` and ``regrade`` share."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gristmill.evals.scoring.settings import GradeSettings, RegradeSettings
    from gristmill.evals.suites.suite import Suite

SHOWN = 10


def place_grading(values: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Settings of a file, with the files of suites, the outputs and the data folder as seen from ``folder``."""
    from gristmill.flows.evaluate.settings import place_evaluation
    from gristmill.schemas.submission import place_suite

    placed = place_evaluation(values, folder)
    if isinstance(suite := placed.get("suite"), str):
        placed["suite"] = place_suite(suite, folder)
    if isinstance(responses := placed.get("responses"), str):
        placed["responses"] = folder / Path(responses).expanduser()
    return placed


def suite_of(name: str, settings: "GradeSettings | RegradeSettings") -> "Suite":
    """The suite with the data, the licences and the end of thinking of the settings. Raises as ``load_suite`` does."""
    from gristmill.evals.suites.suite import load_suite

    data = Path(settings.data) if settings.data else ()
    suite = load_suite(name, data, accept_licences=settings.accept_licences)
    return suite.thinking_until(settings.thinking_end) if settings.thinking_end else suite


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0))


def interval(row: dict[str, Any]) -> str:
    """The interval of a score."""
    return f"{row['low']:.3f} to {row['high']:.3f}"
