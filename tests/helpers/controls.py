"""Models whose score is known before they are asked: gold, empty, always the first option."""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa

from gristmill.evals.generation.requests import requests_of
from gristmill.evals.generation.respond import respond
from gristmill.evals.generation.responses import ResponseStore
from gristmill.evals.generation.settings import Generation
from gristmill.evals.models.model import LogLikelihood, Output, Progress, TextBits
from gristmill.evals.scoring.grading import grade
from gristmill.evals.scoring.scores import score
from gristmill.evals.suites.items import ChoiceItem, Item
from gristmill.evals.suites.suite import Suite

CONTROL = "c" * 32
Likes = Callable[[str, str], bool]


class Scripted:
    """Gives ``outputs`` by prompt, nothing to other prompts, and prefers the continuations that it likes."""

    backend = "scripted"

    def __init__(self, outputs: dict[str, str], likes: Likes) -> None:
        self.outputs, self.likes = outputs, likes

    def generate(
        self, prompts: Sequence[str], seeds: Sequence[int], settings: Generation, progress: Progress
    ) -> list[Output]:
        return [Output(self.outputs.get(prompt, ""), 1, "end") for prompt in prompts]

    def loglikelihood(
        self, pairs: Sequence[tuple[str, str]], progress: Progress, near: Collection[int] = ()
    ) -> list[LogLikelihood]:
        # A dislike costs the more the longer it is, so that no convention prefers it for its length, and the same a
        # byte, so that a model without preference ties.
        return [
            LogLikelihood(-0.1 if self.likes(*pair) else -9.0 * len(pair[1].strip().encode()), 1, 0, False)
            for pair in pairs
        ]

    def text_bits(self, texts: Sequence[str], progress: Progress) -> list[TextBits]:
        raise AssertionError("a suite has no texts")


def gold(suite: Suite) -> Scripted:
    """Always right."""
    if suite.settings.generation is not None:
        answers = {item.id: suite.gold(item) for item in suite.items}
        return Scripted({gold[0]: gold[1] for gold in answers.values() if gold}, lambda prompt, text: True)
    choices = [item for item in suite.items if isinstance(item, ChoiceItem)]
    liked = {(suite.prompt(item), suite.settings.separator + suite.shown(item)[item.answer]) for item in choices}
    return Scripted({}, lambda prompt, text: (prompt, text) in liked)


def empty() -> Scripted:
    """Says nothing and prefers nothing."""
    return Scripted({}, lambda prompt, text: False)


def always_first(suite: Suite) -> Scripted:
    """Prefers the first option, whatever it is."""
    choices = [item for item in suite.items if isinstance(item, ChoiceItem)]
    liked = {(suite.prompt(item), suite.settings.separator + suite.shown(item)[0]) for item in choices}
    return Scripted({}, lambda prompt, text: (prompt, text) in liked)


def shuffled(suite: Suite) -> Suite:
    """The same questions with their options in an order drawn for each."""
    draw = Random(4)
    items: list[Item] = []
    for item in suite.items:
        assert isinstance(item, ChoiceItem)
        order = draw.sample(range(len(item.options)), len(item.options))
        options = tuple(item.options[place] for place in order)
        items.append(item.model_copy(update={"options": options, "answer": order.index(item.answer)}))
    return suite.model_copy(update={"items": tuple(items)})


def scores_of(model: Scripted, suite: Suite, store: Path, conventions: Sequence[str] = ()) -> list[dict[str, Any]]:
    """The scores of all items, one row a metric, the headline first."""
    with ResponseStore(store, CONTROL, model.backend) as kept:
        responses: pa.Table = respond(model, CONTROL, suite.name, requests_of(suite), kept)
    rows = score(suite, grade(suite, responses, conventions, jail_workers=2)).to_pylist()
    return sorted((row for row in rows if row["subset"] == "all"), key=lambda row: not row["headline"])
