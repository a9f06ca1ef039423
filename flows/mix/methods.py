"""The mixing method that settings ask for."""

from collections.abc import Sequence
from pathlib import Path

from gristmill.flows.mix.settings import (
    AnyMixture,
    MixMinSettings,
    MixtureSettings,
    SwarmSettings,
    TemperatureSettings,
    UniMaxSettings,
)
from gristmill.flows.mix.trials import DoneTrial
from gristmill.tasks.mix.mixers.doremi import DoReMi, DoReMiConfig
from gristmill.tasks.mix.mixers.mixer import Budget, Mixer
from gristmill.tasks.mix.mixers.mixmin import MixMin, read_target
from gristmill.tasks.mix.mixers.rules import Static, StaticConfig, Temperature, UniMax, UniMaxConfig


def mixer_of(settings: AnyMixture, seed: int, trials: Path, earlier: Sequence[DoneTrial] = ()) -> Mixer:
    """The method with its settings. ``seed`` is DoReMi's without options; ``trials`` holds the folders of trials."""
    match settings:
        case SwarmSettings():
            from gristmill.tasks.mix.mixers.swarm.mixer import Swarm  # imports scipy, which other methods do without

            return Swarm(settings.options, tuple(each.designed for each in earlier))
        case MixMinSettings():
            return MixMin(settings.options, read_target(trials))
        case TemperatureSettings():
            return Temperature(settings.options)
        case UniMaxSettings():
            return UniMax(UniMaxConfig())
        case MixtureSettings():
            return _earliest(settings, seed)


def before_training(settings: AnyMixture) -> AnyMixture:
    """The settings that weights depend on: without trials of the winner, which are run after its weights are stored."""
    if not isinstance(settings, SwarmSettings):
        return settings
    return settings.model_copy(update={"options": settings.options.model_copy(update={"adaptive": 0})})


def _earliest(settings: MixtureSettings, seed: int) -> Mixer:
    match settings.method:
        case "doremi":
            return DoReMi(settings.options or DoReMiConfig(budget=Budget(steps=settings.steps), seed=seed))
        case "weights" | "static":
            return Static(StaticConfig(weights=settings.weights))
        case "proportional" | "uniform":
            return Static(StaticConfig(weights=settings.method))
