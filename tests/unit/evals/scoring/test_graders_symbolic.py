"""Comparisons by algebra: what is decided, in which order, and what becomes of a process that dies."""

import importlib.util
import threading
import time
from pathlib import Path

import psutil
import pytest

from gristmill.core.errors import GristmillError
from gristmill.evals.scoring.graders import judged
from gristmill.evals.scoring.graders.algebra import symbolic
from gristmill.evals.scoring.graders.algebra.symbolic import Comparison, settle


def test_grades_keep_their_places_and_progress_counts_what_algebra_decides() -> None:
    told: list[tuple[int, int]] = []
    graded = [
        judged(True, "first"),
        Comparison("minerva", "\\frac{1}{2}", "0.5"),
        judged(False, "third"),
        Comparison("minerva", "x+1", "x-1"),
        Comparison("minerva", "[0,1)", "[0,1"),
    ]
    grades = settle(graded, workers=2, progress=lambda done, all_: told.append((done, all_)))
    assert [grade.verdict for grade in grades] == ["right", "right", "wrong", "wrong", "wrong"]
    assert grades[0].detail == "first"
    assert "read '0.5', expected '\\\\frac{1}{2}'" in grades[1].detail
    assert "no formula" in grades[4].detail
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_nothing_is_started_where_nothing_is_to_be_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(symbolic, "WORKER", Path("nowhere"))
    assert settle([judged(True, "a")])[0].value == 1
    assert settle([]) == []


def test_a_process_that_cannot_start_is_the_machines_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(symbolic, "WORKER", tmp_path / "missing.py")
    (grade,) = settle([Comparison("minerva", "1", "2")])
    assert (grade.verdict, grade.value) == ("infra", 0)
    assert "while it started" in grade.detail


def test_a_process_that_is_killed_from_outside_is_replaced() -> None:
    killed: list[int] = []

    def kill() -> None:
        for _ in range(2000):
            for child in psutil.Process().children():
                if any("symbolic_worker" in word for word in child.cmdline()):
                    child.kill()
                    killed.append(child.pid)
                    return
            time.sleep(0.005)

    killer = threading.Thread(target=kill)
    killer.start()
    (grade,) = settle([Comparison("minerva", "2x", "x+x")])
    killer.join()
    assert killed
    assert grade.verdict == "right"


def test_a_process_that_crashes_twice_on_an_answer_makes_it_wrong(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    worker = tmp_path / "crashes.py"
    worker.write_text(
        "import os, signal, sys\n"
        'os.write(1, b\'{"verdict": "ready", "detail": ""}\\n\')\n'
        "sys.stdin.readline()\n"
        "os.kill(os.getpid(), signal.SIGSEGV)\n"
    )
    monkeypatch.setattr(symbolic, "WORKER", worker)
    (grade,) = settle([Comparison("minerva", "1", "2")])
    assert (grade.verdict, grade.value) == ("exception", 0)
    assert "SIGSEGV, twice" in grade.detail


def test_a_missing_library_is_refused_with_its_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(GristmillError, match=r"needs math_verify and antlr4.*gristmill\[mathematics\]"):
        settle([Comparison("math-verify", "1", "2")])
