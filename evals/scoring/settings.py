"""What grading is told: the settings of ``grade``, for outputs made elsewhere, and of ``regrade``, for stored ones."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from gristmill.core.config import Config, Printable
from gristmill.core.errors import UsageError
from gristmill.core.flag import Flag
from gristmill.schemas.evaluation import DataFolder, Licences

MOST_K = 1000
ThinkingEnd = Annotated[
    Printable,
    Flag("--thinking-end"),
    Field(description="What ends the thinking in every output, where Gristmill does not know it."),
]


def parse_k(given: Any) -> Any:
    """Whole numbers with commas between them, or a list of such. Raises :class:`UsageError` for anything else."""
    words = [given] if isinstance(given, (str, int)) else given
    return tuple(_numbers(words)) if isinstance(words, (list, tuple)) else given


def _numbers(words: list[Any] | tuple[Any, ...]) -> Iterator[int]:
    for word in words:
        for part in filter(None, (part.strip() for part in str(word).split(","))):
            if not (part.isascii() and part.isdigit() and 1 <= int(part) <= MOST_K):
                raise UsageError(f"--k {word}: give whole numbers from 1 to {MOST_K} with commas, such as 1,10")
            yield int(part)


class GradeSettings(Config):
    """Outputs that were made elsewhere, and how they are graded."""

    suite: Annotated[Printable, Flag("--suite")] = Field(description="Name of the suite, or the path of its YAML file.")
    responses: Annotated[Path, Flag("--responses")] = Field(
        description='JSON lines: {"task_id", "completion"}, or those of EvalPlus or lm-eval.'
    )
    data: DataFolder = ""
    convention: Annotated[Printable, Flag("--convention")] = Field(
        "", description="How outputs are graded; the suite's headline convention when left out."
    )
    k: Annotated[
        tuple[int, ...],
        BeforeValidator(parse_k),
        Flag("--k", "The k of pass@k, with commas; each item needs that many samples."),
    ] = Field((), description="The k of pass@k; each item needs that many samples.")
    partial: Annotated[bool, Flag("--partial")] = Field(False, description="Score the items that have an output alone.")
    cut: Annotated[bool, Flag("--cut")] = Field(
        False, description="End outputs at the suite's stop strings first; they are graded whole if not."
    )
    thinking_end: ThinkingEnd = ""
    workers: Annotated[int, Flag("--workers")] = Field(
        0, ge=0, le=256, description="Programs run at once; 0: one for each core."
    )
    accept_licences: Licences = ()


class RegradeSettings(Config):
    """Which stored answers of a checkpoint are graded again, and how."""

    suites: Annotated[
        tuple[Printable, ...],
        Flag("--suite", "Only this suite, or your own YAML file; repeatable; all when left out."),
    ] = Field((), description="Suites, or YAML files of your own; all that were asked when left out.")
    conventions: Annotated[
        tuple[Printable, ...], Flag("--convention", "Only this one; repeatable; all that fit when left out.")
    ] = Field((), description="Conventions to grade by; all that fit when left out.")
    data: DataFolder = ""
    thinking_end: ThinkingEnd = ""
    accept_licences: Licences = ()
