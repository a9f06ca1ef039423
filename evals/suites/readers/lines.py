"""Items as JSON lines, the form of our own and of users' suites: one item per line, with its fields as keys.

An answer may be written ``"answer": "5"`` for ``"answers": [["5"]]``, and ``"answers": ["5", "five"]`` for several
accepted ones. Cost: one pass.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from gristmill.core.errors import UsageError
from gristmill.evals.suites.items import AnswerItem, ChoiceItem, CodeItem
from gristmill.evals.suites.readers.json_text import parse_json
from gristmill.evals.suites.readers.rows import text_of


def json_lines(path: Path) -> Iterator[tuple[str, Any]]:
    """``(file:line, value)`` of every line that is not blank. Raises :class:`UsageError` for invalid JSON."""
    for number, line in enumerate(text_of(path).split("\n"), start=1):
        if line.strip():
            yield f"{path.name}:{number}", parse_json(line, f"{path}:{number}")


def code_items(paths: Sequence[Path]) -> list[CodeItem]:
    """Code items. Raises :class:`UsageError` for any other line."""
    return [CodeItem.parse(value, place) for path in paths for place, value in json_lines(path)]


def answer_items(paths: Sequence[Path]) -> list[AnswerItem]:
    """Items with a written answer. Raises :class:`UsageError` for any other line."""
    return [AnswerItem.parse(_answers(value), place) for path in paths for place, value in json_lines(path)]


def choice_items(paths: Sequence[Path]) -> list[ChoiceItem]:
    """Multiple choice. Raises :class:`UsageError` for any other line, or one with an option twice."""
    items: list[ChoiceItem] = []
    for path in paths:
        for place, value in json_lines(path):
            item = ChoiceItem.parse(value, place)
            # Published benchmarks have such items, and their scores count them; in a user's own set it is a mistake.
            if len(set(item.options)) != len(item.options):
                raise UsageError(f"{place}: two options are equal")
            items.append(item)
    return items


def _answers(value: Any) -> Any:
    """``value`` with its answers expanded from the short form."""
    if not isinstance(value, dict):
        return value
    rest = {key: found for key, found in value.items() if key not in ("answer", "answers")}
    given = value["answers"] if "answers" in value else [value["answer"]] if "answer" in value else []
    if not isinstance(given, list):
        return value
    return {**rest, "answers": [[answer] if isinstance(answer, str) else answer for answer in given]}
