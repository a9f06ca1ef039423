"""A suite: items, the prompt made of each, how to generate, how to grade. YAML for the settings, files for the items.

A suite is data: nothing in it is executed but the checks of code items, which are trusted and run outside the jail's
candidate (``evals.oracle``). Its digest covers every item and every setting that changes a score, so a stored score
names exactly what was asked. Cost: reading the files once.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from evals.conventions import CONVENTIONS, ChoiceConvention, CodeConvention, Convention, TextConvention
from evals.generation import Generation
from evals.items import AnswerItem, ChoiceItem, CodeItem, Item, Text
from evals.readers.lines import answer_items, choice_items, code_items
from schemas.config import Config, did_you_mean
from schemas.digests import digest_json
from schemas.errors import UsageError

SUITES = Path(__file__).parent / "suites"
FIELD = re.compile(r"\{([a-z_]+)\}")

Reader = Callable[[Sequence[Path]], Sequence[Item]]
READERS: Mapping[str, Reader] = {
    "code-items": code_items,
    "answer-items": answer_items,
    "choice-items": choice_items,
}
JUDGES: Mapping[type[Convention], type[Item]] = {
    CodeConvention: CodeItem,
    TextConvention: AnswerItem,
    ChoiceConvention: ChoiceItem,
}


class Settings(Config):
    """The YAML file of a suite."""

    name: Annotated[str, Field(pattern=r"^[\w][\w.-]{0,79}$", description="how people call the suite")]
    area: Annotated[Literal["code", "mathematics", "reading"], Field(description="what it measures")]
    about: Annotated[Text, Field(description="what it asks, in a sentence or two")]
    reader: Annotated[str, Field(description="how the items are written")]
    items: Annotated[Text, Field(description="file of the items, beside this one")]
    prompt: Annotated[Text, Field(description="template; {field} is replaced by that field of the item")]
    generation: Annotated[Generation | None, Field(description="absent where options are scored")] = None
    separator: Annotated[str, Field(description="between the prompt and an option that is scored")] = " "
    conventions: Annotated[tuple[str, ...], Field(min_length=1, description="how outputs are graded, headline first")]
    licence: Annotated[Text, Field(description="licence of the items, SPDX")]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.reader not in READERS:
            raise ValueError(f"there is no reader {self.reader!r}{did_you_mean(self.reader, list(READERS))}")
        for name in self.conventions:
            if name not in CONVENTIONS:
                raise ValueError(f"there is no convention {name!r}{did_you_mean(name, list(CONVENTIONS))}")
        kinds = {type(CONVENTIONS[name]) for name in self.conventions}
        if len(kinds) > 1:
            raise ValueError("the conventions of a suite must all grade the same: code, written answers, or choices")
        if (ChoiceConvention in kinds) == (self.generation is not None):
            raise ValueError("generation settings belong to suites that are answered in writing, and only to them")
        return self


class Suite(Config):
    """Settings and items of one suite. All items are of one kind, the one that its conventions grade."""

    settings: Settings
    items: tuple[Item, ...]

    @property
    def name(self) -> str:
        """How people call the suite."""
        return self.settings.name

    @property
    def digest(self) -> str:
        """xxh3-128 over items and settings; what changes no score is left out."""
        settings = self.settings.model_dump(mode="json", exclude={"about", "licence", "items", "reader"})
        return digest_json({"settings": settings, "items": [item.model_dump(mode="json") for item in self.items]})

    @property
    def code(self) -> bool:
        """Whether answers are programs, which need the jail."""
        return isinstance(self.items[0], CodeItem)

    @property
    def chance(self) -> float | None:
        """The score of guessing; None where answers are written."""
        found = [item.chance for item in self.items if isinstance(item, ChoiceItem)]
        return sum(found) / len(found) if found else None

    def prompt(self, item: Item) -> str:
        """The prompt of one item, without white space at its end.

        A tokenizer joins a line feed with the indentation after it. A prompt that ends in the line feed alone is cut
        where no text that the model has seen is cut, and code models then answer with something else than code.
        """
        values = item.model_dump()
        return FIELD.sub(lambda match: str(values[match[1]]), self.settings.prompt).rstrip()

    def shown(self, item: ChoiceItem) -> tuple[str, ...]:
        """What is scored for each option, without the separator before it."""
        return item.options


def suite_names() -> list[str]:
    """The suites that come with Gristmill."""
    return sorted(path.stem for path in SUITES.glob("*.yaml"))


def load_suite(name_or_path: str) -> Suite:
    """A suite by name, or by the path of its YAML file.

    Raises :class:`UsageError` for an unknown name, a wrong key, an item that does not fit its conventions, a repeated
    id, or a field of the prompt that items do not have.
    """
    path = SUITES / f"{name_or_path}.yaml"
    if name_or_path not in suite_names():
        path = Path(name_or_path)
        if path.suffix not in (".yaml", ".yml"):
            raise UsageError(f"there is no suite {name_or_path!r}{did_you_mean(name_or_path, suite_names())}")
    settings = Settings.load(path)
    place = path.parent / settings.items
    if place.parent.resolve() != path.parent.resolve() or not place.is_file():
        raise UsageError(f"{path}: items: there is no file {settings.items!r} beside it")
    items = READERS[settings.reader]([place])
    repeated = [name for name, count in Counter(item.id for item in items).items() if count > 1]
    if repeated or not items:
        raise UsageError(f"{place}: " + (f"id {repeated[0]!r} occurs twice" if repeated else "it holds no item"))
    kind, judge = type(items[0]), CONVENTIONS[settings.conventions[0]]
    if kind is not JUDGES[type(judge)]:
        raise UsageError(f"{path}: conventions: {settings.conventions[0]} does not grade what {settings.reader} reads")
    for name in settings.conventions:
        _refuse_other_answers(items, name, CONVENTIONS[name])
    for field in FIELD.findall(settings.prompt):
        if field not in kind.model_fields:
            raise UsageError(f"{path}: prompt: items have no {field!r}{did_you_mean(field, list(kind.model_fields))}")
    return Suite(settings=settings, items=tuple(items))


def _refuse_other_answers(items: Sequence[Item], name: str, convention: Convention) -> None:
    """Raises :class:`UsageError` when a gold answer is none that the convention can compare with."""
    if not isinstance(convention, TextConvention):
        return
    pattern = re.compile(convention.answers)
    for item in items:
        for answer in item.answers if isinstance(item, AnswerItem) else ():
            if not all(pattern.search(part) for part in answer):
                wanted = f"{name} compares {convention.answers_are}"
                raise UsageError(f"item {item.id}: answers: {', '.join(answer)!r}; the convention {wanted}")
