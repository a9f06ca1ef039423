"""What the flows are told: one frozen model for each flow, and the file that holds all of them.

The same models are the YAML of ``gristmill run``, the parameters of the flows and the run form of the Prefect server,
where their descriptions appear beside the fields and wrong values are refused before a run starts.
"""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from gristmill.core.config import Config, Size, did_you_mean
from gristmill.core.errors import UsageError
from gristmill.core.files.places import check_name
from gristmill.core.memory import DEFAULT as MEMORY
from gristmill.core.memory import Memory
from gristmill.schemas.evaluation import EvaluationMeans
from gristmill.schemas.submission import place_suite
from gristmill.tasks.dedup.config import DedupConfig, LineSettings
from gristmill.tasks.dedup.minhash import PRESETS
from gristmill.tasks.extraction.extract import ExtractConfig
from gristmill.tasks.ingest.grouping import Grouping
from gristmill.tasks.ingest.names import storable
from gristmill.tasks.ingest.readers.rows.columns import ColumnMap
from gristmill.tasks.signals.language import Detector

Workers = Annotated[int, Field(ge=1, le=256, description="Shards worked on at the same time.")]
InputWord = Annotated[str, AfterValidator(storable)]
LakePath = Annotated[str, Field(min_length=1, description="Folder of the lake. Created when it does not exist.")]


def _as_value_error(value: str, what: str) -> str:
    try:
        return check_name(value, what)
    except UsageError as error:
        raise ValueError(str(error)) from error


class DedupSettings(Config):
    """How duplicates are found and proved."""

    preset: str = Field("fineweb", description=f"MinHash shingles, bands and rows: {', '.join(PRESETS)}.")
    threshold: float = Field(0.75, gt=0, le=1, description="Exact Jaccard similarity that makes a pair a duplicate.")
    max_loss: float = Field(
        0.9,
        gt=0,
        le=1,
        description="Stop when near-duplicates would remove more than this share of a source's kept documents.",
    )
    url: bool = Field(False, description="Of several documents of one URL keep the newest.")
    lines: LineSettings | None = Field(None, description="Cut lines that many documents share; off when left out.")
    against: tuple[str, ...] = Field(
        (), description="Sources of this lake to deduplicate against, as if all were curated in one run."
    )
    keep_earlier: bool = Field(
        False, description="What the curations named in 'against' kept stays, whatever comes now."
    )
    parts: int = Field(
        1, ge=1, le=4096, description="Runs that the join of all bands is cut into; a cluster shares them."
    )
    memory: Memory = Field(MEMORY, description="Memory of each global step of deduplication, such as 2GiB.")

    @field_validator("preset")
    @classmethod
    def _known(cls, preset: str) -> str:
        if preset not in PRESETS:
            raise ValueError(f"there is no preset {preset!r}{did_you_mean(preset, list(PRESETS))}")
        return preset

    def config(self) -> DedupConfig:
        """The settings of the steps."""
        shared = self.model_dump(include={"threshold", "max_loss", "url"})
        return DedupConfig(minhash=PRESETS[self.preset], lines=self.lines, memory=self.memory, **shared)


class CurateSettings(Config):
    """A crawl, and how it becomes curated Parquet."""

    source: str = Field(description="Name of the corpus; part of every doc_id.")
    inputs: tuple[InputWord, ...] = Field(
        min_length=1,
        description="Files, folders, globs, s3:// and http(s):// addresses, or cc://CRAWL?paths=0-9 of Common Crawl.",
    )
    follow_links: bool = Field(False, description="Read links that lead out of an input folder, too.")
    allow_damage: bool = Field(False, description="End well although nothing could be read of a named input.")
    allow_empty: bool = Field(False, description="End well although not one record was kept.")
    policy: str = Field("fineweb@code", description="A preset's name, or the path of a policy file.")
    map: ColumnMap = Field(default_factory=ColumnMap, description="Columns of JSONL, Parquet and CSV.")
    unquoted: bool = Field(False, description="Quotes of CSV and TSV are plain characters: every line is a row.")
    grouping: Grouping = Field(default_factory=Grouping, description="Which small files are read together.")
    shard_bytes: Size = Field(256 << 20, ge=1 << 12, le=1 << 30, description="Payload of one shard, at most.")
    extract: ExtractConfig = Field(default_factory=ExtractConfig, description="How HTML becomes text.")
    language_model: str | None = Field(None, description="A fastText language model; lid.176 when left out.")
    detector: Detector = Field("fasttext", description="'both' asks py3langid too and says whether the two agree.")
    classifier: str | None = Field(None, description="A quality classifier: a folder or fastText model file.")
    url_lists: str | None = Field(None, description="A folder of URL blocklists in UT1 layout.")
    decontaminate: str | None = Field(None, description="An index of evaluation items to look for in every document.")
    signals: Literal["policy", "all"] = Field(
        "policy", description="Sets of signals: the common ones and those the policy looks at, or all."
    )
    dedup: DedupSettings = Field(default_factory=DedupSettings, description="How duplicates are found.")
    workers: Workers = 2
    engine: Literal["local", "ray"] = Field("local", description="Where shards are worked on.")
    ray_address: str = Field("auto", description="Address of the Ray cluster; 'local' starts one here.")
    part: str | None = Field(
        None,
        pattern=r"^[1-9]\d*/[1-9]\d*$",
        description="Only part i of n of the inputs, as i/n, up to deduplication; a run without it finds them done.",
    )

    @field_validator("source")
    @classmethod
    def _source_is_a_name(cls, value: str) -> str:
        return _as_value_error(value, "source")

    @field_validator("part")
    @classmethod
    def _part_is_one_of_all(cls, value: str | None) -> str | None:
        if value is not None and int(value.partition("/")[0]) > int(value.partition("/")[2]):
            raise ValueError(f"part {value}: there are only {value.partition('/')[2]} parts")
        return value

    @model_validator(mode="after")
    def _not_against_itself(self) -> Self:
        if self.source in self.dedup.against:
            raise ValueError(f"dedup.against names {self.source!r} itself, which is deduplicated anyway; leave it out")
        return self

    def lasting(self) -> dict[str, Any]:
        """What the outcome depends on: not where or how fast it was made, nor where the inputs lie."""
        return self.model_dump(
            mode="json",
            exclude={
                "inputs": True,
                "follow_links": True,
                "allow_damage": True,
                "allow_empty": True,
                "workers": True,
                "engine": True,
                "ray_address": True,
                "part": True,
                "dedup": {"memory"},
            },
        )


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

    def resized(self, tokens: int) -> "MixSettings":
        """The same mix for runs of ``tokens`` tokens; proxy models are trained in proportion, 10 steps at least."""
        share = tokens / self.target_tokens
        mixtures = [
            mixture.model_copy(update={"steps": max(10, round(mixture.steps * share))}) for mixture in self.mixtures
        ]
        return self.model_copy(update={"target_tokens": tokens, "mixtures": tuple(mixtures)})


class TrainSettings(Config):
    """One training run for each mixture."""

    recipe: Literal["tiny"] = Field("tiny", description="Model and optimiser: tiny is 1.4 M parameters, for CPU.")
    launcher: Literal["local"] = Field("local", description="What starts and follows the job.")
    checkpoints: int = Field(3, ge=1, le=50, description="Checkpoints saved, evenly spaced; the last is the end.")
    batch_rows: int = Field(16, ge=1, description="Rows of the plan in one optimiser step.")
    learning_rate: float = Field(3e-3, gt=0, description="Peak learning rate.")
    seed: int = Field(0, ge=0, description="Seed of the initial weights.")


class EvaluateSettings(EvaluationMeans):
    """What every checkpoint is scored on, and with what."""

    suites: tuple[str, ...] = Field(
        ("gristmill-code", "gristmill-mathematics", "gristmill-reading"),
        description="Names of suites, or YAML files; humaneval@50 takes 50 items of humaneval.",
    )
    heldout_bytes: int = Field(60_000, ge=1_000, description="Held-out text for bits per byte, bytes a domain.")


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


class PipelineSettings(Config):
    """The whole way: curate, mix, train, evaluate, publish."""

    curate: CurateSettings = Field(description="What to read, what to call it, and how to decide.")
    mix: MixSettings = Field(default_factory=MixSettings, description="Tokenizer, goal and mixtures.")
    train: TrainSettings = Field(default_factory=TrainSettings, description="Recipe, launcher and checkpoints.")
    evaluate: EvaluateSettings = Field(default_factory=EvaluateSettings, description="Suites and held-out text.")
    schedule: str = Field("0 2 * * *", description="Cron expression of the scheduled pipeline, in UTC.")


def load_pipeline(path: Path) -> PipelineSettings:
    """Read a pipeline file; inputs, policy files and files of suites that are relative are relative to it.

    Raises :class:`UsageError` for a missing file, wrong YAML, an unknown key or a wrong value.
    """
    settings = PipelineSettings.load(path)
    folder = path.resolve().parent
    inputs = tuple(
        entry if "://" in entry else str(folder / Path(entry).expanduser()) for entry in settings.curate.inputs
    )
    suites = tuple(place_suite(suite, folder) for suite in settings.evaluate.suites)
    policy = settings.curate.policy
    if policy.endswith((".yaml", ".yml")):
        policy = str(folder / Path(policy).expanduser())
    return settings.model_copy(
        update={
            "curate": settings.curate.model_copy(update={"inputs": inputs, "policy": policy}),
            "evaluate": settings.evaluate.model_copy(update={"suites": suites}),
        }
    )
