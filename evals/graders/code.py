"""Generated functions: the completion is cut at the stop strings, put after its prompt and run in the code jail.

Nothing is stripped but the line feed that ends the prompt's last line, which a completion may bring along: the first
token of a completion is its indentation. The verdict is the oracle's, formed outside the
jail (``evals.oracle``); only ``infra``, a failure of the machine, is no answer.
"""

from collections.abc import Sequence

from evals.graders import Grade
from evals.model import cut
from evals.oracle.verdicts import Outcome, Program, Verdict
from evals.suite import CodeItem


def program(item: CodeItem, output: str, stop: Sequence[str]) -> Program:
    """What the oracle runs for one output: prompt and completion as candidate, the item's check as trusted tests."""
    completion = cut(output, stop)[0].removeprefix("\n")
    return Program(code=item.prompt + completion + "\n", tests=item.check, entry_point=item.entry_point)


def grade_code(outcome: Outcome) -> Grade:
    """The grade of an outcome."""
    return Grade(str(outcome.verdict), float(outcome.verdict == Verdict.PASS), outcome.detail)
