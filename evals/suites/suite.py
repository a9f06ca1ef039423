"""A suite: items, the prompt made of each, how to generate, how to grade. YAML for the settings, files for the items.

A suite is data: nothing in it is executed but the checks of code items, which are trusted and run outside the jail's
candidate (``gristmill.evals.oracle``). Its digest covers every item, every prompt and every setting that changes a
score, so a stored score names exactly what was asked. Cost: reading the files once.
"""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gristmill.core.config import Config, did_you_mean
from gristmill.core.digests import digest_json, digest_text
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
from gristmill.evals.suites.files import Data, find
from gristmill.evals.suites.items import AnswerItem, ChoiceItem, CodeItem, Item, Text
from gristmill.evals.suites.prompts import FIELDS, Options, Shots, check_template, choose_shots, fill, values_of
from gristmill.evals.suites.readers.registry import READERS

SUITES = Path(__file__).resolve().parent
MEASURED = ("heldout", "bits-per-byte")
"""What held-out text is called where suites are named."""
LIMIT = re.compile(r"(.+)@([1-9][0-9]*)$")

JUDGES: Mapping[type[Convention], type[Item]] = {
    CodeConvention: CodeItem,
    TextConvention: AnswerItem,
    ChoiceConvention: ChoiceItem,
    LetterConvention: ChoiceItem,
}


class Settings(Config):
    """The YAML file of a suite."""

    name: Annotated[str, Field(pattern=r"^[\w][\w.-]{0,79}$", description="how people call the suite")]
    area: Annotated[Literal["code", "mathematics", "reading", "boards"], Field(description="what it measures")]
    about: Annotated[Text, Field(description="what it asks, in a sentence or two")]
    data: Annotated[Data, Field(description="files of the items, and who reads them")]
    subjects: Annotated[Mapping[str, str], Field(description="what {subject} shows for a subset")] = {}
    preamble: Annotated[str, Field(description="template before the shots")] = ""
    shots: Annotated[Shots | None, Field(description="worked examples before the question")] = None
    prompt: Annotated[Text, Field(description="template; {field} is replaced by that field of the item")]
    trim: Annotated[bool, Field(description="cut white space off the end of the prompt")] = True
    options: Annotated[Options, Field(description="how options are shown and scored")] = Options()
    generation: Annotated[Generation | None, Field(description="absent where options are scored")] = None
    thinking_end: Annotated[str, Field(description="what ends the thinking, where its marks are not known")] = ""
    separator: Annotated[str, Field(description="between the prompt and an option that is scored")] = " "
    gold: Annotated[Gold | None, Field(description="what bits per byte of gold answers are measured on")] = None
    conventions: Annotated[tuple[str, ...], Field(min_length=1, description="how outputs are graded, headline first")]
    licence: Annotated[Text, Field(description="licence of the items, SPDX where it has a name there")]
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
                raise ValueError(f"{name} grades no answer: write `gold:` to measure it beside the conventions")
        kinds = {type(CONVENTIONS[name]) for name in self.conventions}
        if len(kinds) > 1:
            raise ValueError("the conventions of a suite must all grade the same: code, written answers, or choices")
        if (ChoiceConvention in kinds) == (self.generation is not None):
            raise ValueError("generation settings belong to suites that are answered in writing, and only to them")
        if self.thinking_end and self.generation is None:
            raise ValueError("thinking_end belongs to suites that are answered in writing, and only to them")
        if self.shots is not None and self.shots.role not in self.data.files:
            raise ValueError(f"shots come from {self.shots.role!r}, and data.files names no such file")
        return self

    def templates(self, fields: Sequence[str]) -> dict[str, tuple[str, Sequence[str]]]:
        """Every template and what it may name, by its key, where items have ``fields``."""
        shots = {"shots.target": self.shots.target} if self.shots else {}
        gold = {"gold.target": self.gold.target, "gold.prompt": self.gold.prompt} if self.gold else {}
        of_items = {"preamble": self.preamble, "prompt": self.prompt, **shots, **gold}
        form = {"options.form": (self.options.form, ("letter", "text"))}
        return {key: (template, fields) for key, template in of_items.items()} | form


class Suite(Config):
    """Settings and items of one suite. All items are of one kind, the one that its conventions grade.

    ``shots`` holds for the id of an item the text of the examples before it. ``limit`` is 0 for the whole set.
    """

    settings: Settings
    items: tuple[Item, ...]
    shots: Mapping[str, str] = {}
    limit: int = 0

    @property
    def name(self) -> str:
        """How people call the suite; ``name@50`` when it is limited to 50 items."""
        return f"{self.settings.name}@{self.limit}" if self.limit else self.settings.name

    @property
    def digest(self) -> str:
        """xxh3-128 over items, shots and settings; what changes no score is left out."""
        unread = {"about", "licence", "non_commercial", "data"} | (
            set() if self.settings.thinking_end else {"thinking_end"}
        )
        settings = self.settings.model_dump(mode="json", exclude=unread)
        items = [item.model_dump(mode="json") for item in self.items]
        shots = [digest_text(self.shots.get(item.id, "")) for item in self.items]
        return digest_json({"settings": settings, "items": items, "shots": shots, "limit": self.limit})

    def thinking_until(self, end: str) -> "Suite":
        """The suite for outputs whose thinking ends at ``end``. Raises :class:`UsageError` where nothing is written."""
        if self.settings.generation is None:
            raise UsageError(f"suite {self.name} is not answered in writing, so there is no thinking that could end")
        return self.model_copy(update={"settings": self.settings.model_copy(update={"thinking_end": end})})

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
        """The prompt of one item: preamble, shots, question; without white space at its end unless ``trim`` is off.

        A tokenizer joins a line feed with the indentation after it. A prompt that ends in the line feed alone is cut
        where no text that the model has seen is cut, and code models then answer with something else than code.
        """
        settings = self.settings
        values = values_of(item, settings.options, settings.subjects)
        text = fill(settings.preamble, values) + self.shots.get(item.id, "") + fill(settings.prompt, values)
        return text.rstrip() if settings.trim else text

    def gold(self, item: Item) -> tuple[str, str] | None:
        """Prompt and continuation whose likelihood is that of the gold answer; None where none has to be asked for.

        Where the texts of options are scored, the right one is among the requests already.
        """
        settings = self.settings
        if settings.gold is None or (settings.generation is None and settings.options.scored == "texts"):
            return None
        values = values_of(item, settings.options, settings.subjects)
        prompt = fill(settings.gold.prompt, values) if settings.gold.prompt else self.prompt(item)
        return prompt, fill(settings.gold.target, values)

    def shown(self, item: ChoiceItem) -> tuple[str, ...]:
        """What is scored for each option, without the separator before it."""
        return self.settings.options.shown(item)


def suite_names() -> list[str]:
    """The suites that Gristmill knows, those whose data must be had elsewhere among them."""
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

    Raises :class:`UsageError` for an unknown name, a suite of one's own that is called like one of Gristmill's, and a
    template with anything but fields of its items in braces.
    """
    path = SUITES / f"{name_or_path}.yaml"
    if name_or_path not in suite_names():
        path = Path(name_or_path)
        if path.suffix not in (".yaml", ".yml"):
            raise UsageError(f"there is no suite {name_or_path!r}{did_you_mean(name_or_path, suite_names())}")
    settings = Settings.load(path)
    if path.parent.resolve() != SUITES and settings.name.lower() in (*suite_names(), *MEASURED):
        raise UsageError(
            f"{path}: name: scores are filed by the name of a suite, and {settings.name} is one of Gristmill's. Call "
            f"yours otherwise, such as my-{settings.name}."
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


def load_suite(
    name_or_path: str,
    data: Path | Sequence[Path] = (),
    limit: int = 0,
    accept_licences: Collection[str] = (),
) -> Suite:
    """A suite by name, or by the path of its YAML file.

    ``data`` is the folder that has the files of benchmarks, or several. ``limit`` takes a fixed subset of that many
    items; ``name@50`` is the same as a limit of 50. Raises :class:`UsageError` for an unknown name, a wrong key, data
    that is not there or not the expected one, a licence that was not accepted, an item that does not fit its
    conventions, a repeated id, or a field of a template that items do not have.
    """
    name, limit = (name_or_path, limit) if limit else split_limit(name_or_path)
    settings, path = settings_of(name)
    check_licence(name, settings, accept_licences)
    folders = [data] if isinstance(data, Path) else list(data)
    items = _read(settings, "items", path, folders)
    _check(settings, items, path)
    limit = limit if limit < len(items) else 0
    chosen = tuple(subset_of(items, limit)) if limit else tuple(items)
    if settings.shots is None:
        return Suite(settings=settings, items=chosen, limit=limit)
    examples = _examples(settings, settings.shots, items, path, folders)
    return Suite(settings=settings, items=chosen, shots={item.id: examples[item.id] for item in chosen}, limit=limit)


def _examples(
    settings: Settings, shots: Shots, items: Sequence[Item], path: Path, folders: Sequence[Path]
) -> dict[str, str]:
    """The text of the examples before each item; they are chosen for the whole set, so a limit changes none."""
    pool = _read(settings, shots.role, path, folders)
    try:
        chosen = choose_shots(items, pool, shots)
    except ValueError as error:
        raise UsageError(f"{path}: shots: {error}") from error
    template = settings.prompt + shots.target
    blocks: dict[tuple[int, ...], str] = {}  # the items of a board share theirs
    found: dict[str, str] = {}
    for name, picked in chosen.items():
        key = tuple(id(shot) for shot in picked)
        if key not in blocks:
            texts = (fill(template, values_of(shot, settings.options, settings.subjects)) for shot in picked)
            blocks[key] = "".join(text + shots.separator for text in texts)
        found[name] = blocks[key]
    return found


def subset_of(items: Sequence[Item], limit: int) -> list[Item]:
    """``limit`` items in their order, spread evenly over the subsets; a larger limit only adds items.

    Within a subset items are ranked by the digest of their ids; of all items those whose rank takes the smallest share
    of their subset are chosen.
    """
    by_subset: dict[str, list[Item]] = {}
    for item in items:
        by_subset.setdefault(item.subset, []).append(item)
    order = {item.id: digest_text(item.id) for item in items}
    shares: dict[str, tuple[float, str]] = {}
    for found in by_subset.values():
        for rank, item in enumerate(sorted(found, key=lambda item: order[item.id])):
            shares[item.id] = ((rank + 0.5) / len(found), order[item.id])
    chosen = set(sorted(shares, key=shares.__getitem__)[:limit])
    return [item for item in items if item.id in chosen]


def _read(settings: Settings, role: str, path: Path, folders: Sequence[Path]) -> Sequence[Item]:
    paths, file = find(settings.name, settings.data, role, path.parent, folders)
    items = READERS[file.reader or settings.data.reader](paths)
    return items[file.rows[0] - 1 : file.rows[1]] if file.rows else items


def _check(settings: Settings, items: Sequence[Item], path: Path) -> None:
    """Raises :class:`UsageError` for items that do not fit the rest of the suite."""
    repeated = [name for name, count in Counter(item.id for item in items).items() if count > 1]
    if repeated or not items:
        raise UsageError(f"{path}: items: " + (f"id {repeated[0]!r} occurs twice" if repeated else "there are none"))
    kind, judge = type(items[0]), CONVENTIONS[settings.conventions[0]]
    if kind is not JUDGES[type(judge)]:
        raise UsageError(
            f"{path}: conventions: {settings.conventions[0]} does not grade what {settings.data.reader} reads"
        )
    for name in settings.conventions:
        _refuse_other_answers(items, name, CONVENTIONS[name])


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
