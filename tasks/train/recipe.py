"""Model shapes, optimiser settings, and the settings of one training run. No torch here."""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from gristmill.core.config import Config
from gristmill.core.digests import digest_json
from gristmill.tasks.train.schedule import ScheduleName

CODE_VERSION = 2
"""Raised when the trainer changes in a way that changes weights; part of a run's key."""

FOLDER = Path(__file__).parent / "recipes"
HELDOUT_TIMES = 10
"""How often the held-out loss is measured in a run, when nothing else is asked for."""


class Recipe(Config):
    """A Llama-shaped model with tied embeddings, and AdamW with the share of a run that warms up.

    A field that was added after the first release is part of a run's key only when it is not at its default.
    """

    kind: Literal["embedded"] = "embedded"
    hidden: int = Field(ge=1)
    layers: int = Field(ge=1)
    heads: int = Field(ge=1)
    feed_forward: int = Field(ge=1)
    warmup_share: float = Field(0.05, ge=0, lt=1)
    weight_decay: float = Field(0.1, ge=0)
    beta1: float = Field(0.9, ge=0, lt=1)
    beta2: float = Field(0.95, ge=0, lt=1)
    gradient_clip: float = Field(1.0, gt=0)
    learning_rate: float = Field(3e-3, gt=0, description="Peak rate, when the settings give none.")
    kv_heads: int | None = Field(None, ge=1, description="Heads of keys and values; as many as heads when left out.")

    @model_validator(mode="after")
    def _heads_fit(self) -> "Recipe":
        if self.hidden % (2 * self.heads):
            raise ValueError(f"hidden ({self.hidden}) must be a multiple of twice the heads ({self.heads})")
        if self.heads % (self.kv_heads or self.heads):
            raise ValueError(f"heads ({self.heads}) must be a multiple of kv_heads ({self.kv_heads})")
        return self

    def parameters(self, vocabulary: int) -> int:
        """Parameters of the model, with the embedding counted once."""
        keys_and_values = 2 * self.hidden * (self.hidden // self.heads) * (self.kv_heads or self.heads)
        attention = 2 * self.hidden**2 + keys_and_values
        layer = attention + 3 * self.hidden * self.feed_forward + 2 * self.hidden
        return vocabulary * self.hidden + self.layers * layer + self.hidden

    def flops_per_token(self, vocabulary: int, context: int) -> float:
        """Floating-point operations of training on one token: 6 N + 12 L H Q T (PaLM, arXiv 2204.02311, appendix B)."""
        return 6.0 * self.parameters(vocabulary) + 12.0 * self.layers * self.hidden * context


class RunSettings(Config):
    """What decides the weights and the outputs of a run, apart from the token bytes and the plan.

    Of the fields from ``shape`` on, the key has those that are not at their default, but for ``RETENTION``.
    """

    recipe: str
    steps: int = Field(ge=1)
    batch_rows: int = Field(ge=1)
    learning_rate: float = Field(gt=0)
    seed: int
    checkpoint_steps: tuple[int, ...] = Field(min_length=1)
    threads: int = Field(1, ge=1)
    shape: Recipe
    """Filled in for a recipe that comes with Gristmill."""
    schedule: ScheduleName = "cosine"
    decay_share: float = Field(0.2, gt=0, le=1)
    """Of ``wsd``: the share of the steps in which the rate decays."""
    accumulate: int = Field(1, ge=1)
    """Parts that a step is computed in, one after the other, each with ``batch_rows / accumulate`` rows."""
    device: Literal["cpu", "cuda"] = "cpu"
    precision: Literal["float32", "bfloat16"] = "float32"
    processes: int = Field(1, ge=1)
    heldout_every: int | None = Field(None, ge=0)
    """Steps between two measurements of the held-out loss: None for ten in a run, 0 for none."""
    keep_last: int = Field(0, ge=0)
    """Checkpoints that are kept at the end of the list, with every ``keep_every``-th; 0 keeps all. Not in the key."""
    keep_every: int = Field(0, ge=0)

    @model_validator(mode="before")
    @classmethod
    def _named_shape(cls, values: Any) -> Any:
        if isinstance(values, dict) and "shape" not in values and isinstance(values.get("recipe"), str):
            return values | {"shape": own_recipe(values["recipe"])}
        return values

    @model_validator(mode="after")
    def _rows_divide(self) -> "RunSettings":
        if self.batch_rows % (self.accumulate * self.processes):
            raise ValueError(
                f"batch_rows ({self.batch_rows}) must be a multiple of accumulate ({self.accumulate}) times "
                f"processes ({self.processes})"
            )
        return self

    def heldout_steps(self) -> frozenset[int]:
        """The steps after which the held-out loss is measured; the last is one of them, unless none is."""
        every = -(-self.steps // HELDOUT_TIMES) if self.heldout_every is None else self.heldout_every
        return frozenset({*range(every, self.steps + 1, every), self.steps}) if every else frozenset()


class TrainingRun(Config):
    """``train.json`` of a run directory: the settings and where the inputs are."""

    settings: RunSettings
    plan: str
    stores: tuple[str, ...]
    tokenizer: str


FIRST_RECIPE = (
    *("hidden", "layers", "heads", "feed_forward"),
    *("warmup_share", "weight_decay", "beta1", "beta2", "gradient_clip"),
)
RETENTION = ("keep_last", "keep_every")
"""They decide what is deleted, not what the weights are: a run continues after its retention was changed."""
FIRST_SETTINGS = ("recipe", "steps", "batch_rows", "learning_rate", "seed", "checkpoint_steps", "threads")


def run_key(settings: RunSettings, inputs: tuple[str, ...]) -> str:
    """Name of a run: digest of recipe, settings, code version and the digests of plan, tokens and tokenizer.

    Content alone: neither the order of the inputs nor where they are.
    """
    told = _keyed(settings, FIRST_SETTINGS)
    del told["shape"]
    for name in RETENTION:
        told.pop(name, None)
    if settings.shape != _known(settings.recipe):
        told["recipe"] = ""  # a user's file counts by its content, whatever it is called
    return digest_json([CODE_VERSION, _keyed(settings.shape, FIRST_RECIPE), told, sorted(inputs)])[:20]


def _keyed(config: Config, first: tuple[str, ...]) -> dict[str, Any]:
    """The fields of the first release, and those added since that are not at their default."""
    changed = config.model_dump(mode="json", exclude_defaults=True)
    values = config.model_dump(mode="json")
    return {name: value for name, value in values.items() if name in first or name in changed}


def _known(name: str) -> Recipe | None:
    try:
        return own_recipe(name)
    except ValueError:
        return None


def recipe_names() -> list[str]:
    """The recipes that come with Gristmill, including those of other trainers."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def own_recipe(name: str) -> Recipe:
    """The shape of that name that comes with Gristmill. Raises ``ValueError`` when there is none."""
    path = FOLDER / f"{name}.yaml"
    if not name.isidentifier() or not path.is_file():
        raise ValueError(f"there is no recipe {name!r} of the embedded trainer")
    return Recipe.load(path)


def checkpoint_steps(steps: int, count: int) -> tuple[int, ...]:
    """``count`` evenly spaced steps, the last of them ``steps``."""
    return tuple(sorted({max(1, round(steps * (number + 1) / count)) for number in range(count)}))
