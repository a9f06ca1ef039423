"""Prompts: a template filled with the fields of an item, after worked examples (shots) of the same form.

Templates have only ``{field}``, and ``{{`` and ``}}`` for a brace; they contain no code. The order of a prompt is that
of lm-eval (``lm_eval/api/task.py``, ``fewshot_context``): preamble, shots, the question. ``draw`` is
its default sampler: Python's ``random.Random(seed).sample`` over the pool, once for each item in order, so an item's
shots depend on its place in the whole set and not on a limit. ``first`` is its sampler ``first_n``. Cost:
linear in the text.
"""

import re
from collections.abc import Mapping, Sequence
from random import Random
from typing import Annotated, Literal

from pydantic import Field

from gristmill.core.config import Config, did_you_mean
from gristmill.evals.suites.items import AnswerItem, ChoiceItem, CodeItem, Item

PART = re.compile(r"\{\{|\}\}|\{([a-z_]+)\}|[{}]")
"""The parts of a template that are not plain text: an escaped brace, a field, or a stray brace."""
NEAR = 20
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
COMMON = ("subject", "group", "gold")
FIELDS: Mapping[type[Item], tuple[str, ...]] = {
    CodeItem: (*COMMON, "question", "prompt", "check", "entry_point", "solution"),
    AnswerItem: (*COMMON, "passage", "question", "solution", "answer"),
    ChoiceItem: (*COMMON, "passage", "question", "options", "letter", "last_letter", "right_option"),
}
"""The fields of a template. ``gold`` is the right answer: a solution, an answer, or an option's text or letter."""


class Options(Config):
    """How the options of a choice are shown, and whether their texts or letters are scored."""

    scored: Annotated[Literal["texts", "letters"], Field(description="what follows the prompt")] = "texts"
    form: Annotated[str, Field(description="one option, of {letter} and {text}")] = "{letter}. {text}"
    join: Annotated[str, Field(description="between two options")] = "\n"

    def shown(self, item: ChoiceItem) -> tuple[str, ...]:
        """The text that is scored for each option."""
        return item.options if self.scored == "texts" else tuple(LETTERS[: len(item.options)])

    def block(self, item: ChoiceItem) -> str:
        """All options, as ``{options}`` shows them."""
        pairs = zip(LETTERS, item.options, strict=False)
        return self.join.join(fill(self.form, {"letter": letter, "text": text}) for letter, text in pairs)


class Shots(Config):
    """Worked examples before the question, from the files of a role; from the item's own subset if that has any."""

    count: Annotated[int, Field(ge=1, le=64, description="examples before each question")]
    role: Annotated[str, Field(description="files they come from")] = "shots"
    pick: Annotated[Literal["first", "draw"], Field(description="the first ones, or drawn for each item")] = "first"
    seed: Annotated[int, Field(ge=0, description="seed of the draw")] = 1234
    target: Annotated[str, Field(min_length=1, description="template of the answer after the prompt")] = " {gold}"
    separator: Annotated[str, Field(description="after each example")] = "\n\n"


def values_of(item: Item, options: Options, subjects: Mapping[str, str]) -> dict[str, str]:
    """The fields that a template may name, see :data:`FIELDS`; ``subjects`` names subsets for a reader."""
    common = {"subject": subjects.get(item.subset, item.subset.replace("_", " ")), "group": item.group}
    if isinstance(item, CodeItem):
        own = item.model_dump(include={"question", "prompt", "check", "entry_point", "solution"})
        return {**common, **own, "gold": item.solution}
    if isinstance(item, AnswerItem):
        own = item.model_dump(include={"passage", "question", "solution"})
        return {**common, **own, "answer": ", ".join(item.answers[0]), "gold": item.gold}
    return {
        **common,
        "passage": item.passage,
        "question": item.question,
        "options": options.block(item),
        "letter": LETTERS[item.answer],
        "last_letter": LETTERS[len(item.options) - 1],
        "gold": options.shown(item)[item.answer],
        "right_option": item.options[item.answer],
    }


def fill(template: str, values: Mapping[str, str]) -> str:
    """``template`` with every ``{field}`` replaced. Raises ``KeyError`` for a field that is not in ``values``."""
    return PART.sub(lambda match: values[match[1]] if match[1] else match[0][0], template)


def check_template(template: str, fields: Sequence[str]) -> None:
    """Raises ``ValueError`` for an unknown field in braces, and for a stray brace."""
    for match in PART.finditer(template):
        if match[0] in ("{", "}"):
            near = template[max(0, match.start() - NEAR) : match.start() + NEAR]
            raise ValueError(
                f"in {near!r} a brace belongs to no field: write {{{{ or }}}} for a brace, and for a field "
                f"only its name, such as {{{fields[0]}}}"
            )
        if match[1] and match[1] not in fields:
            raise ValueError(f"items have no {match[1]!r}{did_you_mean(match[1], list(fields))}")


def choose_shots(items: Sequence[Item], pool: Sequence[Item], shots: Shots) -> dict[str, tuple[Item, ...]]:
    """The shots of each item, by id. An item is never its own shot.

    Raises ``ValueError`` when a pool has fewer than ``shots.count`` examples.
    """
    pools: dict[str, list[Item]] = {}
    for example in pool:
        pools.setdefault(example.subset, []).append(example)
    draws = {subset: Random(shots.seed) for subset in pools}  # noqa: S311 - not a secret, and the same as lm-eval's
    found: dict[str, tuple[Item, ...]] = {}
    for item in items:
        subset = item.subset if item.subset in pools else ""
        examples = pools.get(subset, [])
        own = shots.role == "items"
        if len(examples) < shots.count + own:
            raise ValueError(
                f"{len(examples)} examples for {subset or 'the items'}, and {shots.count} shots are wanted"
            )
        drawn = draws[subset].sample(examples, shots.count + own) if shots.pick == "draw" else examples
        found[item.id] = tuple(example for example in drawn if not own or example.id != item.id)[: shots.count]
    return found
