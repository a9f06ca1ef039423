"""Attacks on the verdict: none of these programs solves the task, so none may pass."""

import pytest

from tests.attack.programs import RunAttack, cases, tools

TOOLS = tools("forgeries.txt")
TOLERANT = "def check(candidate):\n    assert abs(candidate(2) - 4) < 1e-6\n"


@pytest.mark.parametrize(("verdicts", "code"), cases("forgeries.txt"))
def test_a_forger_does_not_pass(attack: RunAttack, verdicts: str, code: str) -> None:
    outcome = attack(code)

    assert outcome.verdict in verdicts.split(), outcome


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ("float('nan')", "wrong"),
        ("forged(object)()", "protocol"),
        ("forged(float)(0.0)", "wrong"),
        ("forged(complex)(9j)", "wrong"),
    ],
)
def test_a_tolerance_is_not_a_way_in(attack: RunAttack, answer: str, verdict: str) -> None:
    assert attack(f"{TOOLS}def answer(x): return {answer}", TOLERANT).verdict == verdict


def test_a_test_that_swallows_every_exception_cannot_pass_a_dead_program(attack: RunAttack) -> None:
    lenient = "def check(candidate):\n    try:\n        candidate(1)\n    except:\n        pass\n"

    assert attack("import os\ndef answer(x): os._exit(0)", lenient).verdict == "exception"


def test_forged_terminal_escapes_are_shown_escaped(attack: RunAttack) -> None:
    outcome = attack("def answer(x): raise ValueError('\\x1b[2J\\x1b]0;owned\\x07 \\u202e pass')")

    assert outcome.verdict == "exception"
    assert "\x1b" not in outcome.detail
    assert "\\x1b" in outcome.detail
