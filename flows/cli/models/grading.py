"""What ``grade`` and ``regrade`` share."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gristmill.core.errors import UsageError

if TYPE_CHECKING:
    from gristmill.evals.suites.suite import Suite

SHOWN = 10
ThinkingOption = Annotated[
    str,
    typer.Option("--thinking-end", help="What ends the thinking in every output, where Gristmill does not know it."),
]


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0))


def check_conventions(suite: "Suite", names: Sequence[str]) -> None:
    """Raises :class:`UsageError` for a convention that does not grade the suite."""
    from gristmill.core.config import did_you_mean
    from gristmill.evals.scoring.regrading import fitting

    known = fitting(suite)
    for name in names:
        if name not in known:
            raise UsageError(
                f"there is no convention {name!r} for {suite.name}{did_you_mean(name, known)}. "
                f"There are: {', '.join(known)}."
            )


def interval(row: dict[str, Any]) -> str:
    """The interval of a score."""
    return f"{row['low']:.3f} to {row['high']:.3f}"
