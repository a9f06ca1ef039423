"""Model shapes and optimiser settings by name, and what one training run is told. No torch here."""

import math
from typing import Literal

from pydantic import Field

from gristmill.core.config import Config
from gristmill.core.digests import digest_json

CODE_VERSION = 1
"""Raised when the trainer changes in a way that changes weights; part of a run's key."""


class Recipe(Config):
    """A Llama-shaped model with tied embeddings, and AdamW with warm-up and a cosine decay to a tenth."""

    hidden: int
    layers: int
    heads: int
    feed_forward: int
    warmup_share: float = 0.05
    weight_decay: float = 0.1
    beta1: float = 0.9
    beta2: float = 0.95
    gradient_clip: float = 1.0


RECIPES: dict[str, Recipe] = {
    # 1.4 M parameters with a vocabulary of 4,096: about 6,000 tokens/s on one core.
    "tiny": Recipe(hidden=128, layers=4, heads=4, feed_forward=384),
}


class RunSettings(Config):
    """What decides the weights of a run, apart from the token bytes and the plan."""

    recipe: Literal["tiny"]
    steps: int = Field(ge=1)
    batch_rows: int = Field(ge=1)
    learning_rate: float = Field(gt=0)
    seed: int
    checkpoint_steps: tuple[int, ...] = Field(min_length=1)
    threads: int = Field(1, ge=1)


class TrainingRun(Config):
    """``train.json`` of a run directory: the settings and where the inputs are."""

    settings: RunSettings
    plan: str
    stores: tuple[str, ...]
    tokenizer: str


def run_key(settings: RunSettings, inputs: tuple[str, ...]) -> str:
    """Name of a run: digest of recipe, settings, code version and the digests of plan, tokens and tokenizer."""
    recipe = RECIPES[settings.recipe].model_dump(mode="json")
    parts = [CODE_VERSION, recipe, settings.model_dump(mode="json"), sorted(inputs)]
    return digest_json(parts)[:20]


def checkpoint_steps(steps: int, count: int) -> tuple[int, ...]:
    """``count`` evenly spaced steps, the last of them ``steps``."""
    return tuple(sorted({max(1, round(steps * (number + 1) / count)) for number in range(count)}))


def learning_rate(recipe: Recipe, peak: float, step: int, steps: int) -> float:
    """The rate of optimiser step ``step`` (from 1): linear warm-up, then cosine down to a tenth of the peak."""
    warmup = max(1, round(recipe.warmup_share * steps))
    if step <= warmup:
        return peak * step / warmup
    share = (step - warmup) / max(1, steps - warmup)
    return peak * (0.1 + 0.45 * (1 + math.cos(math.pi * share)))
