"""No program can pass for a failure of the machine, which is no wrong answer, so a model would gain by forcing it."""

from typing import Any

import pytest

from gristmill.evals.jail.limits import Limits
from gristmill.evals.oracle.grading import grade_program
from gristmill.evals.oracle.verdicts import Program, Verdict
from tests.attack.conftest import SMALL, SQUARES
from tests.attack.programs import RunAttack

MIB = 1 << 20
TEXTS = {
    "emoji": "x = '" + "😀" * (MIB // 5) + "'",
    "emoji-comment": "# " + "😀" * (MIB // 5),
    "parentheses": "(" * 200_000,
    "lists": "x = " + "[" * 90_000 + "]" * 90_000,
    "minus-signs": "x = " + "-" * 500_000 + "1",
    "sum": "x = " + "1+" * 400_000 + "1",
    "attributes": "x = a" + ".a" * 400_000,
    "dictionaries": "x = " + "{1:" * 50_000 + "1" + "}" * 50_000,
    "blocks": "".join(" " * depth + "if 1:\n" for depth in range(800)),
    "functions": "".join(" " * depth + "def f():\n" for depth in range(150)) + " " * 150 + "pass",
    "lines": "x\n" * 300_000,
    "digits": "x = " + "9" * 900_000,
    "power": "x = 10 ** 10 ** 9",
    "product": "x = 'a' * (1 << 34)",
    "comprehensions": "x = " + "[y for y in " * 2000 + "[]" + "]" * 2000,
    "lambda": "x = " + "lambda: " * 100_000 + "0",
    "f-string": "x = f'" + "{x!r:" * 50_000,
    "nul": "x = '\0'",
    "nul-alone": "\0" * 100_000,
    "half-a-pair": "x = '\ud800'",
    "half-a-pair-alone": "\udfff",
    "byte-order-mark": "\ufeffx = 1",
    "declared-encoding": "# coding: utf-7\nx = 1",
    "unknown-encoding": "# coding: no-such-thing\nx = 1",
    "open-string": "'''" + "a" * 900_000,
    "one-name": "x" * 900_000 + " = 1",
    "form-feeds": "\f" * 900_000,
    "carriage-returns": "x = 1\r" * 100_000,
    "unicode-names": "ﬁ = " * 100_000 + "1",
    "decorators": "@f\n" * 100_000 + "def f(): pass",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=list(TEXTS))
def test_no_text_of_a_program_is_a_failure_of_the_machine(attack: RunAttack, text: str) -> None:
    outcome = attack(f"{text}\n")

    assert outcome.verdict not in (Verdict.INFRA, Verdict.PASS), outcome


@pytest.mark.parametrize("letter", ["a", "é", "好", "😀"])
def test_a_program_beyond_its_limit_is_not_run(attack: RunAttack, letter: str) -> None:
    count = SMALL.source_bytes // len(letter.encode())
    outcome = attack("def answer(x): return x * x\n#" + letter * count)

    assert outcome.verdict is Verdict.OUTPUT_LIMIT, outcome
    assert "bytes; at most 1,048,576 are run" in outcome.detail


def test_the_limits_hold_before_the_first_byte_of_a_program(jail_slot: int) -> None:
    """Decoded, this text needs more memory than the jail has: as the machine's fault it would count in no score."""
    limits = Limits(cpu_seconds=3, wall_seconds=10.0, memory_bytes=128 * MIB, source_bytes=128 * MIB)
    text = "def answer(x): return x * x\n#" + "😀" * (25 * MIB)

    outcome = grade_program(Program(text, SQUARES, "answer", limits=limits), jail_slot)

    assert outcome.verdict in (Verdict.MEMORY, Verdict.EXCEPTION), outcome


NESTED = "value = 0\n    for _ in range({}): value = {}\n    return value"
RETURNED: dict[str, tuple[str, str]] = {
    "deep": (NESTED.format(94, "[value]"), "answer(answer(2)) == 4"),
    "deeper": (NESTED.format(97, "[value]"), "answer(answer(2)) == 4"),
    "deep-inside": (NESTED.format(97, "(value,)"), "answer([answer(2)]) == 4"),
    "surrogate": ("return '\\ud800' * 1000", "answer(answer(2)) == 4"),
    "nul": ("return '\\0' * 1000", "answer(2) == 4"),
    "large": ("return 'a' * 1000000", "answer([answer(2)] * 2000) == 4"),
    "digits": ("return 1 << 8000000", "answer(2) == 4, str(answer(2))"),
    "fraction": ("from fractions import Fraction\n    return Fraction(1 << 3000000, 3 ** 90000)", "answer(2) == 4"),
    "signal": ("from decimal import Decimal\n    return Decimal('sNaN')", "answer(2) == 4"),
    "signal-inside": ("from decimal import Decimal\n    return [Decimal('sNaN'), {1: 2}]", "answer(2) == 4"),
    "exponent": ("from decimal import Decimal\n    return Decimal('1e999999999999')", "int(answer(2)) == 4"),
    "collisions": ("return {(1 << 61) * k - k for k in range(9000)}", "answer(2) == 4"),
    "raises-surrogates": ("raise ValueError('\\ud800' * 900)", "answer(2) == 4"),
    "raises-nameless": ("raise type('\\n' * 5000, (Exception,), {})", "answer(2) == 4"),
    "raises-many": ("raise type('E', (StopIteration,), {})", "[*(answer(x) for x in (1, 2))] == 4"),
    "hostile-fraction": (
        "from fractions import Fraction\n    class F(Fraction): numerator = denominator = 'x'\n    return F(1)",
        "answer(2) == 4",
    ),
    "replaced-module": (
        "import sys, types\n    sys.modules['fractions'] = types.SimpleNamespace(Fraction=object)\n    return object()",
        "answer(2) == 4",
    ),
}


@pytest.mark.parametrize(("body", "test"), RETURNED.values(), ids=list(RETURNED))
def test_nothing_that_a_program_gives_is_a_failure_of_the_machine(attack: RunAttack, body: str, test: str) -> None:
    outcome = attack(f"def answer(x):\n    {body}\n", f"assert {test}")

    assert outcome.verdict not in (Verdict.INFRA, Verdict.PASS), outcome


KINDS = """
    ArithmeticError AssertionError AttributeError BlockingIOError GeneratorExit ImportError IndexError KeyError
    KeyboardInterrupt NameError OSError OverflowError StopIteration SyntaxError SystemExit TimeoutError TypeError
    UnboundLocalError ValueError ZeroDivisionError
"""


@pytest.mark.parametrize("kind", KINDS.split())
def test_every_exception_is_an_answer(attack: RunAttack, kind: str) -> None:
    outcome: Any = attack(f"def answer(x): raise {kind}()")

    assert outcome.verdict is Verdict.EXCEPTION, outcome
    assert kind in outcome.detail
