"""The canonical solutions of HumanEval and the reference solutions of MBPP pass in the jail: no false failures."""

import gzip
import json
import re
from pathlib import Path

import pytest

from gristmill.evals.jail.capability import capability
from gristmill.evals.jail.limits import Limits
from gristmill.evals.oracle.grading import grade_programs
from gristmill.evals.oracle.verdicts import Program, Verdict

PATIENT = Limits(cpu_seconds=20, wall_seconds=40.0)
# MBPP items of which the tests hand over objects, or define them.
LIVE = {367}
EVERY = 5


@pytest.fixture(autouse=True)
def _jail() -> None:
    found = capability()
    if not found.usable:
        pytest.skip(found.reason)


def test_humaneval_gold_passes(shared: Path) -> None:
    with gzip.open(shared / "benchmarks" / "humaneval" / "HumanEval.jsonl.gz", "rt", encoding="utf-8") as file:
        items = [json.loads(line) for line in file]
    gold = {item["task_id"]: item["prompt"] + item["canonical_solution"] for item in items}
    programs = [
        Program(gold[item["task_id"]], item["test"], item["entry_point"], gold[item["task_id"]], PATIENT)
        for item in items
    ]

    outcomes = grade_programs(programs, workers=2)

    failed = {
        item["task_id"]: out for item, out in zip(items, outcomes, strict=True) if out.verdict is not Verdict.PASS
    }
    assert failed == {}
    assert len(outcomes) == 164
    assert not any(outcome.forgeable for outcome in outcomes)


def test_mbpp_gold_passes(shared: Path) -> None:
    """Every fifth item of the test split, and the one that needs live objects."""
    lines = (shared / "benchmarks" / "mbpp" / "mbpp.jsonl").read_text(encoding="utf-8").splitlines()
    items = [item for item in map(json.loads, lines) if 11 <= item["task_id"] <= 510]
    chosen = [item for item in items if item["task_id"] % EVERY == 0 or item["task_id"] in LIVE]
    programs = [
        Program(
            item["code"],
            "\n".join(item["test_list"]),
            entry_point(item["code"], item["test_list"][0]),
            item["test_setup_code"],
            PATIENT,
            live=item["task_id"] in LIVE,
        )
        for item in chosen
    ]

    outcomes = grade_programs(programs, workers=2)

    failed = {
        item["task_id"]: out for item, out in zip(chosen, outcomes, strict=True) if out.verdict is not Verdict.PASS
    }
    assert failed == {}
    assert sum(outcome.forgeable for outcome in outcomes) == len(LIVE)


def entry_point(code: str, test: str) -> str:
    """The function of ``code`` that ``test`` calls."""
    defined = re.findall(r"^def\s+(\w+)", code, re.MULTILINE)
    called: list[str] = re.findall(r"(\w+)\(", test)
    return next(name for name in called if name in defined)
