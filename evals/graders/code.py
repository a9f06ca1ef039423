"""Generated functions: the completion is put after its prompt and run in the code jail.

Nothing is stripped but the line feed that ends the prompt's last line, which a completion may bring along: the first
token of a completion is its indentation. The verdict is the oracle's, formed outside the
jail (``evals.oracle``); only ``infra``, a failure of the machine, is no answer.
"""

from evals.graders import Grade
from evals.items import CodeItem
from evals.oracle.verdicts import Outcome, Program, Verdict


def completion(item: CodeItem, output: str) -> Program:
    """What the oracle runs for one output: prompt and completion as candidate, the item's check as trusted tests."""
    return program(item, item.prompt + output.removeprefix("\n") + "\n")


def program(item: CodeItem, code: str) -> Program:
    """``code`` as the candidate of the item's check."""
    return Program(code=code, tests=item.check, entry_point=item.entry_point, setup=item.setup, live=item.live)


def grade_code(outcome: Outcome) -> Grade:
    """The grade of an outcome."""
    return Grade(str(outcome.verdict), float(outcome.verdict == Verdict.PASS), outcome.detail)
