"""Answers that attack the algebra: each ends in a verdict that counts as wrong, soon, and changes nothing outside."""

import importlib.util
import time
from pathlib import Path

import psutil
import pytest

from gristmill.evals.scoring.graders import Grade
from gristmill.evals.scoring.graders.algebra.symbolic import AlgebraLimits, Comparison, Method, settle

LIMITS = AlgebraLimits(cpu_seconds=1)
LOST = {"wrong", "timeout", "memory", "exception"}
HAS_MATH_VERIFY = importlib.util.find_spec("math_verify") is not None
METHODS = [
    "minerva",
    pytest.param("math-verify", marks=pytest.mark.skipif(not HAS_MATH_VERIFY, reason="needs math-verify")),
]

ENDLESS = "9^{9^{9^9}}"
MALFORMED = [
    "(" * 3000 + "1" + ")" * 3000,
    "\\sqrt" * 500,
    "\\boxed{" * 20 + "2",
    "1" * 2000,
    "lambda x: x",
    "(lambda f: f(f))(lambda f: f(f))",
    "[x for x in ().__class__.__bases__[0].__subclasses__()]",
    "\x00\ud800\uffff",
    "$" * 1001,
]


def code(target: Path) -> list[str]:
    """What runs as Python, where a scorer hands it to ``eval`` or SymPy's ``parse_expr``."""
    return [
        f"__import__('pathlib').Path('{target}').touch()",
        f"exec(\"open('{target}', 'w')\")",
        f"\\operatorname{{open}}('{target}', 'w')",
        f"Symbol('x').__class__.__base__.__subclasses__() or open('{target}', 'w')",
        f"1+__import__('os').system('touch {target}')",
    ]


def compared(method: Method, texts: list[str]) -> list[Grade]:
    shown = "The answer is ${}$." if method == "math-verify" else "{}"
    gold = "\\boxed{2}" if method == "math-verify" else "2"
    return settle([Comparison(method, gold, shown.replace("{}", text)) for text in texts], limits=LIMITS)


def workers() -> list[psutil.Process]:
    """Processes of this test run that compare by algebra."""
    return [
        child
        for child in psutil.Process().children(recursive=True)
        if any("symbolic_worker" in word for word in child.cmdline())
    ]


@pytest.mark.parametrize("method", METHODS)
def test_what_never_ends_is_ended_and_the_next_answer_is_right(method: Method) -> None:
    begun = time.monotonic()
    endless, honest = compared(method, [ENDLESS, "\\frac{4}{2}"])
    assert (endless.verdict, endless.value) == ("timeout", 0), endless
    assert (honest.verdict, honest.value) == ("right", 1), honest
    assert time.monotonic() - begun < 120
    assert not workers()


@pytest.mark.parametrize("method", METHODS)
def test_malformed_answers_are_wrong_and_code_is_never_run(method: Method, tmp_path: Path) -> None:
    target = tmp_path / "written"
    texts = [*code(target), *MALFORMED]
    for text, grade in zip(texts, compared(method, texts), strict=True):
        assert grade.verdict in LOST, (text[:40], grade)
        assert not grade.value, (text[:40], grade)
        assert grade.detail, text[:40]
    assert not target.exists()
