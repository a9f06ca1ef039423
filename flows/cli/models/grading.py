"""What ``grade`` and ``regrade`` share."""

import os
from typing import Annotated, Any

import typer

SHOWN = 10
ThinkingOption = Annotated[
    str,
    typer.Option("--thinking-end", help="What ends the thinking in every output, where Gristmill does not know it."),
]


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0))


def interval(row: dict[str, Any]) -> str:
    """The interval of a score."""
    return f"{row['low']:.3f} to {row['high']:.3f}"
