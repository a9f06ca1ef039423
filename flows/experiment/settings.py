"""The file of an experiment: a control, arms, the outcomes that count, and what it may cost."""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from gristmill.core.config import Config, Printable
from gristmill.core.digests import digest_json
from gristmill.core.files.places import check_name
from gristmill.flows.evaluate.settings import EvaluateSettings, place_evaluation
from gristmill.flows.fields import as_value_error
from gristmill.flows.train.settings import TrainSettings
from gristmill.tasks.experiment.arms import Arm

CONTROL = "control"
SEEDS_KNOWN = 3
PRIOR_NOISE = 0.01
"""Standard deviation of the paired difference between seeds that ``plan`` assumes before there are runs."""


class Outcome(Config):
    """What is measured of every run: a suite, or the held-out text of a domain."""

    suite: str = Field("heldout", description="A suite of evaluate.suites, or heldout: bits per byte.")
    subset: str = Field("all", description="A domain of the held-out text or a subject of the suite; all of it.")
    primary: bool = Field(False, description="Whether it counts: verdicts of primary outcomes share the 5 % level.")
    smallest: float | None = Field(
        None, gt=0, description="The smallest effect that would matter to you; below it an effect is called none."
    )
    noise: float | None = Field(
        None, gt=0, description="Standard deviation of the paired difference between seeds, as expected beforehand."
    )
    predicted: dict[str, Literal["up", "down", "none"]] = Field(
        default_factory=dict, description="What you expect of each arm; stored before the first job."
    )

    @property
    def name(self) -> str:
        """``heldout/code``."""
        return f"{self.suite}/{self.subset}"


class ExperimentSettings(Config):
    """An experiment. Arms and control read equally many tokens in equally many steps from the same token store."""

    question: Printable = Field("", description="What is asked, in a sentence; shown with the result.")
    sources: tuple[str, ...] = Field((), description="Curated sources to take; all when left out.")
    control: Arm = Field(default_factory=Arm, description="What arms are compared with.")
    arms: dict[str, Arm] = Field(min_length=1, description="Each a change of the data, by name.")
    weights: dict[str, float] | None = Field(
        None, description="Shares of domains in the control, of sum 1; in proportion to its tokens when left out."
    )
    outcomes: tuple[Outcome, ...] = Field((Outcome(primary=True),), min_length=1, description="What is measured.")
    seeds: int = Field(8, ge=SEEDS_KNOWN, le=1000, description="Pairs of runs; 5 or fewer seldom show anything.")
    target_tokens: int = Field(200_000, ge=10_000, description="Tokens that each run reads.")
    max_epochs: float = Field(4.0, gt=0, description="No domain is repeated more often than this in any arm.")
    tokenizer: str = Field("", description="A tokenizers file or a transformers folder; learnt when left out.")
    vocabulary: int = Field(4096, ge=300, le=1 << 20, description="Size of the vocabulary that is learnt.")
    row_tokens: int = Field(129, ge=16, description="Length of a training row in tokens.")
    heldout_share: float = Field(0.05, gt=0, lt=0.5, description="Share of documents kept apart.")
    heldout_bytes: int = Field(60_000, ge=1_000, description="Held-out text for bits per byte, bytes a part.")
    train: TrainSettings = Field(default_factory=lambda: TrainSettings(checkpoints=1), description="As for `train`.")
    evaluate: EvaluateSettings = Field(
        default_factory=lambda: EvaluateSettings(suites=()), description="As for `evaluate`; no suites when left out."
    )

    @field_validator("arms")
    @classmethod
    def _names_are_names(cls, arms: dict[str, Arm]) -> dict[str, Arm]:
        for name in arms:
            as_value_error(name, "arm name")
            if name == CONTROL or "@" in name:
                raise ValueError(f"an arm cannot be called {name!r}: take another name, without @")
        return arms

    @model_validator(mode="before")
    @classmethod
    def _few_checkpoints(cls, values: Any) -> Any:
        """One checkpoint and no suites, unless the file says otherwise."""
        if not isinstance(values, dict):
            return values
        train, evaluate = values.get("train", {}), values.get("evaluate", {})
        if isinstance(train, dict):
            values = {**values, "train": {"checkpoints": 1, **train}}
        if isinstance(evaluate, dict):
            values = {**values, "evaluate": {"suites": (), **evaluate}}
        return values

    @model_validator(mode="after")
    def _fits_together(self) -> "ExperimentSettings":
        if self.weights is not None and abs(sum(self.weights.values()) - 1) > 1e-6:
            raise ValueError(f"weights sum to {sum(self.weights.values()):.6f}: make it 1")
        names = [outcome.name for outcome in self.outcomes]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"the outcome {twice[0]} is given twice")
        if not any(outcome.primary for outcome in self.outcomes):
            raise ValueError("no outcome is primary: mark those that decide with primary: true before anything runs")
        suites = [suite.partition("@")[0] for suite in self.evaluate.suites]
        for outcome in self.outcomes:
            if outcome.suite != "heldout" and outcome.suite not in suites:
                raise ValueError(f"the outcome {outcome.name} needs evaluate.suites to name {outcome.suite}")
            if unknown := sorted(set(outcome.predicted) - set(self.arms)):
                raise ValueError(f"the outcome {outcome.name} predicts {unknown[0]!r}, which is not an arm")
        if self.train.seed:
            raise ValueError("train.seed is the run's own seed here, from 0 to seeds - 1: leave it out")
        return self

    @classmethod
    def read(cls, path: Path) -> "ExperimentSettings":
        """The settings of a file, paths in it as seen from its folder. Raises :class:`UsageError`."""
        from gristmill.core.config import read_yaml

        values = read_yaml(path)
        if isinstance(values, dict) and isinstance(values.get("evaluate"), dict):
            placed = place_evaluation(values["evaluate"], path.resolve().parent)
            values = {**values, "evaluate": placed}
        return cls.parse(values, str(path))

    def all_arms(self) -> list[tuple[str, Arm]]:
        """The control and the arms, in order."""
        return [(CONTROL, self.control), *self.arms.items()]

    @property
    def digest(self) -> str:
        """Names the experiment's design: 32 hex digits. Where it runs is no part of it."""
        return digest_json(self.lasting())

    def lasting(self) -> dict[str, Any]:
        """What the result depends on."""
        values = self.model_dump(mode="json", exclude={"train", "evaluate", "question"})
        evaluate = self.evaluate.model_dump(mode="json", include={"suites"})
        return values | {"train": self.train.lasting(), "evaluate": evaluate}


def experiment_name(path: Path, name: str | None) -> str:
    """What the experiment is called: ``name``, or the file without its ending. Raises :class:`UsageError`."""
    return check_name(name or path.stem, "experiment")
