"""The settings of the flows ``evaluate`` and ``contamination``, and of the verbs that score one checkpoint."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from gristmill.core.config import Config
from gristmill.core.flag import Flag
from gristmill.flows.fields import AllowDamage, Columns, FollowLinks, InputWord, Unquoted, Workers
from gristmill.schemas.evaluation import DataFolder, EvaluationMeans, Licences
from gristmill.schemas.submission import Labelled, place_suite
from gristmill.tasks.ingest.readers.rows.columns import ColumnMap


def own_suites() -> tuple[str, ...]:
    """The suites whose items come with Gristmill. Cost: reading the YAML of every suite."""
    from gristmill.evals.suites.settings import own_suites as known  # slow, and --help needs none

    return tuple(known())


def _prefill(schema: dict[str, Any]) -> None:
    """Forms show what is run when nothing is chosen, which a schema tells of a constant default alone."""
    schema["default"] = list(own_suites())


class ChosenSuites(Config):
    """What checkpoints are scored on."""

    suites: Annotated[
        tuple[str, ...],
        Flag(
            "--suite",
            "Name of a suite, or a YAML file of your own; repeatable; those that come with Gristmill when left out.",
        ),
    ] = Field(
        default_factory=own_suites,
        description="Names of suites, or YAML files; humaneval@50 takes 50 items of humaneval.",
        json_schema_extra=_prefill,
    )


class EvaluateSettings(EvaluationMeans, ChosenSuites):  # the fields of the last base come first
    """What every checkpoint of a mix is scored on, and with what."""

    heldout_bytes: int = Field(60_000, ge=1_000, description="Held-out text for bits per byte, bytes a domain.")


class CheckpointSettings(EvaluationMeans, Labelled, ChosenSuites):
    """The settings of ``evaluate`` and ``submit``: what one checkpoint is scored on, how it is called, with what."""

    limit: Annotated[int | None, Flag("--limit")] = Field(
        None, ge=1, description="Take a fixed subset of that many items of each suite."
    )


def place_evaluation(values: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Settings as somebody wrote them, with the files of suites and the data folder as seen from ``folder``."""
    placed, suites, data = dict(values), values.get("suites"), values.get("data")
    if isinstance(suites, (list, tuple)):
        placed["suites"] = tuple(place_suite(suite, folder) if isinstance(suite, str) else suite for suite in suites)
    if isinstance(data, str):
        placed["data"] = place_data(data, folder)
    return placed


def place_data(data: str, folder: Path) -> str:
    """A data folder with its path absolute, as seen from ``folder``; none stays none."""
    return str(_seen_from(folder, data).resolve()) if data else ""


def _seen_from(folder: Path, path: str) -> Path:
    return folder / os.path.expanduser(path)  # noqa: PTH111 - leaves the home of an unknown user as it is


class ContaminationSettings(Config):
    """Which items are looked for, and where: in a corpus, or in what a checkpoint was trained on."""

    suites: Annotated[tuple[str, ...], Flag("--suite", "Name of a suite, or name@50; repeat for several.")] = Field(
        min_length=1, description="Names of suites, or YAML files; a limit as humaneval@50."
    )
    corpus: Annotated[
        tuple[InputWord, ...],
        Flag("--corpus", "A curated source of the lake, or a file, folder, glob or address; repeatable."),
    ] = Field((), description="Curated sources of the lake; or files, folders, globs, addresses.")
    checkpoint: Annotated[
        str,
        Flag("--checkpoint", "Label or digest of a checkpoint: search its training data, and split its scores."),
    ] = Field("", description="Label or digest of a checkpoint: its training data, or its scores.")
    name: Annotated[str, Flag("--name")] = Field(
        "", description="What to call the corpus; the names of its sources when left out."
    )
    data: DataFolder = ""
    accept_licences: Licences = ()
    follow_links: FollowLinks = False
    allow_damage: AllowDamage = False
    map: Columns = Field(default_factory=ColumnMap)
    unquoted: Unquoted = False
    threshold: Annotated[float, Flag("--threshold")] = Field(
        0.8, gt=0, le=1, description="Share of the wording that counts as found in long texts."
    )
    workers: Workers = 2

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if not self.corpus and not self.checkpoint:
            raise ValueError("name a corpus to look through, or a checkpoint whose training data is looked through")
        return self


def place_contamination(values: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """As :func:`place_evaluation`, and each corpus with a slash in it; one without may be a source of the lake."""
    placed, corpus = place_evaluation(values, folder), values.get("corpus")
    if isinstance(corpus, (list, tuple)):
        placed["corpus"] = tuple(
            str(_seen_from(folder, entry)) if isinstance(entry, str) and "/" in entry and "://" not in entry else entry
            for entry in corpus
        )
    return placed
