"""HumanEval and MBPP as their authors publish them.

HumanEval (Chen et al. 2021, openai/human-eval ``data/HumanEval.jsonl.gz``): the prompt is a signature with docstring,
the check defines ``check(candidate)`` and may call the gold solution, which is therefore loaded as setup.
"""

from collections.abc import Sequence
from pathlib import Path

from evals.items import CodeItem
from evals.readers.rows import need, rows_of


def humaneval(paths: Sequence[Path]) -> list[CodeItem]:
    """The items of HumanEval; ids are ``HumanEval/0`` and so on."""
    return [
        CodeItem.parse(
            {
                "id": name,
                "prompt": prompt,
                "entry_point": entry_point,
                "solution": solution,
                "check": check,
                "setup": prompt + solution,
            },
            place,
        )
        for place, row in rows_of(paths)
        for name, prompt, solution, check, entry_point in [
            need(row, place, "task_id", "prompt", "canonical_solution", "test", "entry_point")
        ]
    ]
