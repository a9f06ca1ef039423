"""The texts of each item to search for: its question, the question with its options, its passage; and its answers.

The parts are those of AI2's decon (question, answer, passage). A multiple-choice question is searched for both alone
and followed by its options, because corpora contain both and a short question says little without its options. The
letters of the options weigh next to nothing, as every item has them, so a corpus may omit them; short lists are
searched for without letters too. A passage is searched for apart from its questions, since it usually comes from a text
that a corpus may contain anyway. Cost: one pass over the items.
"""

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

import pyarrow as pa

from gristmill.core.table import conform
from gristmill.evals.suites.items import ChoiceItem, CodeItem, Item
from gristmill.evals.suites.suite import Suite
from gristmill.schemas.tables import EvalItems

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
SHORT_LIST = 200  # characters below which letters break up every n-gram of a list of options


def eval_items(suite: Suite) -> pa.Table:
    """The rows of ``eval_items`` for every item of ``suite``."""
    rows = [
        {"suite": suite.name, "suite_digest": suite.digest, "item": item.id} | form
        for item in suite.items
        for form in _forms(item)
    ]
    return conform(EvalItems, pa.Table.from_pylist(rows, schema=EvalItems.schema))


def _forms(item: Item) -> Iterator[dict[str, Any]]:
    answers = _answers(item)
    if isinstance(item, CodeItem):
        yield _form("question", "\n".join(part for part in (item.question, item.prompt) if part), answers)
        return
    if item.passage:
        yield _form("passage", item.passage, ())
    if isinstance(item, ChoiceItem):
        letter = LETTERS[item.answer] if item.answer < len(LETTERS) else ""
        told = {"options": list(item.options), "letter": letter}
        yield _form("question", item.question, answers) | told
        listed = (
            f"{mark}. {text}" for mark, text in zip_longest(LETTERS[: len(item.options)], item.options, fillvalue="")
        )
        yield _form("options", "\n".join((item.question, *listed)), answers) | told
        bare = "\n".join((item.question, *item.options))
        if len(bare) < SHORT_LIST:
            yield _form("options", bare, answers) | told
    else:
        yield _form("question", item.question, answers)


def _form(form: str, text: str, answers: tuple[str, ...]) -> dict[str, Any]:
    return {"form": form, "text": text, "answers": list(answers), "options": [], "letter": ""}


def _answers(item: Item) -> tuple[str, ...]:
    """Every text that gives the right answer away."""
    if isinstance(item, CodeItem):
        return (item.solution,)
    if isinstance(item, ChoiceItem):
        return (item.options[item.answer],)
    given = (" ".join(answer) for answer in item.answers)
    return tuple(dict.fromkeys(text for text in (*given, item.solution) if text.strip()))
