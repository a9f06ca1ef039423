"""Grade the gold answers of a code suite in the jail; report which pass and how long it took.

    python -m benchmarks.code_grading humaneval --data ../shared/benchmarks
    python -m benchmarks.code_grading mbpp --data ../shared/benchmarks

Prints one line of JSON: items, those that pass, the names of the others, those whose tests run inside the jail, and
seconds without the start of this process. ``--out`` writes the names of those that pass, for a comparison.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

from gristmill.evals.jail.capability import require
from gristmill.evals.oracle.grading import grade_programs
from gristmill.evals.oracle.verdicts import Program, Verdict
from gristmill.evals.scoring.conventions import CONVENTIONS, CodeConvention
from gristmill.evals.suites.items import CodeItem
from gristmill.evals.suites.suite import Suite, load_suite


def gold_programs(suite: Suite) -> dict[str, Program]:
    """The gold answer of every item as the suite's headline convention runs it."""
    convention = CONVENTIONS[suite.settings.conventions[0]]
    if not isinstance(convention, CodeConvention):
        raise ValueError(f"{suite.name} is not a code suite")
    return {item.id: convention.program(item, item.solution) for item in suite.items if isinstance(item, CodeItem)}


def grade_gold(suite: Suite, workers: int) -> dict[str, Any]:
    """The report on the gold answers of a suite."""
    programs = gold_programs(suite)
    require()
    begun = time.perf_counter()
    outcomes = dict(zip(programs, grade_programs(list(programs.values()), workers=workers), strict=True))
    seconds = time.perf_counter() - begun
    passed = [name for name, outcome in outcomes.items() if outcome.verdict is Verdict.PASS]
    return {
        "suite": suite.name,
        "items": len(outcomes),
        "passed": passed,
        "others": {name: str(out.verdict) for name, out in outcomes.items() if out.verdict is not Verdict.PASS},
        "inside": [name for name, outcome in outcomes.items() if outcome.forgeable],
        "workers": workers,
        "seconds": round(seconds, 2),
    }


def main() -> None:
    """Grade, print, and write what passed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suite")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--out", type=Path)
    words = parser.parse_args()
    report = grade_gold(load_suite(words.suite, data=words.data), words.workers)
    if words.out:
        words.out.parent.mkdir(parents=True, exist_ok=True)
        words.out.write_text(json.dumps(sorted(report["passed"])), encoding="utf-8")
    print(json.dumps({**report, "passed": len(report["passed"])}))


if __name__ == "__main__":
    main()
