"""How an output becomes a program: the rules that are ours, and what stands before the text that is left."""

import time

import pytest

from gristmill.evals.scoring import extraction
from gristmill.evals.scoring.conventions import CONVENTIONS, CodeConvention
from gristmill.evals.suites.items import CodeItem

ITEM = CodeItem(
    id="Squares/0",
    prompt='import math\n\ndef answer(x):\n    """Square it."""\n',
    entry_point="answer",
    solution="    return x * x\n",
    check="def check(candidate):\n    assert candidate(2) == 4\n",
)
BODY = "    return x * x\n"
WHOLE = "def answer(x):\n    return math.prod((x, x))\n"


def run(convention: str, output: str) -> object:
    """What ``answer(2)`` gives after the program that the convention makes; the texts are this file's own."""
    found = CONVENTIONS[convention]
    assert isinstance(found, CodeConvention)
    names: dict[str, object] = {}
    exec(found.program(ITEM, output).code, names)  # noqa: S102 - texts of this file
    return names["answer"](2)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("convention", "output"),
    [
        ("completion", BODY),
        ("completion", "\n" + BODY),
        ("humaneval.official", BODY),
        ("humaneval.lm-eval", BODY + "\ndef other(:"),
        ("humaneval.lm-eval-instruct", BODY + "```\nThat is all."),
        ("humaneval.bigcode", BODY + "\n@broken("),
        ("humaneval.bigcode", "\n" + BODY + "\n```"),
        ("humaneval.opencompass-v2", f"Well:\n```python\n{WHOLE}```"),
        ("code.first-block", f"Well:\n```python\n{WHOLE}```\nand\n```\n1 / 0\n```"),
        ("code.first-block", f"```python\n{WHOLE}"),
        ("code.first-block", f"```\n{BODY}```"),
        ("code.first-block", BODY),
        ("code.program", "def answer(x): return x * x"),
        ("mbpp.lm-eval", "def answer(x): return x * x\n[DONE]\nand so on"),
        ("mbpp.lm-eval-instruct", "\ndef answer(x): return x * x\n```\nand so on"),
        ("mbpp.bigcode", "def answer(x): return x * x\n\nassert answer(2) == 5"),
        ("mbpp.opencompass", "[BEGIN]\n 'def answer(x): return x * x'\n[DONE]\nand so on"),
        ("mbpp.opencompass", "Well:\n```python\ndef answer(x): return x * x\n```\nand\n```\n1 / 0\n```"),
    ],
)
def test_the_program_answers(convention: str, output: str) -> None:
    assert run(convention, output) == 4


@pytest.mark.parametrize(
    ("convention", "output"),
    [
        ("humaneval.official", BODY + "\ndef other(:"),
        ("humaneval.opencompass-v2", BODY),
        ("humaneval.lm-eval", BODY + "\n@broken("),
        ("humaneval.lm-eval", f"```python\n{WHOLE}```"),
        ("code.program", BODY),
        ("mbpp.lm-eval-instruct", "def answer(x): return x * x\n```"),
    ],
    ids=["as-it-is", "indentation-lost", "other-stops", "fences", "no-prompt", "def-read-as-language"],
)
def test_a_rule_does_not_mend_what_upstream_does_not(convention: str, output: str) -> None:
    with pytest.raises(SyntaxError):
        run(convention, output)


@pytest.mark.parametrize(
    ("text", "block"),
    [
        ("no fence", "no fence"),
        ("```python\na = 1\n```", "a = 1\n"),
        ("Use ```x``` so:\n```py\na = 1\n```\n", "a = 1\n"),
        ("```\na = 1", "a = 1"),
        ("```python title='x.py'\na = 1\n```", "a = 1\n"),
        ("a\n```\n```", ""),
    ],
)
def test_the_first_block(text: str, block: str) -> None:
    assert extraction.first_block(text) == block


@pytest.mark.parametrize(
    "text",
    [
        "a" * 200_000,
        "```" * 70_000,
        "`" * 200_001,
        "```a\n" * 40_000,
        "\n" * 200_000,
        "[BEGIN]'" * 20_000 + "'\n" * 20_000 + "DONE" * 5_000,
        "'" + " " * 100_000 + "[BEGIN]" + "'" * 50_000 + " " * 50_000,
    ],
)
def test_a_hostile_output_costs_no_time(text: str) -> None:
    rules = [found for found in CONVENTIONS.values() if isinstance(found, CodeConvention)]
    begun = time.process_time()

    for rule in rules:
        rule.program(ITEM, text)

    assert time.process_time() - begun < 2.0
