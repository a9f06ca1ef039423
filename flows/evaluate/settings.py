"""The settings of the flows ``evaluate`` and ``contamination``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from gristmill.core.config import Config
from gristmill.core.flag import Flag
from gristmill.flows.fields import InputWord, Workers
from gristmill.schemas.evaluation import EvaluationMeans
from gristmill.schemas.submission import place_suite
from gristmill.tasks.ingest.readers.rows.columns import ColumnMap


class EvaluateSettings(EvaluationMeans):
    """What every checkpoint is scored on, and with what."""

    suites: Annotated[
        tuple[str, ...],
        Flag(
            "--suite",
            "Name of a suite, or a YAML file of your own; repeatable; those that come with Gristmill when left out.",
        ),
    ] = Field(
        ("gristmill-code", "gristmill-mathematics", "gristmill-reading"),
        description="Names of suites, or YAML files; humaneval@50 takes 50 items of humaneval.",
    )
    heldout_bytes: int = Field(60_000, ge=1_000, description="Held-out text for bits per byte, bytes a domain.")


def place_evaluation(values: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Settings of a file, as it writes them: files of suites that are relative are relative to ``folder``."""
    placed, suites = dict(values), values.get("suites")
    if isinstance(suites, (list, tuple)):
        placed["suites"] = tuple(place_suite(suite, folder) if isinstance(suite, str) else suite for suite in suites)
    return placed


class ContaminationSettings(Config):
    """Which items are looked for, and where: in a corpus, or in what a checkpoint was trained on."""

    suites: tuple[str, ...] = Field(
        min_length=1, description="Names of suites, or YAML files; a limit as humaneval@50."
    )
    corpus: tuple[InputWord, ...] = Field(
        (), description="Curated sources of the lake; or files, folders, globs, addresses."
    )
    checkpoint: str = Field("", description="Label or digest of a checkpoint: its training data, or its scores.")
    name: str = Field("", description="What to call the corpus; the names of its sources when left out.")
    data: str = Field("", description="Folder with the files of benchmarks; GRISTMILL_DATA when left out.")
    accept_licences: tuple[str, ...] = Field((), description="Non-commercial licences that your use is allowed by.")
    follow_links: bool = Field(False, description="Read links that lead out of an input folder, too.")
    allow_damage: bool = Field(False, description="Look on although nothing could be read of a named input.")
    map: ColumnMap = Field(default_factory=ColumnMap, description="Columns of JSONL, Parquet and CSV.")
    unquoted: bool = Field(False, description="Quotes of CSV and TSV are plain characters: every line is a row.")
    threshold: float = Field(0.8, gt=0, le=1, description="Share of the wording that counts as found in long texts.")
    workers: Workers = 2

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if not self.corpus and not self.checkpoint:
            raise ValueError("name a corpus to look through, or a checkpoint whose training data is looked through")
        return self
