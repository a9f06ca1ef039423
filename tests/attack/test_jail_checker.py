"""The checker has limits of its own, and nothing a program returns gets past them."""

import time

import pytest

from gristmill.evals.jail.limits import Limits
from gristmill.evals.jail.sandbox import plan
from gristmill.evals.oracle.grading import grade_program
from gristmill.evals.oracle.verdicts import Program, Verdict

QUICK = Limits(cpu_seconds=1, wall_seconds=1.0, test_seconds=1)


def test_tests_that_never_end_on_a_returned_value_are_a_timeout(jail_slot: int) -> None:
    begun = time.monotonic()

    outcome = grade_program(
        Program("def answer(): return 1", "while answer(): pass", "answer", limits=QUICK), jail_slot
    )

    assert outcome.verdict is Verdict.TIMEOUT, outcome
    assert time.monotonic() - begun < 30


def test_a_computation_that_python_cannot_interrupt_ends_too(jail_slot: int) -> None:
    tests = "n = answer()\nassert n ** n ** n == 1"

    outcome = grade_program(Program("def answer(): return 10**4", tests, "answer", limits=QUICK), jail_slot)

    assert outcome.verdict is Verdict.TIMEOUT, outcome


def test_memory_taken_by_the_tests_is_a_wrong_answer(jail_slot: int) -> None:
    tests = "assert len([0] * answer()) == 3"

    outcome = grade_program(Program("def answer(): return 10**12", tests, "answer", limits=QUICK), jail_slot)

    assert outcome.verdict is Verdict.WRONG, outcome
    assert "MemoryError" in outcome.detail


def test_prints_of_the_tests_do_not_reach_the_verdict(jail_slot: int) -> None:
    tests = "import os, sys\nprint('noise')\nsys.stdout.flush()\nos.write(1, b'noise')\nassert answer() == 4"

    assert grade_program(Program("def answer(): return 4", tests, "answer"), jail_slot).verdict is Verdict.PASS


def test_the_checker_runs_as_nobody_in_particular(jail_slot: int) -> None:
    """Also the trusted tests run without root, so that a mistake in them cannot harm the host."""
    if not plan().drop_root:
        pytest.skip("we are not root, so there is nothing to give up")
    tests = "import os\nassert answer() == 4 and 0 not in (os.getuid(), os.geteuid(), os.getgid(), *os.getgroups())"

    outcome = grade_program(Program("def answer(): return 4", tests, "answer"), jail_slot)

    assert outcome.verdict is Verdict.PASS, outcome
