"""A suite: items, their prompts, how to generate, how to grade. YAML for the settings, files for the items.

A suite is data: only the checks of code items are executed; they are trusted and run apart from the candidate
(``gristmill.evals.oracle``). The digest covers every item, every prompt and every setting that changes a score, so a
stored score names exactly what was asked. Cost: reading the files once.
"""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from gristmill.core.config import Config
from gristmill.core.digests import digest_json, digest_text
from gristmill.core.errors import UsageError
from gristmill.evals.scoring.conventions import (
    CONVENTIONS,
    Convention,
    TextConvention,
)
from gristmill.evals.suites.files import find
from gristmill.evals.suites.items import AnswerItem, ChoiceItem, CodeItem, Item
from gristmill.evals.suites.prompts import Shots, choose_shots, fill, values_of
from gristmill.evals.suites.readers.registry import READERS
from gristmill.evals.suites.settings import JUDGES, Settings, check_licence, settings_of, split_limit


class Suite(Config):
    """Settings and items of one suite. All items are of the kind that its conventions grade.

    ``shots`` maps the id of an item to the text of the examples before it. ``limit`` is 0 for the whole set.
    """

    settings: Settings
    items: tuple[Item, ...]
    shots: Mapping[str, str] = {}
    limit: int = 0

    @property
    def name(self) -> str:
        """The name of the suite; ``name@50`` when it is limited to 50 items."""
        return f"{self.settings.name}@{self.limit}" if self.limit else self.settings.name

    @property
    def digest(self) -> str:
        """xxh3-128 over items, shots and settings, except those that change no score."""
        unread = {"about", "licence", "non_commercial", "data"} | (
            set() if self.settings.thinking_end else {"thinking_end"}
        )
        settings = self.settings.model_dump(mode="json", exclude=unread)
        items = [item.model_dump(mode="json") for item in self.items]
        shots = [digest_text(self.shots.get(item.id, "")) for item in self.items]
        return digest_json({"settings": settings, "items": items, "shots": shots, "limit": self.limit})

    def thinking_until(self, end: str) -> "Suite":
        """The suite for outputs whose thinking ends at ``end``. Raises :class:`UsageError` without written answers."""
        if self.settings.generation is None:
            raise UsageError(f"suite {self.name} has no written answers, so no thinking could end")
        return self.model_copy(update={"settings": self.settings.model_copy(update={"thinking_end": end})})

    @property
    def code(self) -> bool:
        """Whether answers are programs, which need the jail."""
        return isinstance(self.items[0], CodeItem)

    @property
    def chance(self) -> float | None:
        """The score of guessing; None for written answers."""
        found = [item.chance for item in self.items if isinstance(item, ChoiceItem)]
        return sum(found) / len(found) if found else None

    def prompt(self, item: Item) -> str:
        """The prompt of one item: preamble, shots, question; without white space at its end unless ``trim`` is off.

        A tokenizer joins a line feed with the indentation after it. A prompt that ends in just the line feed is split
        as no training text was, and code models then answer with something other than code.
        """
        settings = self.settings
        values = values_of(item, settings.options, settings.subjects)
        text = fill(settings.preamble, values) + self.shots.get(item.id, "") + fill(settings.prompt, values)
        return text.rstrip() if settings.trim else text

    def gold(self, item: Item) -> tuple[str, str] | None:
        """Prompt and continuation for the likelihood of the gold answer; None if nothing needs to be asked.

        If the texts of options are scored, the right one is already among the requests.
        """
        settings = self.settings
        if settings.gold is None or (settings.generation is None and settings.options.scored == "texts"):
            return None
        values = values_of(item, settings.options, settings.subjects)
        prompt = fill(settings.gold.prompt, values) if settings.gold.prompt else self.prompt(item)
        return prompt, fill(settings.gold.target, values)

    def shown(self, item: ChoiceItem) -> tuple[str, ...]:
        """The text that is scored for each option, without the separator before it."""
        return self.settings.options.shown(item)


def load_suite(
    name_or_path: str,
    data: Path | Sequence[Path] = (),
    limit: int = 0,
    accept_licences: Collection[str] = (),
) -> Suite:
    """A suite by name, or by the path of its YAML file.

    ``data`` is the folder with the benchmark files, or several. ``limit`` takes a fixed subset of that many
    items; ``name@50`` is the same as a limit of 50. Raises :class:`UsageError` for an unknown name, a wrong key, data
    that is missing or not the expected one, a licence that was not accepted, an item that does not fit its
    conventions, a repeated id, or an unknown field in a template.
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
    """The text of the examples before each item; they are chosen for the whole set, so a limit does not change them."""
    pool = _read(settings, shots.role, path, folders)
    try:
        chosen = choose_shots(items, pool, shots)
    except ValueError as error:
        raise UsageError(f"{path}: shots: {error}") from error
    template = settings.prompt + shots.target
    blocks: dict[tuple[int, ...], str] = {}  # the items of a board share their examples
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

    Within a subset items are ranked by the digest of their ids; the chosen items are those with the smallest rank as a
    share of their subset.
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
    """Raises :class:`UsageError` when the convention cannot compare with a gold answer."""
    if not isinstance(convention, TextConvention):
        return
    pattern = re.compile(convention.answers)
    for item in items:
        for answer in item.answers if isinstance(item, AnswerItem) else ():
            if not all(pattern.search(part) for part in answer):
                wanted = f"{name} compares {convention.answers_are}"
                raise UsageError(f"item {item.id}: answers: {', '.join(answer)!r}; the convention {wanted}")
