"""What the flows are told: one frozen model for each flow, and the file that holds all of them.

The same models are the YAML of ``gristmill run``, the parameters of the flows and the run form of the Prefect server,
where their descriptions appear beside the fields and wrong values are refused before a run starts.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from schemas.config import Config
from schemas.errors import UsageError
from schemas.lake import check_name

Workers = Annotated[int, Field(ge=1, le=256, description="Shards worked on at the same time.")]
LakePath = Annotated[str, Field(min_length=1, description="Folder of the lake. Created when it does not exist.")]


def _as_value_error(value: str, what: str) -> str:
    try:
        return check_name(value, what)
    except UsageError as error:
        raise ValueError(str(error)) from error


class DedupSettings(Config):
    """How near-duplicates are found and proved."""

    preset: Literal["fineweb", "26x11"] = Field("fineweb", description="MinHash bands and rows.")
    threshold: float = Field(0.75, gt=0, le=1, description="Exact Jaccard similarity that makes a pair a duplicate.")
    max_loss: float = Field(
        0.9,
        gt=0,
        le=1,
        description="Stop when near-duplicates would remove more than this share of the kept documents.",
    )


class CurateSettings(Config):
    """A crawl, and how it becomes curated Parquet."""

    source: str = Field(description="Name of the corpus; part of every doc_id.")
    inputs: tuple[str, ...] = Field(
        min_length=1, description="Files, folders or globs: WARC, WET, JSONL, Parquet, text."
    )
    policy: str = Field("fineweb", description="A preset's name, or the path of a policy file.")
    dedup: DedupSettings = Field(default_factory=DedupSettings, description="How duplicates are found.")
    text_column: str = Field("text", description="Column of JSONL and Parquet that holds the text.")
    workers: Workers = 2

    @field_validator("source")
    @classmethod
    def _source_is_a_name(cls, value: str) -> str:
        return _as_value_error(value, "source")


class MixtureSettings(Config):
    """One mixture of domains."""

    name: str = Field(description="What people call it.")
    method: Literal["proportional", "uniform", "weights", "doremi"] = Field(description="How the weights are found.")
    weights: dict[str, float] = Field(default_factory=dict, description="Domain weights, for the method 'weights'.")
    steps: int = Field(150, ge=10, description="Optimiser steps of each proxy model, for the method 'doremi'.")

    @field_validator("name")
    @classmethod
    def _name_is_a_name(cls, value: str) -> str:
        return _as_value_error(value, "mixture name")


class MixSettings(Config):
    """Curated text to tokens and plans."""

    sources: tuple[str, ...] = Field((), description="Corpora to take; empty means all that are curated.")
    target_tokens: int = Field(400_000, ge=10_000, description="Tokens one training run reads.")
    max_epochs: float = Field(4.0, gt=0, description="No domain is repeated more often than this.")
    vocabulary: int = Field(4096, ge=300, le=65_536, description="Size of the BPE vocabulary.")
    row_tokens: int = Field(256, ge=16, description="Length of a training row in tokens.")
    heldout_share: float = Field(0.03, gt=0, lt=0.5, description="Share of documents kept apart for bits per byte.")
    seed: int = Field(0, ge=0, description="Seed of the data order.")
    mixtures: tuple[MixtureSettings, ...] = Field(
        (
            MixtureSettings(name="proportional", method="proportional"),
            MixtureSettings(name="doremi", method="doremi"),
        ),
        min_length=1,
        description="One training run is made for each.",
    )


class TrainSettings(Config):
    """One training run for each mixture."""

    recipe: Literal["tiny"] = Field("tiny", description="Model and optimiser: tiny is 1.4 M parameters, for CPU.")
    launcher: Literal["local"] = Field("local", description="What starts and follows the job.")
    checkpoints: int = Field(3, ge=1, le=50, description="Checkpoints saved, evenly spaced; the last is the end.")
    batch_rows: int = Field(16, ge=1, description="Rows of the plan in one optimiser step.")
    learning_rate: float = Field(3e-3, gt=0, description="Peak learning rate.")
    seed: int = Field(0, ge=0, description="Seed of the initial weights.")


class EvaluateSettings(Config):
    """What every checkpoint is scored on."""

    suites: tuple[str, ...] = Field(
        ("gristmill-code", "gristmill-mathematics", "gristmill-reading"), description="Names of suites, or YAML files."
    )
    heldout_bytes: int = Field(60_000, ge=1_000, description="Held-out text for bits per byte, bytes a domain.")


class PipelineSettings(Config):
    """The whole way: curate, mix, train, evaluate, publish."""

    curate: CurateSettings = Field(description="What to read, what to call it, and how to decide.")
    mix: MixSettings = Field(default_factory=MixSettings, description="Tokenizer, goal and mixtures.")
    train: TrainSettings = Field(default_factory=TrainSettings, description="Recipe, launcher and checkpoints.")
    evaluate: EvaluateSettings = Field(default_factory=EvaluateSettings, description="Suites and held-out text.")
    schedule: str = Field("0 2 * * *", description="Cron expression of the scheduled pipeline, in UTC.")


def load_pipeline(path: Path) -> PipelineSettings:
    """Read a pipeline file; inputs and policy files that are relative are relative to it.

    Raises :class:`UsageError` for a missing file, wrong YAML, an unknown key or a wrong value.
    """
    settings = PipelineSettings.load(path)
    folder = path.resolve().parent
    inputs = tuple(
        entry if "://" in entry else str(folder / Path(entry).expanduser()) for entry in settings.curate.inputs
    )
    policy = settings.curate.policy
    if policy.endswith((".yaml", ".yml")):
        policy = str(folder / Path(policy).expanduser())
    return settings.model_copy(
        update={"curate": settings.curate.model_copy(update={"inputs": inputs, "policy": policy})}
    )
