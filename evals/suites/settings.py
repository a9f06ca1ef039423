"""The settings of a suite, a YAML file, and the suites that come with Gristmill by name.

Users give their own suites by path. Licences that forbid commercial use must be accepted by name.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gristmill.core.config import Config, did_you_mean
from gristmill.core.errors import UsageError
from gristmill.evals.generation.settings import Generation
from gristmill.evals.scoring.conventions import (
    CONVENTIONS,
    BitsConvention,
    ChoiceConvention,
    CodeConvention,
    Convention,
    LetterConvention,
    TextConvention,
)
from gristmill.evals.scoring.gold import Gold
from gristmill.evals.suites.files import Data
from gristmill.evals.suites.items import AnswerItem, ChoiceItem, CodeItem, Item, Text
from gristmill.evals.suites.prompts import FIELDS, Options, Shots, check_template
from gristmill.evals.suites.readers.registry import READERS

SUITES = Path(__file__).resolve().parent
MEASURED = ("heldout", "bits-per-byte")
"""The name of held-out text among suites."""
LIMIT = re.compile(r"(.+)@([1-9][0-9]*)$")

JUDGES: Mapping[type[Convention], type[Item]] = {
    CodeConvention: CodeItem,
    TextConvention: AnswerItem,
    ChoiceConvention: ChoiceItem,
    LetterConvention: ChoiceItem,
}


class Settings(Config):
    """The YAML file of a suite."""

    name: Annotated[str, Field(pattern=r"^[\w][\w.-]{0,79}$", description="name of the suite")]
    area: Annotated[Literal["code", "mathematics", "reading", "boards"], Field(description="what it measures")]
    about: Annotated[Text, Field(description="what it asks, in a sentence or two")]
    data: Annotated[Data, Field(description="files of the items, and their reader")]
    subjects: Annotated[Mapping[str, str], Field(description="what {subject} shows for a subset")] = {}
    preamble: Annotated[str, Field(description="template before the shots")] = ""
    shots: Annotated[Shots | None, Field(description="worked examples before the question")] = None
    prompt: Annotated[Text, Field(description="template; {field} is replaced by that field of the item")]
    trim: Annotated[bool, Field(description="cut white space off the end of the prompt")] = True
    options: Annotated[Options, Field(description="how options are shown and scored")] = Options()
    generation: Annotated[Generation | None, Field(description="absent if options are scored")] = None
    thinking_end: Annotated[str, Field(description="what ends the thinking, if its marks are unknown")] = ""
    separator: Annotated[str, Field(description="between the prompt and an option that is scored")] = " "
    gold: Annotated[Gold | None, Field(description="what to measure bits per byte of gold answers on")] = None
    conventions: Annotated[tuple[str, ...], Field(min_length=1, description="how outputs are graded, headline first")]
    licence: Annotated[Text, Field(description="licence of the items, by its SPDX name if there is one")]
    non_commercial: Annotated[bool, Field(description="whether the licence must be accepted by name")] = False

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for reader in (self.data.reader, *(file.reader for file in self.data.files.values() if file.reader)):
            if reader not in READERS:
                raise ValueError(f"there is no reader {reader!r}{did_you_mean(reader, list(READERS))}")
        for name in self.conventions:
            if name not in CONVENTIONS:
                raise ValueError(f"there is no convention {name!r}{did_you_mean(name, list(CONVENTIONS))}")
            if isinstance(CONVENTIONS[name], BitsConvention):
                raise ValueError(f"{name} grades no answers: write `gold:` to measure it besides the conventions")
        kinds = {type(CONVENTIONS[name]) for name in self.conventions}
        if len(kinds) > 1:
            raise ValueError("the conventions of a suite must all grade the same: code, written answers, or choices")
        if (ChoiceConvention in kinds) == (self.generation is not None):
            raise ValueError("generation settings are for suites with written answers, which need them")
        if self.thinking_end and self.generation is None:
            raise ValueError("thinking_end is for suites with written answers")
        if self.shots is not None and self.shots.role not in self.data.files:
            raise ValueError(f"shots come from {self.shots.role!r}, and data.files names no such file")
        return self

    def templates(self, fields: Sequence[str]) -> dict[str, tuple[str, Sequence[str]]]:
        """Every template and the fields it may name, by its key, for items with ``fields``."""
        shots = {"shots.target": self.shots.target} if self.shots else {}
        gold = {"gold.target": self.gold.target, "gold.prompt": self.gold.prompt} if self.gold else {}
        of_items = {"preamble": self.preamble, "prompt": self.prompt, **shots, **gold}
        form = {"options.form": (self.options.form, ("letter", "text"))}
        return {key: (template, fields) for key, template in of_items.items()} | form


def suite_names() -> list[str]:
    """The suites that Gristmill knows, including those whose data must be downloaded."""
    return sorted(path.stem for path in SUITES.glob("*.yaml"))


def own_suites() -> list[str]:
    """The suites whose items come with Gristmill."""
    return [name for name in suite_names() if settings_of(name)[0].data.own]


def restricted_suites() -> dict[str, str]:
    """The suites whose items may not be used commercially, each with the licence that must be accepted by name."""
    known = {name: settings_of(name)[0] for name in suite_names()}
    return {name: settings.licence for name, settings in known.items() if settings.non_commercial}


def check_licence(name: str, settings: Settings, accepted: Collection[str]) -> None:
    """Raises :class:`UsageError` for a suite that may not be used commercially and was not accepted."""
    if settings.non_commercial and settings.licence not in accepted:
        raise UsageError(
            f"suite {name}: its items may not be used commercially ({settings.licence}). If your use is allowed, say "
            f"so with --accept-licence {settings.licence}"
        )


def settings_of(name_or_path: str) -> tuple[Settings, Path]:
    """The settings of a suite and the path of its YAML file.

    Raises :class:`UsageError` for an unknown name, a user's suite with the name of one of Gristmill's, and a template
    with anything but fields of its items in braces.
    """
    path = SUITES / f"{name_or_path}.yaml"
    if name_or_path not in suite_names():
        path = Path(name_or_path)
        if path.suffix not in (".yaml", ".yml"):
            raise UsageError(f"there is no suite {name_or_path!r}{did_you_mean(name_or_path, suite_names())}")
    settings = Settings.load(path)
    if path.parent.resolve() != SUITES and settings.name.lower() in (*suite_names(), *MEASURED):
        raise UsageError(
            f"{path}: name: scores are stored by the name of the suite, and {settings.name} is one of Gristmill's. "
            f"Rename yours, such as my-{settings.name}."
        )
    kind = JUDGES[type(CONVENTIONS[settings.conventions[0]])]
    for key, (template, fields) in settings.templates(FIELDS[kind]).items():
        try:
            check_template(template, fields)
        except ValueError as error:
            raise UsageError(f"{path}: {key}: {error}") from error
    return settings, path


def split_limit(name: str) -> tuple[str, int]:
    """``name@50`` as name and limit; the limit is 0 when none is given."""
    match = LIMIT.fullmatch(name)
    return (match[1], int(match[2])) if match else (name, 0)
