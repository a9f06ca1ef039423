"""The settings of ``classifier train`` and ``classifier score``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from gristmill.core.config import Config
from gristmill.core.flag import Flag
from gristmill.flows.fields import AllowDamage, Columns, FollowLinks, InputWord, Unquoted
from gristmill.tasks.classifier.config import ModelConfig, TrainConfig
from gristmill.tasks.ingest.readers.rows.columns import ColumnMap

TEXTS = "Files, folders or globs of text: JSON Lines, Parquet, CSV, WET, text files; repeatable."


class ReadingSettings(Config):
    """How texts are read, as a curation reads its inputs."""

    map: Columns = Field(default_factory=ColumnMap)
    unquoted: Unquoted = False
    follow_links: FollowLinks = False
    allow_damage: AllowDamage = False


class TrainingTexts(Config):
    """Good and other texts, and where the classifier that separates them goes."""

    positive: Annotated[tuple[InputWord, ...], Flag("--positive", f"Good texts. {TEXTS}")] = Field(
        min_length=1, description="Good texts: files, folders or globs."
    )
    negative: Annotated[
        tuple[InputWord, ...], Flag("--negative", "The other texts, such as a sample of the crawl; repeatable.")
    ] = Field(min_length=1, description="The other texts, such as a sample of the crawl.")
    out: Annotated[Path, Flag("--out")] = Field(description="New folder for the model, its card and its picture.")


class ThresholdSettings(Config):
    """How the threshold is chosen."""

    keep_share: Annotated[
        float | None, Flag("--keep-share", "Choose the threshold that keeps this share (default 0.1).")
    ] = Field(None, gt=0, lt=1, description="Choose the threshold that keeps this share; 0.1 when left out.")
    precision: Annotated[float | None, Flag("--precision")] = Field(
        None, gt=0, lt=1, description="Choose the lowest threshold with this precision instead."
    )
    pool: Annotated[
        tuple[InputWord, ...],
        Flag("--pool", "The texts that --keep-share is a share of, such as the whole crawl; repeatable."),
    ] = Field((), description="The texts that keep_share is a share of, such as the whole crawl.")

    @model_validator(mode="after")
    def _one_threshold(self) -> Self:
        if self.keep_share is not None and self.precision is not None:
            raise ValueError("--keep-share and --precision choose the threshold in two ways; give one of them")
        if self.pool and self.precision is not None:
            raise ValueError(
                "--pool is what --keep-share is a share of, and a precision needs labelled texts: leave it out"
            )
        return self


class ClassifierTrainSettings(ModelConfig, ThresholdSettings, ReadingSettings, TrainingTexts):
    """The settings of ``classifier train``; the fields of the last base come first."""

    def config(self) -> TrainConfig:
        """The settings of the training."""
        model = {name: getattr(self, name) for name in ModelConfig.model_fields}
        if self.precision is not None:
            return TrainConfig.model_validate(model | {"threshold_by": "precision", "wanted": self.precision})
        wanted = {} if self.keep_share is None else {"wanted": self.keep_share}
        return TrainConfig.model_validate(model | wanted)


class Scorer(Config):
    """A classifier, and how many scores are shown."""

    model: Annotated[Path, Flag("--model")] = Field(
        description="Folder that `classifier train` wrote, or a fastText model file."
    )
    label: Annotated[str | None, Flag("--label")] = Field(
        None, description="The label of good texts, for a model without a card."
    )
    rows: Annotated[int, Flag("--rows")] = Field(20, ge=0, description="Number of texts to show; --json prints all.")


class ClassifierScoreSettings(ReadingSettings, Scorer):
    """The settings of ``classifier score``; the fields of the last base come first."""


def place_classifier(values: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Settings of a file, with its inputs and its folders as seen from ``folder``."""
    placed = dict(values)
    for name in ("positive", "negative", "pool"):
        if isinstance(entries := placed.get(name), (list, tuple)):
            placed[name] = tuple(_placed(entry, folder) for entry in entries)
    for name in ("out", "model"):
        if name in placed:
            placed[name] = _placed(placed[name], folder)
    return placed


def _placed(entry: Any, folder: Path) -> Any:
    """A path as seen from ``folder``; an address, and what is not text, as it is."""
    return str(folder / Path(entry).expanduser()) if isinstance(entry, str) and "://" not in entry else entry
