"""The settings of the flow ``mix``: what to read, what for, and the mixtures to find, one model a method."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from gristmill.core.config import Config, Printable
from gristmill.core.flag import Flag
from gristmill.flows.fields import as_value_error, value_or_error
from gristmill.flows.train.launchers import LaunchSettings
from gristmill.tasks.domains.rules import DomainRules, read_rules
from gristmill.tasks.mix.mixers.curriculum import Curriculum
from gristmill.tasks.mix.mixers.doremi import DoReMiConfig
from gristmill.tasks.mix.mixers.mixer import Cap, Goal
from gristmill.tasks.mix.mixers.mixmin import MixMinConfig
from gristmill.tasks.mix.mixers.rules import TemperatureConfig
from gristmill.tasks.mix.mixers.swarm.settings import SwarmConfig

LEAST_STEPS = 10
BASELINES = ("proportional", "uniform")
"""What every mixture is shown beside, by :func:`gristmill.tasks.mix.mixers.caps.beside_baselines`."""


class Named(Config):
    """What every mixture has."""

    name: str = Field(description="What people call it.")
    curriculum: Curriculum | None = Field(
        None,
        exclude_if=lambda value: value is None,
        description="Stages of its own; those of all mixtures when left out.",
    )

    @field_validator("name")
    @classmethod
    def _name_is_a_name(cls, value: str) -> str:
        return as_value_error(value, "mixture name")

    def resized(self, share: float) -> Self:
        """The same with trials of ``share`` of the steps, 10 at least."""
        return self


class MixtureSettings(Named):
    """A mixture by a rule, by given weights (``weights``, also called ``static``), or by DoReMi.

    The fields are those of stored keys, so they are one model, and ``options`` is left out while it is not given.
    """

    method: Literal["proportional", "uniform", "weights", "static", "doremi"] = Field(
        description="How the weights are found."
    )
    weights: dict[str, float] = Field(default_factory=dict, description="Domain weights, for the method 'weights'.")
    steps: int = Field(150, ge=LEAST_STEPS, description="Optimiser steps of each proxy model, for the method 'doremi'.")
    options: DoReMiConfig | None = Field(
        None, exclude_if=lambda value: value is None, description="More settings of the method 'doremi'."
    )

    @model_validator(mode="before")
    @classmethod
    def _steps_once(cls, values: Any) -> Any:
        """Steps stand in ``steps`` or in ``options.budget.steps``; the other is filled in."""
        options = values.get("options") if isinstance(values, Mapping) else None
        if not isinstance(options, Mapping) or not isinstance(budget := options.get("budget", {}), Mapping):
            return values
        given = [steps for steps in (values.get("steps"), budget.get("steps")) if steps is not None]
        if len(set(given)) > 1:
            raise ValueError(f"steps is {given[0]} and options.budget.steps is {given[1]}: give it once")
        steps = given[0] if given else cls.model_fields["steps"].default
        return {**values, "steps": steps, "options": {**options, "budget": {**budget, "steps": steps}}}

    @field_validator("method")
    @classmethod
    def _one_name(cls, value: str) -> str:
        return "weights" if value == "static" else value

    @model_validator(mode="after")
    def _fits_the_method(self) -> Self:
        if self.method == "weights" and not self.weights:
            raise ValueError("this method needs weights, such as `weights: {code: 0.4, prose: 0.6}`; they sum to 1")
        if self.method != "weights" and self.weights:
            raise ValueError(f"{self.method} finds its own weights: leave weights out, or take the method static")
        if self.method != "doremi" and self.options is not None:
            raise ValueError(f"{self.method} has no options: leave options out")
        return self

    def resized(self, share: float) -> Self:
        """See :class:`Named`."""
        steps = max(LEAST_STEPS, round(self.steps * share))
        options = self.options
        if options is not None:
            options = options.model_copy(update={"budget": options.budget.model_copy(update={"steps": steps})})
        return self.model_copy(update={"steps": steps, "options": options})


class TemperatureSettings(Named):
    """A mixture between proportional and uniform."""

    method: Literal["temperature"] = Field(description="How the weights are found.")
    options: TemperatureConfig = TemperatureConfig()


class UniMaxSettings(Named):
    """A mixture that is uniform as far as the caps allow."""

    method: Literal["unimax"] = Field(description="How the weights are found.")


class SwarmSettings(Named):
    """A mixture by a law of loss that is fitted to many small trials."""

    method: Literal["swarm"] = Field(description="How the weights are found.")
    options: SwarmConfig = SwarmConfig()

    def resized(self, share: float) -> Self:
        """See :class:`Named`."""
        return self.model_copy(update={"options": _shorter(self.options, share)})


class MixMinSettings(Named):
    """A mixture under which a target text is likeliest, by one small model a domain."""

    method: Literal["mixmin"] = Field(description="How the weights are found.")
    options: MixMinConfig = MixMinConfig()

    def resized(self, share: float) -> Self:
        """See :class:`Named`."""
        return self.model_copy(update={"options": _shorter(self.options, share)})


AnyMixture = Annotated[
    MixtureSettings | TemperatureSettings | UniMaxSettings | SwarmSettings | MixMinSettings,
    Field(discriminator="method"),
]


class DomainCap(Config):
    """How often one domain may be seen, where that is not ``max_epochs``."""

    domain: str = Field(description="The domain.")
    epochs: float = Field(gt=0, description="It is repeated no more often than this.")
    reason: Printable = Field(min_length=1, description="Why; it is shown beside the cap.")


class MixSettings(LaunchSettings):
    """Curated text to tokens and plans."""

    sources: Annotated[tuple[str, ...], Flag("--source")] = Field((), description="Corpora to take; all when left out.")
    domains: Annotated[
        DomainRules | None, Flag("--domains", "File of rules that give each document its domain (YAML).")
    ] = Field(
        None,
        exclude_if=lambda value: value is None,
        description="Rules that give each document its domain, or a file of them; the curation's when left out.",
    )
    target_tokens: Annotated[int, Flag("--target-tokens")] = Field(
        400_000, ge=10_000, description="Tokens that one training run reads."
    )
    max_epochs: Annotated[float, Flag("--max-epochs")] = Field(
        4.0, gt=0, description="No domain is repeated more often than this."
    )
    caps: tuple[DomainCap, ...] = Field(
        (), exclude_if=lambda value: not value, description="Domains with a cap of their own, each with its reason."
    )
    minimums: dict[str, float] = Field(
        default_factory=dict,
        exclude_if=lambda value: not value,
        description="Shares that domains keep whatever a method finds.",
    )
    prior: dict[str, float] | None = Field(
        None,
        exclude_if=lambda value: value is None,
        description="The mixture that methods start from; proportional to tokens when left out.",
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
    curriculum: Curriculum | None = Field(
        None,
        exclude_if=lambda value: value is None,
        description="Stages of every mixture without its own: a preset, or a list. One shuffled stage when left out.",
    )
    mixtures: Annotated[
        tuple[AnyMixture, ...],
        Flag(
            "--method",
            "proportional, uniform, temperature, unimax, doremi, swarm or mixmin, or a mixture of the settings file by "
            "its name; repeat for several mixtures.",
            required=True,
        ),
    ] = Field(
        (
            MixtureSettings(name="proportional", method="proportional"),
            MixtureSettings(name="doremi", method="doremi"),
        ),
        min_length=1,
        description="One training run is made for each. A method alone, such as uniform, is a mixture of that name.",
    )

    @field_validator("domains", mode="before")
    @classmethod
    def _rules_of_a_file(cls, value: Any) -> Any:
        """A path stands for the rules in that file."""
        return value_or_error(lambda: read_rules(Path(value))) if isinstance(value, str) else value

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

    @field_validator("mixtures")
    @classmethod
    def _names_differ(cls, mixtures: tuple[AnyMixture, ...]) -> tuple[AnyMixture, ...]:
        names = [mixture.name for mixture in mixtures]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two mixtures are called {twice[0]!r}: give each a name of its own")
        for mixture in mixtures:
            if mixture.name in BASELINES and mixture.method != mixture.name:
                raise ValueError(
                    f"a mixture by {mixture.method} is called {mixture.name!r}, like a baseline that is shown beside "
                    "it: give it another name"
                )
        return mixtures

    def lasting(self) -> dict[str, Any]:
        """What the result depends on: not where trials run, nor where the tokenizer is (the lake has a copy)."""
        return self.model_dump(mode="json", exclude={*LaunchSettings.model_fields, "tokenizer"})

    @property
    def goal(self) -> Goal:
        """What the mixtures are for."""
        caps = {cap.domain: Cap(cap.epochs, cap.reason) for cap in self.caps}
        return Goal(self.target_tokens, self.max_epochs, self.minimums, self.prior, caps)

    def resized(self, tokens: int) -> "MixSettings":
        """The same mix for runs of ``tokens`` tokens; proxy models are trained in proportion, 10 steps at least."""
        share = tokens / self.target_tokens
        mixtures = tuple(
            mixture.resized(share).model_copy(update={"curriculum": _resized(mixture.curriculum, share)})
            for mixture in self.mixtures
        )
        update = {"target_tokens": tokens, "mixtures": mixtures, "curriculum": _resized(self.curriculum, share)}
        return self.model_copy(update=update)


def chosen(wanted: Sequence[str], described: Sequence[Any]) -> list[Any]:
    """Mixtures as ``--method`` names them: those that a settings file describes under that name or, where no name fits,
    for that method; else the word itself, which stands for the method with its defaults."""
    entries = [entry for entry in described if isinstance(entry, Mapping)]

    def of(word: str) -> list[Any]:
        by_name = [entry for entry in entries if entry.get("name") == word]
        return by_name or [entry for entry in entries if entry.get("method") == word] or [word]

    return [entry for word in dict.fromkeys(wanted) for entry in of(word)]


def _resized(curriculum: Curriculum | None, share: float) -> Curriculum | None:
    return None if curriculum is None else curriculum.resized(share)


def _shorter(options: Any, share: float) -> Any:
    steps = max(LEAST_STEPS, round(options.budget.steps * share))
    return options.model_copy(update={"budget": options.budget.model_copy(update={"steps": steps})})
