"""HumanEval and MBPP as their authors publish them.

HumanEval (Chen et al. 2021, openai/human-eval ``data/HumanEval.jsonl.gz``): the prompt is a signature with docstring,
the check defines ``check(candidate)`` and may call the gold solution, which is therefore loaded as setup.

MBPP (Austin et al. 2021, google-research ``mbpp/mbpp.jsonl``) and its sanitized part (``sanitized-mbpp.json``): the
prompt shows the task in words and the tests, which name the function. Rows 11 to 510 are the test split.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from gristmill.core.errors import UsageError
from gristmill.evals.suites.items import CodeItem
from gristmill.evals.suites.readers.rows import Row, need, rows_of

LIVE = frozenset({"367"})
"""MBPP 367 takes objects of a class that the solution defines, so its tests run with it in the jail."""


def humaneval(paths: Sequence[Path]) -> list[CodeItem]:
    """The items of HumanEval; ids are ``HumanEval/0`` and so on."""
    items: list[CodeItem] = []
    for place, row in rows_of(paths):
        name, prompt, solution, check, entry_point = need(
            row, place, "task_id", "prompt", "canonical_solution", "test", "entry_point"
        )
        item = {"id": name, "prompt": prompt, "entry_point": entry_point, "solution": solution, "check": check}
        items.append(CodeItem.parse({**item, "setup": prompt + solution}, place))
    return items


def mbpp(paths: Sequence[Path]) -> list[CodeItem]:
    """The items of MBPP or of its sanitized part; ids are the numbers that the source gives them."""
    return [_mbpp(row, place) for place, row in rows_of(paths)]


def _mbpp(row: Row, place: str) -> CodeItem:
    name, code, tests = need(row, place, "task_id", "code", "test_list")
    (question,) = need(row, place, "text" if "text" in row else "prompt")
    setup = row["test_setup_code"] if "test_setup_code" in row else "\n".join(row.get("test_imports", []))
    values = {
        "id": str(name),
        "question": question,
        "entry_point": entry_point(code, tests, place),
        "solution": code,
        "check": "\n".join(tests),
        "setup": setup,
        "live": str(name) in LIVE,
    }
    return CodeItem.parse(values, place)


def entry_point(code: str, tests: Sequence[str], place: str) -> str:
    """The function of ``code`` that the tests call. Raises :class:`UsageError` when they call none."""
    defined = set(re.findall(r"^def\s+(\w+)", code, re.MULTILINE))
    called = [name for test in tests for name in re.findall(r"(\w+)\s*\(", test)]
    found: str | None = next((name for name in called if name in defined), None)
    if found is None:
        raise UsageError(f"{place}: the tests call none of the functions of the solution")
    return found
