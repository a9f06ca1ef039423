"""The settings of the flow ``mix``."""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from gristmill.core.config import Config
from gristmill.core.flag import Flag
from gristmill.flows.fields import as_value_error
from gristmill.flows.train.launchers import LaunchSettings


class MixtureSettings(Config):
    """One mixture of domains."""

    name: str = Field(description="What people call it.")
    method: Literal["proportional", "uniform", "weights", "doremi"] = Field(description="How the weights are found.")
    weights: dict[str, float] = Field(default_factory=dict, description="Domain weights, for the method 'weights'.")
    steps: int = Field(150, ge=10, description="Optimiser steps of each proxy model, for the method 'doremi'.")

    @field_validator("name")
    @classmethod
    def _name_is_a_name(cls, value: str) -> str:
        return as_value_error(value, "mixture name")


class MixSettings(LaunchSettings):
    """Curated text to tokens and plans."""

    sources: Annotated[tuple[str, ...], Flag("--source")] = Field((), description="Corpora to take; all when left out.")
    target_tokens: Annotated[int, Flag("--target-tokens")] = Field(
        400_000, ge=10_000, description="Tokens that one training run reads."
    )
    max_epochs: Annotated[float, Flag("--max-epochs")] = Field(
        4.0, gt=0, description="No domain is repeated more often than this."
    )
    tokenizer: Annotated[str, Flag("--tokenizer")] = Field(
        "", description="A tokenizers file or a transformers folder; one is learnt from the text when left out."
    )
    eos: str = Field("", description="The token of that tokenizer that ends a text; found when left out.")
    tokenizer_model: Literal["bpe", "unigram"] = Field("bpe", description="What is learnt when no tokenizer is named.")
    vocabulary: int = Field(4096, ge=300, le=1 << 20, description="Size of the vocabulary that is learnt.")
    row_tokens: int = Field(256, ge=16, description="Length of a training row in tokens.")
    heldout_share: float = Field(0.03, gt=0, lt=0.5, description="Share of documents kept apart for bits per byte.")
    seed: int = Field(0, ge=0, description="Seed of the data order.")
    mixtures: Annotated[
        tuple[MixtureSettings, ...],
        Flag("--method", "proportional, uniform or doremi; repeat for several mixtures.", required=True),
    ] = Field(
        (
            MixtureSettings(name="proportional", method="proportional"),
            MixtureSettings(name="doremi", method="doremi"),
        ),
        min_length=1,
        description="One training run is made for each. A method alone, such as uniform, is a mixture of that name.",
    )

    @field_validator("mixtures", mode="before")
    @classmethod
    def _methods(cls, mixtures: Any) -> Any:
        """A method alone stands for the mixture that is called so; one that is named twice is one mixture."""
        if not isinstance(mixtures, (list, tuple)):
            return mixtures
        each = [
            entry for place, entry in enumerate(mixtures) if not isinstance(entry, str) or entry not in mixtures[:place]
        ]
        return [{"name": entry, "method": entry} if isinstance(entry, str) else entry for entry in each]

    def lasting(self) -> dict[str, Any]:
        """What the result depends on: not where trials run, nor where the tokenizer is (the lake has a copy)."""
        return self.model_dump(mode="json", exclude={*LaunchSettings.model_fields, "tokenizer"})

    def resized(self, tokens: int) -> "MixSettings":
        """The same mix for runs of ``tokens`` tokens; proxy models are trained in proportion, 10 steps at least."""
        share = tokens / self.target_tokens
        mixtures = [
            mixture.model_copy(update={"steps": max(10, round(mixture.steps * share))}) for mixture in self.mixtures
        ]
        return self.model_copy(update={"target_tokens": tokens, "mixtures": tuple(mixtures)})
