"""Programs that mean no harm: what is right passes, what is wrong is called by its name."""

import pytest

from gristmill.evals.jail.limits import Limits
from gristmill.evals.oracle.grading import grade_program, grade_programs
from gristmill.evals.oracle.verdicts import Program, Verdict
from tests.attack.programs import RunAttack

SQUARE = "def answer(x):\n    return x * x\n"


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        (SQUARE, "pass"),
        ("def answer(x):\n    return x + x\n", "wrong"),
        ("def answer(x)\n    return x * x\n", "exception"),
        ("def answer(x):\n    return x * y\n", "exception"),
        ("import nowhere\n" + SQUARE, "exception"),
        ("import time\ndef answer(x):\n    time.sleep(0.3)\n    return x * x\n", "pass"),
        ("def answer(x):\n    return sum(x for _ in range(x)) + 0 * len([i for i in range(300_000)])\n", "pass"),
        ("import sys\nprint('noise')\n" + SQUARE.replace("return", "print(x, file=sys.stderr); return"), "pass"),
        ("import os\nos.write(1, b'\\x00\\xff\\x1b[2J' * 100_000)\n" + SQUARE, "pass"),
        ("def answer(x):\n    größe = '平方'\n    print(größe)\n    return x * x\n", "pass"),
        ("# -*- coding: utf-8 -*-\n'''文档'''\n" + SQUARE, "pass"),
        ("if __name__ == '__main__':\n    raise SystemExit\n" + SQUARE, "pass"),
        ("answer = lambda x: x * x", "pass"),
        ("class answer:\n    def __new__(cls, x): return x * x", "pass"),
        ("def answer(x): return float(x * x)", "pass"),
        ("from dataclasses import dataclass\n@dataclass\nclass P:\n    x: int\n" + SQUARE, "pass"),
        (
            "import multiprocessing\ndef square(x): return x * x\ndef answer(x):\n"
            "    with multiprocessing.Pool(2) as pool: return pool.map(square, [x])[0]",
            "pass",
        ),
        (
            "from concurrent.futures import ThreadPoolExecutor\ndef answer(x):\n"
            "    with ThreadPoolExecutor(4) as pool: return list(pool.map(lambda n: n * n, [x]))[0]",
            "pass",
        ),
        ("import asyncio\nasync def later(x): return x * x\ndef answer(x): return asyncio.run(later(x))", "pass"),
        ("import tempfile\ndef answer(x):\n    with tempfile.TemporaryFile(): return x * x", "pass"),
    ],
    ids=[
        "right", "wrong", "syntax-error", "name-error", "no-such-module", "sleeps", "works-hard", "noise",
        "binary-noise", "non-ascii", "coding-line", "main-block", "lambda", "class", "float", "dataclass",
        "process-pool", "thread-pool", "asyncio", "temporary-file",
    ],
)  # fmt: skip
def test_a_plain_program_gets_its_verdict(attack: RunAttack, code: str, verdict: str) -> None:
    outcome = attack(code, limits=Limits(cpu_seconds=5))

    assert outcome.verdict == verdict, outcome
    assert not outcome.forgeable


@pytest.mark.parametrize(
    ("returned", "test"),
    [
        ("collections.Counter('aab')", "assert answer() == {'a': 2, 'b': 1}"),
        ("collections.OrderedDict(a=1)", "assert answer() == {'a': 1}"),
        ("collections.namedtuple('P', 'x y')(1, 2)", "assert answer() == (1, 2)"),
        ("enum.IntEnum('Colour', 'red green').green", "assert answer() == 2"),
        ("bytearray(b'ab')", "assert answer() == b'ab'"),
        ("1 == 1", "assert answer() == 1"),
        ("[{1: (2, {3}, frozenset({4}))}, None, 2.5, 1j, 'ü', b'x']", "assert answer()[0][1][1] == {3}"),
        ("10 ** 400", "assert answer() == 10 ** 400"),
        ("'\\ud800'", "assert len(answer()) == 1"),
    ],
)
def test_results_compare_as_they_would_in_one_process(attack: RunAttack, returned: str, test: str) -> None:
    assert attack(f"import collections, enum\ndef answer(): return {returned}", test).verdict == "pass"


def test_an_expected_exception_is_seen_by_the_test(attack: RunAttack) -> None:
    tests = "try:\n    answer(0)\nexcept ZeroDivisionError:\n    pass\nelse:\n    assert False\nassert answer(2) == 5\n"

    assert attack("def answer(x): return 10 // x", tests).verdict == "pass"
    assert attack("def answer(x): return 5", tests).verdict == "wrong"


def test_set_order_is_the_same_every_time(jail_slot: int) -> None:
    program = Program("def answer(): return list({'a', 'b', 'c', 'd', 'e'})", "assert answer() == 0", "answer")

    details = {grade_program(program, jail_slot).detail for _ in range(3)}

    assert len(details) == 1


def test_the_detail_names_the_assertion_and_the_last_call(attack: RunAttack) -> None:
    outcome = attack("def answer(x): return x + x")

    assert outcome.detail == "line 3: assert candidate(3) == 9; answer(3) returned 6"


@pytest.mark.parametrize(
    ("code", "tests"),
    [
        ("from fractions import Fraction\ndef answer(x): return Fraction(x) % 1", "assert answer(3.5) == 0.5"),
        ("from fractions import Fraction\ndef answer(x): return x / 3", "assert answer(answer(9)) == 1"),
        ("from decimal import Decimal\ndef answer(x): return Decimal(x) / 4", "assert answer(2) == 0.5"),
        (
            "from decimal import Decimal\ndef answer(x): return {Decimal(x): [Decimal(1)]}",
            "assert answer(2) == {2: [1]}",
        ),
        (
            "from fractions import Fraction\ndef answer(x): return Fraction(x, 4)",
            "assert abs(answer(2) - 0.5) < 1e-6\nassert round(answer(2), 2) == 0.5",
        ),
    ],
)
def test_exact_numbers_are_compared_by_value(attack: RunAttack, code: str, tests: str) -> None:
    """As in the harnesses that run program and tests in one process."""
    assert attack(code, tests).verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("tests", "verdict", "words"),
    [
        ("assert answer(2) < 3", "wrong", "TypeError in the test"),
        ("assert answer(2) == helper(2)", "wrong", "NameError in the test"),
        ("assert helper(2) == answer(2)", "infra", "before it called the program"),
        ("import nowhere", "infra", "before it called the program"),
        ("assert (", "infra", "do not compile"),
        ("assert True", "infra", "never called"),
        ("assert answer(lambda: 1) is None", "infra", "grade it live"),
    ],
)
def test_a_fault_of_the_tests_is_told_from_a_wrong_answer(
    attack: RunAttack, tests: str, verdict: str, words: str
) -> None:
    outcome = attack("def answer(x): return None", tests)

    assert outcome.verdict == verdict, outcome
    assert words in outcome.detail


def test_setup_runs_outside_and_keeps_its_own_functions(jail_slot: int) -> None:
    setup = "def answer(x):\n    return x * x\ndef near(a, b):\n    return abs(a - b) < 1e-6\n"
    tests = "def check(candidate):\n    assert near(candidate(3), answer(3))\n"

    right = grade_program(Program(SQUARE, tests, "answer", setup=setup), jail_slot)
    wrong = grade_program(Program("def answer(x): return 5", tests, "answer", setup=setup), jail_slot)

    assert (right.verdict, wrong.verdict) == (Verdict.PASS, Verdict.WRONG)


@pytest.mark.parametrize(("returned", "verdict"), [("node.next", "pass"), ("node", "wrong")])
def test_a_live_item_is_checked_inside_and_says_so(jail_slot: int, returned: str, verdict: str) -> None:
    setup = "class Node:\n    def __init__(self, value, next=None): self.value, self.next = value, next\n"
    tests = "last = Node(2)\nassert answer(Node(1, last)) is last\n"
    program = Program(f"def answer(node): return {returned}", tests, "answer", setup=setup, live=True)

    outcome = grade_program(program, jail_slot)

    assert outcome.verdict == verdict, outcome
    assert outcome.forgeable


def test_many_programs_keep_their_order_and_report_progress(jail_slot: int) -> None:
    programs = [Program(f"def answer(): return {n}", "assert answer() % 2 == 0", "answer") for n in range(6)]
    seen: list[int] = []

    outcomes = grade_programs(programs, workers=2, progress=seen.append)

    assert [outcome.verdict.value for outcome in outcomes] == ["pass", "wrong"] * 3
    assert seen == [1, 2, 3, 4, 5, 6]


def test_three_models(jail_slot: int) -> None:
    """Gold must reach everything, null and forger nothing."""
    tests = ["assert answer(2) == 4", "assert answer(0) == 0", "assert answer(-3) == 9"]
    forger = (
        "class Any:\n    def __eq__(self, other): return True\ndef answer(x):\n    import sys\n"
        "    frame = sys._getframe()\n    while frame: frame.f_globals['verdict'] = 'pass'; frame = frame.f_back\n"
        "    return Any()\n"
    )
    models = {"gold": SQUARE, "null": "", "forger": forger}

    passed = {
        name: sum(
            outcome.verdict is Verdict.PASS
            for outcome in grade_programs([Program(code, test, "answer") for test in tests], workers=2)
        )
        for name, code in models.items()
    }

    assert passed == {"gold": 3, "null": 0, "forger": 0}
