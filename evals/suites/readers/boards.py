"""Boards: exams in many subjects, one file per subject. The subset of an item is its subject.

MMLU (Hendrycks et al. 2021), C-Eval (Huang et al. 2023), CMMLU (Li et al. 2023), AGIEval (Zhong et al. 2023) and
GAOKAO-Bench (Zhang et al. 2023). Ids are ``subject/number``, the number from 0 in the order of the file, or the
number that the file gives.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from gristmill.core.errors import UsageError
from gristmill.evals.suites.items import AnswerItem, ChoiceItem
from gristmill.evals.suites.readers.rows import Row, cells_of, json_of, need, rows_of

LETTERS = "ABCD"
SPLIT = re.compile(r"_(test|dev|val)$")


def mmlu(paths: Sequence[Path]) -> list[ChoiceItem]:
    """MMLU: CSV files without header: question, four options, letter. Questions are stripped, as lm-eval does."""
    items: list[ChoiceItem] = []
    for path in paths:
        subject = SPLIT.sub("", path.stem)
        for number, (place, cells) in enumerate(cells_of(path)):
            if len(cells) != 6:
                raise UsageError(f"{place}: {len(cells)} cells; expected a question, four options and a letter")
            question, *options, letter = cells
            items.append(_choice(subject, str(number), question, options, letter, place))
    return items


def ceval(paths: Sequence[Path]) -> list[ChoiceItem]:
    """C-Eval: CSV files with the columns id, question, A, B, C, D, answer."""
    return _lettered(paths, "question", "answer", number="id")


def cmmlu(paths: Sequence[Path]) -> list[ChoiceItem]:
    """CMMLU: CSV files with the columns Question, A, B, C, D, Answer, and a number without a name."""
    return _lettered(paths, "Question", "Answer", number="")


def agieval(paths: Sequence[Path]) -> list[ChoiceItem]:
    """The multiple-choice questions of AGIEval v1. Options keep the source's letters before them, usually ``(A)``.

    Leaves out questions with several right options (35 in physics, 7 in mathematics), where no single choice is right.
    lm-eval counts any of them as right.
    """
    items: list[ChoiceItem] = []
    for path in paths:
        for number, (place, row) in enumerate(rows_of([path])):
            question, options, label = need(row, place, "question", "options", "label")
            passage = row.get("passage") or ""
            if isinstance(label, str) and len(label) == 1:
                values = {"id": f"{path.stem}/{number}", "question": question, "passage": passage, "options": options}
                values |= {"answer": LETTERS.index(label), "subset": path.stem, "group": _group(passage, items)}
                items.append(ChoiceItem.parse(values, place))
    return items


def agieval_cloze(paths: Sequence[Path]) -> list[AnswerItem]:
    """The questions of AGIEval v1 with written answers."""
    items: list[AnswerItem] = []
    for path in paths:
        for number, (place, row) in enumerate(rows_of([path])):
            question, answer = need(row, place, "question", "answer")
            values = {"id": f"{path.stem}/{number}", "question": question, "answers": [[answer]]}
            items.append(AnswerItem.parse({**values, "subset": path.stem}, place))
    return items


def gaokao_bench(paths: Sequence[Path]) -> list[AnswerItem]:
    """The objective questions of GAOKAO-Bench. An entry asks one or more questions, the parts of its answer.

    Options are in the text of the question; a part is a letter, or several if several options are right.
    """
    items: list[AnswerItem] = []
    for path in paths:
        (entries,) = need(json_of(path), path.name, "example")
        for entry in entries:
            place = f"{path.name}: {entry.get('index')}"
            index, question, answer = need(entry, place, "index", "question", "answer")
            values = {"id": f"{path.stem}/{index}", "question": question, "answers": [answer], "subset": path.stem}
            items.append(AnswerItem.parse(values, place))
    return items


def _lettered(paths: Sequence[Path], question: str, answer: str, number: str) -> list[ChoiceItem]:
    items: list[ChoiceItem] = []
    for path in paths:
        subject = SPLIT.sub("", path.stem)
        for place, row in rows_of([path]):
            words, *options, letter, name = need(row, place, question, *LETTERS, answer, number)
            items.append(_choice(subject, name, words, options, letter, place))
    return items


def _choice(subject: str, number: str, question: str, options: Sequence[str], letter: str, place: str) -> ChoiceItem:
    if letter not in LETTERS:
        raise UsageError(f"{place}: the answer is {letter!r}, expected one of {', '.join(LETTERS)}")
    values: Row = {"id": f"{subject}/{number}", "question": question.strip(), "options": list(options)}
    return ChoiceItem.parse({**values, "answer": LETTERS.index(letter), "subset": subject}, place)


def _group(passage: str, items: Sequence[ChoiceItem]) -> str:
    """The group of the previous item if it is about the same passage, or a new one: such questions are adjacent."""
    if not passage:
        return ""
    before = items[-1] if items else None
    return before.group if before is not None and before.passage == passage else f"passage-{len(items)}"
