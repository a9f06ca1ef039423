"""Reading with options: BoolQ, RACE and C3 as their authors publish them."""

from collections.abc import Sequence
from pathlib import Path

from gristmill.core.errors import UsageError
from gristmill.evals.suites.items import ChoiceItem
from gristmill.evals.suites.readers.rows import json_of, need, rows_of

LETTERS = "ABCDEFG"


def boolq(paths: Sequence[Path]) -> list[ChoiceItem]:
    """BoolQ (Clark et al. 2019): yes-or-no questions about a passage, the options ``no`` and ``yes`` as in lm-eval.

    The rows have the fields ``question``, ``passage`` and ``answer``. Questions about one passage are a group.
    """
    items: list[ChoiceItem] = []
    passages: dict[str, str] = {}
    for number, (place, row) in enumerate(rows_of(paths)):
        question, passage, answer = need(row, place, "question", "passage", "answer")
        group = passages.setdefault(passage, f"passage-{len(passages)}")
        values = {"id": str(number), "passage": passage, "question": question, "group": group}
        items.append(ChoiceItem.parse({**values, "options": ["no", "yes"], "answer": int(answer)}, place))
    return items


def race(paths: Sequence[Path]) -> list[ChoiceItem]:
    """RACE (Lai et al. 2017), one file per article: each question is an item, the article is the group."""
    items: list[ChoiceItem] = []
    for path in paths:
        name, article, questions, options, answers = need(
            json_of(path), path.name, "id", "article", "questions", "options", "answers"
        )
        group = name.removesuffix(".txt")
        for number, (question, shown, letter) in enumerate(zip(questions, options, answers, strict=True)):
            values = {"id": f"{group}/{number}", "passage": article, "question": question, "options": shown}
            values |= {"answer": LETTERS.index(letter), "group": group}
            items.append(ChoiceItem.parse(values, path.name))
    return items


def c3(paths: Sequence[Path]) -> list[ChoiceItem]:
    """C3 (Sun et al. 2020): two to four options about a dialogue (``d``) or another text (``m``), which is the group.

    The subset is ``dialogue`` or ``mixed``, after the name of the file.
    """
    items: list[ChoiceItem] = []
    for path in paths:
        subset = "dialogue" if "-d-" in path.name else "mixed"
        for number, entry in enumerate(json_of(path)):
            place = f"{path.name}: text {number}"
            if not isinstance(entry, list) or len(entry) != 3:
                raise UsageError(f"{place}: expected lines, questions and an id. Is it a file of C3?")
            lines, questions, name = entry
            for part, found in enumerate(questions):
                question, options, answer = need(found, place, "question", "choice", "answer")
                if answer not in options:
                    raise UsageError(f"{place}: the answer of question {part} is not one of its options")
                values = {"id": f"{subset}/{name}/{part}", "passage": "\n".join(lines), "question": question}
                values |= {"options": options, "answer": options.index(answer)}
                items.append(ChoiceItem.parse({**values, "group": f"{subset}/{name}", "subset": subset}, place))
    return items
