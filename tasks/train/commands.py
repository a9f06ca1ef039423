"""Other trainers as data: a recipe is a command line, the files it reads, and the form of its output.

``$name`` in the command line and in the files stands for a value of the run (:func:`variables`) or one of the recipe's
own ``options``; ``$$`` is a dollar sign. No trainer is imported here, and none has to be installed to render a
recipe.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from gristmill.core.config import Config, did_you_mean, read_yaml
from gristmill.core.digests import digest_json
from gristmill.core.errors import UsageError
from gristmill.tasks.train.recipe import FOLDER, Recipe, recipe_names

CODE_VERSION = 1
EXPORTS = ("megatron", "datatrove", "olmo", "nanogpt", "litdata", "parquet", "jsonl")
EXAMPLES = {
    "chat": 'JSONL with {"messages": [{"role": ..., "content": ...}, ...]} a line',
    "preferences": 'JSONL with {"prompt": ..., "chosen": ..., "rejected": ...} a line, each a list of messages',
    "prompts": "prompts with what a reward needs (JSONL for TRL, Parquet for verl)",
}
"""Inputs other than an export of a mixture, which the user provides."""
PLAIN = re.compile(r"[\w./+@:=,-]*")
Value = str | int | float


class TrainerRecipe(Config):
    """How a trainer is started, followed, and what it leaves."""

    kind: Literal["command"] = "command"
    about: str
    source: str = Field(description="The version of the trainer that this was written against.")
    reads: Literal[
        "megatron", "datatrove", "olmo", "nanogpt", "litdata", "parquet", "jsonl", "chat", "preferences", "prompts"
    ]
    base: bool = Field(False, description="Whether it starts from a model, given with --base.")
    learning_rate: float = Field(gt=0, description="Peak rate, when the settings give none.")
    options: dict[str, Value] = Field(default_factory=dict, description="Names of its own, with their defaults.")
    files: dict[str, str] = Field(default_factory=dict, description="Templates of files in the run directory.")
    argv: tuple[str, ...] = Field(min_length=1)
    environment: dict[str, str] = Field(default_factory=dict)
    resume: tuple[str, ...] = Field(
        (), description="Added to argv when there is a checkpoint; {checkpoint} is its folder."
    )
    log_pattern: str = Field(description="A line that tells progress, with named groups: see Job.progress_pattern.")
    checkpoint_glob: str = Field(description="Files that appear when a checkpoint is whole, below the run directory.")

    @field_validator("log_pattern")
    @classmethod
    def _compiles(cls, value: str) -> str:
        try:
            named = re.compile(value).groupindex
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        if "step" not in named:
            raise ValueError("it has no group called step: write (?P<step>\\\\d+)")
        return value

    @model_validator(mode="after")
    def _files_stay_inside(self) -> Self:
        for name in self.files:
            if Path(name).is_absolute() or ".." in Path(name).parts:
                raise ValueError(f"files: {name!r} is not inside the run directory")
        return self

    @property
    def pretrains(self) -> bool:
        """Whether it reads an export of a mixture."""
        return self.reads in EXPORTS


@dataclass(frozen=True)
class Rendered:
    """A recipe for one run: what is written, and what is started in the run directory."""

    argv: tuple[str, ...]
    resume: tuple[str, ...]
    environment: dict[str, str]
    files: dict[str, str]


def load_recipe(words: str) -> tuple[str, Recipe | TrainerRecipe]:
    """The name and the recipe: one that comes with Gristmill, or a YAML file of the user's.

    Raises :class:`UsageError` when there is no such recipe or file, and for a wrong key or value in it.
    """
    own = Path(words).suffix in (".yaml", ".yml")
    path = Path(words) if own else FOLDER / f"{words}.yaml"
    if not own and words not in recipe_names():
        raise UsageError(
            f"there is no recipe {words!r}{did_you_mean(words, recipe_names())}. Or name a YAML file of your own."
        )
    values = read_yaml(path)
    if not isinstance(values, dict):
        raise UsageError(f"{path}: this file has no recipe. Write one `key: value` a line.")
    match values.get("kind", "embedded"):
        case "embedded":
            return path.stem, Recipe.parse(values, str(path))
        case "command":
            return path.stem, TrainerRecipe.parse(values, str(path))
        case other:
            raise UsageError(f"{path}: kind: {other!r} is neither embedded nor command")


def chosen_options(recipe: TrainerRecipe, given: Mapping[str, Value], where: str) -> dict[str, Value]:
    """The options of the recipe with those that were given. Raises :class:`UsageError` for one it does not have."""
    for name in given:
        if name not in recipe.options:
            raise UsageError(f"{where}: options.{name}: unknown option{did_you_mean(name, list(recipe.options))}")
    return recipe.options | dict(given)


def render(recipe: TrainerRecipe, values: Mapping[str, Value]) -> Rendered:
    """Fill in every template. Raises :class:`UsageError` for a name without a value, and for a value that the files of
    a trainer could misread, such as a path with a space."""
    for name, value in values.items():
        if PLAIN.fullmatch(str(value)) is None:
            raise UsageError(
                f"{name} is {value!r}: use letters, digits and ./+@:=,-_ alone, which every trainer reads."
            )

    written = {name: _written(value) for name, value in values.items()}

    def fill(text: str) -> str:
        try:
            return Template(text).substitute(written)
        except KeyError as error:
            known = did_you_mean(str(error.args[0]), list(values))
            raise UsageError(f"the recipe uses ${error.args[0]}, which has no value{known}") from error
        except ValueError as error:
            raise UsageError(
                f"the recipe has a $ that stands for nothing; write $$ for a dollar sign: {error}"
            ) from error

    return Rendered(
        argv=tuple(map(fill, recipe.argv)),
        resume=tuple(map(fill, recipe.resume)),
        environment={name: fill(value) for name, value in recipe.environment.items()},
        files={name: fill(text) for name, text in recipe.files.items()},
    )


def _written(value: Value) -> str:
    """A value as YAML reads it back: ``3e-05`` is a word to it, and ``3.0e-05`` a number."""
    text = str(value)
    if isinstance(value, float) and "e" in text and "." not in text:
        return text.replace("e", ".0e")
    return text


def command_key(
    recipe: TrainerRecipe, values: Mapping[str, Value], digests: Mapping[str, str], more: Mapping[str, str]
) -> str:
    """Name of a run: digest of the recipe as rendered, with ``digests`` in place of the paths, and of ``more``.

    Content alone: neither where the data lies nor where the run directory is.
    """
    content = {name: f"@{digest}" for name, digest in digests.items()} | {"run_dir": "", "name": ""}
    done = render(recipe, {**values, **content})
    return digest_json([CODE_VERSION, done.argv, done.resume, done.environment, done.files, dict(more)])[:20]
