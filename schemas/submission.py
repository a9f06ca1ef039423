"""A checkpoint submitted for evaluation: one model, shared by the form, the REST API, the command line and the Prefect
run form, with everything the evaluation needs to know. The evaluation decides whether the folder is an admissible
checkpoint (weights in safetensors, a tokenizer, no pickle); this module refuses only what is obvious at a glance.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator

from gristmill.core.config import Config, Printable
from gristmill.core.flag import Flag
from gristmill.schemas.evaluation import EvaluationMeans

Status = Literal["queued", "running", "succeeded", "failed"]
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")
SUITE_FILE = re.compile(r"(.+\.ya?ml)(@[1-9][0-9]*)?")
LIMIT = re.compile(r"@[1-9][0-9]*$")
SuiteName = Annotated[
    Printable,
    StringConstraints(
        strip_whitespace=True, max_length=4096, pattern=r"^([\w][\w.@=+-]{0,119}|/.+\.ya?ml(@[1-9][0-9]*)?)$"
    ),
]


def suite_file(suite: str) -> tuple[str, str] | None:
    """The path of the YAML file that ``suite`` names, and its limit (``@50`` or empty); None for a name."""
    match = SUITE_FILE.fullmatch(suite)
    return (match[1], match[2] or "") if match else None


def place_suite(suite: str, folder: Path) -> str:
    """``suite`` with the path of its file made absolute, relative to ``folder``; a name stays as it is."""
    named = suite_file(suite)
    return f"{(folder / Path(named[0]).expanduser()).resolve()}{named[1]}" if named else suite


def limited(suite: str, limit: int | None) -> str:
    """``suite`` with ``limit`` in place of its own; as it is without one."""
    return f"{LIMIT.sub('', suite)}@{limit}" if limit else suite


class Subject(Config):
    """Which checkpoint to evaluate, and on which suites."""

    checkpoint: Annotated[Printable, StringConstraints(strip_whitespace=True, min_length=1, max_length=4096)] = Field(
        title="Checkpoint folder",
        description="Absolute path on the evaluating machine: a folder with config.json, *.safetensors and a "
        "tokenizer. Pickled weights are refused.",
        examples=["/data/checkpoints/my-model-step-1000"],
    )
    suites: list[SuiteName] = Field(
        min_length=1,
        max_length=50,
        title="Suites",
        description="Benchmark suites to run, by name; the command line also takes your own YAML files.",
        examples=[["reading", "mathematics"]],
    )

    @field_validator("suites")
    @classmethod
    def each_once(cls, suites: list[str]) -> list[str]:
        """A suite that is named twice runs once."""
        return list(dict.fromkeys(suites))


class Labelled(Config):
    """How a checkpoint is called."""

    label: Annotated[
        Printable,
        Flag("--label", "How to call the checkpoint; the folder's name when left out."),
        StringConstraints(strip_whitespace=True, max_length=120),
    ] = Field(
        default="",
        title="Label",
        description="What the checkpoint is called in tables and charts; the folder's name when empty.",
    )


class Submission(EvaluationMeans, Labelled, Subject):  # in forms the fields of the last base come first
    """What an evaluator fills in."""


class StoredSubmission(Submission):
    """A submission and its status."""

    id: str = Field(description="32 hex digits")
    submitted_by: str = Field(description="who submitted it")
    status: Status = Field(description="queued, running, succeeded or failed")
    created_at: datetime = Field(description="when it was submitted, UTC")
    updated_at: datetime = Field(description="when its status last changed, UTC")
    flow_run: str | None = Field(description="id of the Prefect flow run")
    error: str | None = Field(description="why it failed, in words")


def folder_problem(checkpoint: str, roots: Sequence[Path] = ()) -> str | None:
    """What is obviously wrong with a checkpoint folder, as a sentence that says what to do; None when nothing is.

    With ``roots``, the folder must lie below one of them after following links, and nothing outside them is looked at.
    Looks at names only; opens no file.
    """
    try:
        return _misplaced(checkpoint, "checkpoints are", "config.json and the weights", roots) or _without_weights(
            checkpoint
        )
    except (OSError, ValueError) as error:  # no permission, or a name that no file can have
        return f"{checkpoint}: this folder cannot be read: {error}"


def data_problem(data: str, roots: Sequence[Path] = ()) -> str | None:
    """What is obviously wrong with the data folder of a submission, by the rules of :func:`folder_problem`."""
    try:
        return _misplaced(data, "benchmark files are", "the benchmark files", roots) if data else None
    except (OSError, ValueError) as error:
        return f"{data}: this folder cannot be read: {error}"


def _misplaced(folder: str, what: str, holds: str, roots: Sequence[Path]) -> str | None:
    """Why this folder may not be read. Raises ``OSError`` or ``ValueError`` when it cannot be looked at."""
    path = Path(folder)
    if not path.is_absolute():
        return f"{folder}: give an absolute path, starting with /."
    if roots and not any(path.resolve().is_relative_to(root.resolve()) for root in roots):
        return f"{folder}: {what} taken from these folders only: {', '.join(map(str, roots))}."
    if not path.exists():
        return f"{folder}: there is no such folder on this machine."
    return None if path.is_dir() else f"{folder}: this is a file. Name the folder that holds {holds}."


def _without_weights(checkpoint: str) -> str | None:
    names = sorted(entry.name for entry in Path(checkpoint).iterdir() if entry.is_file())
    if any(name.endswith(".safetensors") for name in names):
        return None
    pickled = [name for name in names if name.endswith(PICKLES)]
    if pickled:
        return (
            f"{checkpoint}: this folder has pickled weights ({pickled[0]}) and no *.safetensors. A pickle can run "
            "code, so it is refused; save the model with safe_serialization=True."
        )
    return f"{checkpoint}: this folder has no *.safetensors file. Name the folder with the weights."
