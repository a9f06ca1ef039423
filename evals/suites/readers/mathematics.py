"""Word problems and mathematics: GSM8K, MGSM, CMATH and MATH as their authors publish them.

A set without ids is numbered from 0 in the order of its file, as lm-eval numbers its documents.
"""

from collections.abc import Sequence
from pathlib import Path

from gristmill.core.errors import UsageError
from gristmill.evals.suites.items import AnswerItem
from gristmill.evals.suites.readers.rows import cells_of, need, rows_of

BOXED = ("\\boxed", "\\fbox")


def gsm8k(paths: Sequence[Path]) -> list[AnswerItem]:
    """GSM8K (Cobbe et al. 2021): ``question`` and ``answer``, whose last line is ``#### 18``."""
    items: list[AnswerItem] = []
    for number, (place, row) in enumerate(rows_of(paths)):
        question, solution = need(row, place, "question", "answer")
        _, mark, answer = solution.rpartition("#### ")
        if not mark:
            raise UsageError(f"{place}: the answer has no line '#### NUMBER'")
        values = {"id": str(number), "question": question, "answers": [[answer.strip()]], "solution": solution}
        items.append(AnswerItem.parse(values, place))
    return items


def mgsm(paths: Sequence[Path]) -> list[AnswerItem]:
    """MGSM (Shi et al. 2022): lines of question, tab, number."""
    items: list[AnswerItem] = []
    for path in paths:
        for place, cells in cells_of(path, "\t"):
            if len(cells) != 2:
                raise UsageError(f"{place}: {len(cells)} cells; expected a question and a number")
            values = {"id": str(len(items)), "question": cells[0], "answers": [[cells[1].strip()]]}
            items.append(AnswerItem.parse(values, place))
    return items


def cmath(paths: Sequence[Path]) -> list[AnswerItem]:
    """CMATH (Wei et al. 2023): Chinese word problems for elementary school; the grade is the subset."""
    items: list[AnswerItem] = []
    for number, (place, row) in enumerate(rows_of(paths)):
        question, answer, grade = need(row, place, "input", "golden", "grade")
        values = {"id": str(number), "question": question, "answers": [[str(answer)]], "subset": f"grade-{grade}"}
        items.append(AnswerItem.parse(values, place))
    return items


def math(paths: Sequence[Path]) -> list[AnswerItem]:
    """MATH (Hendrycks et al. 2021) and sets of its form: ``problem`` and ``solution``, whose last box is the answer.

    An ``answer`` is used as it is; ``type`` or ``subject`` is the subset; ``unique_id``, if present, the id.
    """
    items: list[AnswerItem] = []
    for number, (place, row) in enumerate(rows_of(paths)):
        question, solution = need(row, place, "problem", "solution")
        answer = row["answer"] if "answer" in row else last_boxed(solution)
        if not answer:
            raise UsageError(f"{place}: there is no answer: neither a field 'answer' nor a \\boxed in the solution")
        subset = str(row.get("type") or row.get("subject") or "")
        values = {
            "id": row.get("unique_id", str(number)),
            "question": question,
            "answers": [[answer]],
            "solution": solution,
            "subset": subset.lower().replace(" ", "_"),
        }
        items.append(AnswerItem.parse(values, place))
    return items


def last_boxed(solution: str) -> str:
    """The contents of the last ``\\boxed{...}`` or ``\\fbox{...}``, braces balanced; empty when there is none.

    ``\\boxed 5`` without braces extends to the next ``$``.
    """
    at, mark = max((solution.rfind(mark), mark) for mark in BOXED)
    if at < 0:
        return ""
    rest = solution[at + len(mark) :].lstrip()
    if not rest.startswith("{"):
        return rest.split("$")[0].strip()
    depth = 0
    for place, character in enumerate(rest):
        depth += {"{": 1, "}": -1}.get(character, 0)
        if depth == 0:
            return rest[1:place]
    return ""
