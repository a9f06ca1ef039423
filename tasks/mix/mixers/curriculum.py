"""A curriculum: stages that a mixture is trained in, each with its end, its weights and the order of its rows.

Weights are those that the method found, unless a stage has its own, or multiplies some of them (``boost``). Presets:

``annealing``            the last tenth of the tokens with more of the domains that are named, shuffled
``quality-ascending``    one stage, the best documents of each domain last (arXiv 2511.18903)
``long-documents-last``  one stage, the longest documents of each domain last

An order can only help where the learning rate is still high when it matters: see
:mod:`gristmill.tasks.train.stage_rates`. Pure; cost: none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal, Self, get_args

import numpy as np
from pydantic import Field, field_validator, model_validator

from gristmill.core.config import Config
from gristmill.core.errors import GristmillError
from gristmill.core.flag import Flag
from gristmill.tasks.mix.domains import Domain, Shares, named, vector
from gristmill.tasks.mix.mixers.mixer import Goal, Mixture, Order, Stage

Preset = Literal["annealing", "quality-ascending", "long-documents-last"]
LENGTH = "length"
SHUFFLED = "shuffled"


class OrderSettings(Config):
    """Rows in the order of a signal: its name alone stands for this, ascending."""

    by: str = Field(description="length, quality or a signal as policies name it, such as gopher_quality.words.")
    descending: bool = Field(False, description="The largest value first.")

    @field_validator("by")
    @classmethod
    def _is_a_signal(cls, signal: str) -> str:
        if signal != LENGTH:
            from gristmill.tasks.mix.orders.signals import signal_source  # the tables, which other mixtures do without

            signal_source(signal)
        return signal


class StageSettings(Config):
    """One stage. It ends at ``until``, and begins where the one before it ends."""

    until: float | None = Field(
        None, gt=0, le=1, description="Where it ends, as a share of the run's tokens; the last stage ends with the run."
    )
    until_token: int | None = Field(None, gt=0, description="The same as a number of tokens.")
    weights: dict[str, float] | None = Field(
        None, min_length=1, description="Its weights, which sum to 1; those that the method found when left out."
    )
    boost: dict[str, float] = Field(
        default_factory=dict, description="Domains whose weight is multiplied, by how much, before all are scaled to 1."
    )
    order: OrderSettings | None = Field(None, description="shuffled (when left out), or the signal that rows come by.")

    @field_validator("order", mode="before")
    @classmethod
    def _by_its_name(cls, order: Any) -> Any:
        return None if order == SHUFFLED else {"by": order} if isinstance(order, str) else order

    @field_validator("boost")
    @classmethod
    def _factors(cls, boost: dict[str, float]) -> dict[str, float]:
        return _checked(boost)

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        if self.until is not None and self.until_token is not None:
            raise ValueError("until and until_token say the same: give one of them")
        if self.weights is not None and self.boost:
            raise ValueError("boost multiplies the weights that the method found: give it, or weights")
        return self

    def end(self, tokens: int) -> int:
        """Where it ends in a run of so many tokens."""
        return self.until_token or round((self.until or 1.0) * tokens)

    @property
    def order_text(self) -> str:
        """The order as people read it."""
        if self.order is None:
            return SHUFFLED
        return f"{self.order.by}, {'descending' if self.order.descending else 'ascending'}"


class Curriculum(Config):
    """A preset with its settings, or stages. The name of a preset stands for it with its defaults."""

    preset: Annotated[
        Preset | None, Flag("--curriculum", "Order of training: annealing, quality-ascending or long-documents-last.")
    ] = Field(None, description="annealing, quality-ascending or long-documents-last.")
    last: float | None = Field(
        None, gt=0, lt=1, description="Of annealing: the share of the tokens that the last stage has; a tenth."
    )
    boost: dict[str, float] = Field(
        default_factory=dict, description="Of annealing: domains to see more of in the last stage, by which factor."
    )
    stages: tuple[StageSettings, ...] = Field((), description="Stages of your own, where no preset fits.")

    @field_validator("boost")
    @classmethod
    def _factors(cls, boost: dict[str, float]) -> dict[str, float]:
        return _checked(boost)

    @model_validator(mode="before")
    @classmethod
    def _by_its_name(cls, values: Any) -> Any:
        return {"preset": values} if isinstance(values, str) else values

    @model_validator(mode="after")
    def _fits_the_preset(self) -> Self:
        if (self.preset is None) == (not self.stages):
            raise ValueError(f"give a preset ({', '.join(get_args(Preset))}), or stages of your own")
        if self.preset != "annealing" and (self.boost or self.last is not None):
            raise ValueError("last and boost are of the preset annealing; a stage of your own has a boost of its own")
        if self.preset == "annealing" and not self.boost:
            raise ValueError(
                "annealing needs the domains to see more of: `boost: {code: 4}`, or --set curriculum.boost.code=4"
            )
        ends = [stage for stage in self.stages[:-1] if stage.until is None and stage.until_token is None]
        if ends:
            raise ValueError("every stage but the last needs its end: until, a share of the tokens, or until_token")
        return self

    def resized(self, share: float) -> Self:
        """The same for a run of ``share`` of the tokens."""
        stages = tuple(
            stage.model_copy(update={"until_token": max(1, round(stage.until_token * share))})
            if stage.until_token is not None
            else stage
            for stage in self.stages
        )
        return self.model_copy(update={"stages": stages})

    def all_stages(self) -> tuple[StageSettings, ...]:
        """The stages, of a preset too."""
        match self.preset:
            case None:
                return self.stages
            case "annealing":
                last = 0.1 if self.last is None else self.last
                return StageSettings(until=1 - last), StageSettings(boost=self.boost)
            case "quality-ascending":
                return (StageSettings(order=OrderSettings(by="quality")),)
            case "long-documents-last":
                return (StageSettings(order=OrderSettings(by=LENGTH)),)

    @property
    def signals(self) -> tuple[str, ...]:
        """The signals that its orders need beside the lengths, each once."""
        by = (stage.order.by for stage in self.all_stages() if stage.order is not None)
        return tuple(dict.fromkeys(signal for signal in by if signal != LENGTH))


def staged(mixture: Mixture, curriculum: Curriculum | None, domains: Sequence[Domain], goal: Goal) -> Mixture:
    """The mixture of one stage that a method found, in the stages of a curriculum.

    Raises :class:`GristmillError` for stages that do not end one after another, the last with the run, and for weights
    and factors that do not name these domains.
    """
    if curriculum is None:
        return mixture
    (found,) = mixture.stages
    stages: list[Stage] = []
    settings, total = curriculum.all_stages(), goal.target_tokens
    for number, stage in enumerate(settings):
        end = stage.end(total)
        begin = stages[-1].until_token if stages else 0
        if not begin < end <= total or (number == len(settings) - 1 and end != total):
            raise GristmillError(
                f"stage {number} of the curriculum goes from token {begin:,} to {end:,} of {total:,}: each ends after "
                "the one before it, and the last with the run. Correct until or until_token."
            )
        order = Order(stage.order.by, stage.order.descending) if stage.order is not None else None
        stages.append(Stage(end, _weights(stage, found.raw, domains), _weights(stage, found.weights, domains), order))
    return replace(mixture, stages=tuple(stages))


def _weights(stage: StageSettings, found: Shares, domains: Sequence[Domain]) -> dict[str, float]:
    if stage.weights is not None:
        return named(vector(stage.weights, domains), domains)
    names = [domain.name for domain in domains]
    if unknown := sorted(set(stage.boost) - set(names)):
        raise GristmillError(f"boost for unknown domains {unknown}. The token store holds {names}.")
    raised = vector(found, domains) * np.array([stage.boost.get(name, 1.0) for name in names])
    if not raised.sum():
        raise GristmillError("boost leaves no domain any weight. Give factors above 0.")
    return named(raised / raised.sum(), domains)


def _checked(boost: Mapping[str, float]) -> dict[str, float]:
    if wrong := sorted(name for name, factor in boost.items() if not 0 <= factor < float("inf")):
        raise ValueError(f"the factor of {wrong[0]} must be 0 or more and finite")
    return dict(boost)
