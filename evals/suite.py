"""A suite: items, the prompt made of each, how to generate, how to grade. YAML for the settings, JSONL for the items.

A suite is data: nothing in it is executed but the checks of code items, which are ours and run outside the jail's
candidate (``evals.oracle``). Its digest covers every item and every setting, so a stored score names exactly what was
asked. Cost: reading a file of some fifty lines.
"""

import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from schemas.config import Config, did_you_mean
from schemas.digests import digest_json
from schemas.errors import UsageError

SUITES = Path(__file__).parent / "suites"
FIELD = re.compile(r"\{([a-z_]+)\}")

Name = Annotated[str, Field(pattern=r"^[\w][\w.-]{0,79}$")]
Text = Annotated[str, Field(min_length=1)]
Number = Annotated[str, Field(pattern=r"^-?[0-9][0-9,]*(\.[0-9]+)?(/[1-9][0-9]*)?%?$")]


class Item(Config):
    """What every item has."""

    id: Name


class CodeItem(Item):
    """Complete a function: ``prompt`` is its signature and docstring, ``solution`` a body that passes ``check``."""

    prompt: Annotated[str, Field(pattern=r"\n$", description="whole lines")]
    entry_point: Annotated[str, Field(pattern=r"^[A-Za-z_]\w*$")]
    solution: Text
    check: Annotated[str, Field(pattern=r"def check\(candidate\)")]


class MathematicsItem(Item):
    """A question whose answer is one number; ``tolerance`` is the largest absolute difference that still counts."""

    question: Text
    answer: Number
    tolerance: Number = "0"


class ReadingItem(Item):
    """A passage, a question and options; ``answer`` is the index of the right one, from 0."""

    passage: Text
    question: Text
    options: Annotated[tuple[Text, ...], Field(min_length=2)]
    answer: Annotated[int, Field(ge=0)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(set(self.options)) != len(self.options):
            raise ValueError("two options are equal")
        if self.answer >= len(self.options):
            raise ValueError(f"answer {self.answer} is none of {len(self.options)} options, counted from 0")
        return self


class Generation(Config):
    """How text is generated: greedily, up to a length in tokens, and cut before the first stop string."""

    max_new_tokens: Annotated[int, Field(ge=1, le=4096)]
    stop: tuple[Text, ...] = ()


Grader = Literal["code", "mathematics", "choice"]
ITEMS: dict[str, type[CodeItem] | type[MathematicsItem] | type[ReadingItem]] = {
    "code": CodeItem,
    "mathematics": MathematicsItem,
    "choice": ReadingItem,
}


class Settings(Config):
    """The YAML file of a suite."""

    name: Annotated[Name, Field(description="how people call the suite")]
    area: Annotated[Literal["code", "mathematics", "reading"], Field(description="what it measures")]
    about: Annotated[Text, Field(description="what it asks, in a sentence or two")]
    items: Annotated[Text, Field(description="JSONL file beside this one, an item a line")]
    prompt: Annotated[Text, Field(description="template; {field} is replaced by that field of the item")]
    generation: Annotated[Generation | None, Field(description="absent for multiple choice")] = None
    separator: Annotated[str, Field(description="between the prompt and an option, in multiple choice")] = " "
    grader: Annotated[Grader, Field(description="how outputs are judged")]
    metric: Annotated[Literal["pass@1", "accuracy"], Field(description="name of the score")]
    chance: Annotated[float | None, Field(ge=0, lt=1, description="score of guessing")] = None
    licence: Annotated[Text, Field(description="licence of the items, SPDX")]

    @model_validator(mode="after")
    def _generates(self) -> Self:
        if (self.grader == "choice") == (self.generation is not None):
            raise ValueError("generation settings belong to the graders code and mathematics, and only to them")
        return self


class Suite(Config):
    """Settings and items of one suite. Exactly one of the three item lists is filled, the one its grader judges."""

    settings: Settings
    code: tuple[CodeItem, ...] = ()
    mathematics: tuple[MathematicsItem, ...] = ()
    choice: tuple[ReadingItem, ...] = ()

    @property
    def name(self) -> str:
        """How people call the suite."""
        return self.settings.name

    @property
    def items(self) -> Sequence[CodeItem | MathematicsItem | ReadingItem]:
        """The items, in the order of the file."""
        return self.code or self.mathematics or self.choice

    @property
    def digest(self) -> str:
        """xxh3-128 over items and settings; ``about`` and ``licence`` change no score and are left out."""
        settings = self.settings.model_dump(mode="json", exclude={"about", "licence", "items"})
        return digest_json({"settings": settings, "items": [item.model_dump(mode="json") for item in self.items]})

    def prompt(self, item: CodeItem | MathematicsItem | ReadingItem) -> str:
        """The prompt of one item, without white space at its end.

        A tokenizer joins a line feed with the indentation after it. A prompt that ends in the line feed alone is cut
        where no text that the model has seen is cut, and code models then answer with something else than code.
        """
        values = item.model_dump()
        return FIELD.sub(lambda match: str(values[match[1]]), self.settings.prompt).rstrip()


def suite_names() -> list[str]:
    """The suites that come with Gristmill."""
    return sorted(path.stem for path in SUITES.glob("*.yaml"))


def load_suite(name_or_path: str) -> Suite:
    """A suite by name, or by the path of its YAML file.

    Raises :class:`UsageError` for an unknown name, a wrong key, an item that does not fit its grader, a repeated id, or
    a field of the prompt that items do not have.
    """
    path = SUITES / f"{name_or_path}.yaml"
    if name_or_path not in suite_names():
        path = Path(name_or_path)
        if path.suffix not in (".yaml", ".yml"):
            raise UsageError(f"there is no suite {name_or_path!r}{did_you_mean(name_or_path, suite_names())}")
    settings = Settings.load(path)
    items = path.parent / settings.items
    if items.parent.resolve() != path.parent.resolve() or not items.is_file():
        raise UsageError(f"{path}: items: there is no file {settings.items!r} beside it")
    kind = ITEMS[settings.grader]
    parsed = [kind.parse(value, f"{items.name}:{number}") for number, value in _json_lines(items)]
    repeated = [name for name, count in Counter(item.id for item in parsed).items() if count > 1]
    if repeated or not parsed:
        raise UsageError(f"{items}: " + (f"id {repeated[0]!r} occurs twice" if repeated else "it holds no item"))
    for field in FIELD.findall(settings.prompt):
        if field not in kind.model_fields:
            raise UsageError(f"{path}: prompt: items have no {field!r}{did_you_mean(field, list(kind.model_fields))}")
    return Suite.model_validate({"settings": settings, settings.grader: parsed})


def _json_lines(path: Path) -> list[tuple[int, object]]:
    """``(line number, value)`` of every line that is not blank."""
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
        if line.strip():
            try:
                found.append((number, json.loads(line)))
            except json.JSONDecodeError as error:
                raise UsageError(f"{path}:{number}: this line is not JSON: {error}") from error
    return found
