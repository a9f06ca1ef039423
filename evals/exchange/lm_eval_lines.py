"""Lines of lm-eval's ``--log_samples``: which item of a suite each line's document is.

``doc_id`` counts the documents of a task after filters and shuffles, so it means nothing outside that run. An item is
found by the contents of its document: the text of the question, then the passage and the id when questions repeat. The
number only decides between items that the texts cannot tell apart, or when the document agrees with it. Cost: one
look-up for each text of a document.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from gristmill.core.errors import UsageError
from gristmill.evals.suites.items import CodeItem, Item
from gristmill.evals.suites.suite import Suite

SHOWN = 80
"""Characters of a document that a message repeats."""
LONG = 16
"""Characters of the shortest question to search for inside a longer text: shorter ones occur by chance."""


class Documents:
    """The items of a suite, by the texts of their documents."""

    def __init__(self, suite: Suite) -> None:
        self._suite = suite
        self._asking: dict[str, list[Item]] = {}
        for item in suite.items:
            for text in _questions(item):
                self._asking.setdefault(text, []).append(item)

    def item(self, line: Mapping[str, Any], named: str | None, place: str) -> str:
        """The id of the item that a line answers; ``named`` is the one that the document's own id names, if it has one.

        Raises :class:`UsageError` for a document that is not in the suite, whose question and id belong to different
        items, or that could be several items.
        """
        doc, number = line["doc"], line.get("doc_id")
        held, words = _texts(doc)
        found = {item.id: item for text in words for item in self._asking.get(text, ())}
        if named is not None:
            if named in found or words <= {_plain(str(doc["task_id"]))}:
                return named
            other = f"the question of {next(iter(found))}" if found else "another text"
            raise UsageError(
                f"{place}: the id of this document is that of {named}, but it has {other}: {_start(doc)}. Is it the "
                "same version of the data?"
            )
        agree = [item for item in found.values() if _plain(getattr(item, "passage", "")) in (held | {""})]
        counted = self._at(number)
        for same in (
            agree,
            [item for item in agree if item.id in held],
            [item for item in agree if item is counted],
        ):
            if len(same) == 1:
                return same[0].id
        if not found and counted and _holds(words, counted):
            return counted.id
        what = (
            f"could be {', '.join(item.id for item in agree[:3])}" if agree else f"is not in suite {self._suite.name}"
        )
        raise UsageError(
            f"{place}: the document of this line (doc_id {number!r}) {what}: {_start(doc)}. It does not say which item "
            "it answers: doc_id counts the documents after filters. Is it the right suite, and the same version of the "
            "data?"
        )

    def _at(self, number: object) -> Item | None:
        """The item with that number in the whole set, which is how lm-eval counts when nothing is filtered."""
        items: Sequence[Item] = self._suite.items
        if type(number) is not int or self._suite.limit or not 0 <= number < len(items):
            return None
        return items[number]


def _questions(item: Item) -> list[str]:
    """The texts of an item's question."""
    asked = (item.question, item.prompt) if isinstance(item, CodeItem) else (item.question,)
    return [text for text in map(_plain, asked) if text]


def _holds(words: Collection[str], item: Item) -> bool:
    """Whether an item's question is part of one of the ``words``, as in a prompt that was made from it."""
    return any(len(text) >= LONG and text in word for text in _questions(item) for word in words)


def _texts(doc: object) -> tuple[set[str], set[str]]:
    """Every value of a document as text, and those that are text themselves."""
    waiting, held, words = [doc], set[str](), set[str]()
    while waiting:
        value = waiting.pop()
        if isinstance(value, Mapping):
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, str):
            words.add(_plain(value))
        elif value is not None:
            held.add(str(value))
    return held | words, words


def _plain(text: str) -> str:
    """A text with its white space normalised."""
    return " ".join(text.split())


def _start(doc: object) -> str:
    text = json.dumps(doc, ensure_ascii=False)
    return text[:SHOWN] + ("..." if len(text) > SHOWN else "")
