"""Generated functions: a named rule turns an output into a program, which runs in the code jail.

Each rule is one function ``(item, output) -> Program``; :mod:`gristmill.evals.scoring.extraction` decides what is cut
off. The oracle (``gristmill.evals.oracle``) forms the verdict outside the jail; only ``infra``, a failure of the
machine, does not count as an answer.
"""

from collections.abc import Callable

from gristmill.evals.oracle.verdicts import Outcome, Program, Verdict
from gristmill.evals.scoring import extraction
from gristmill.evals.scoring.graders import Grade
from gristmill.evals.suites.items import CodeItem

MakeProgram = Callable[[CodeItem, str], Program]


def completion(item: CodeItem, output: str) -> Program:
    """The prompt and the output, as they are.

    Strips only the line feed that ends the prompt's last line, which a completion may repeat: a completion's first
    token is its indentation.
    """
    return program(item, item.prompt + output.removeprefix("\n") + "\n")


def after_prompt(shorten: Callable[[str], str]) -> MakeProgram:
    """The rule: the prompt, then what ``shorten`` leaves of the output."""
    return lambda item, output: program(item, item.prompt + shorten(output) + "\n")


def alone(shorten: Callable[[str], str]) -> MakeProgram:
    """The rule: what ``shorten`` leaves of the output is the whole program."""
    return lambda item, output: program(item, shorten(output) + "\n")


def bigcode_humaneval(item: CodeItem, output: str) -> Program:
    """The rule of bigcode's ``humaneval``, which strips the prompt, and of its ``humaneval-unstripped``.

    An output that starts with a line feed continues the stripped prompt; any other continues the prompt as it is.
    """
    prompt = item.prompt.strip() if output.startswith("\n") else item.prompt
    return program(item, prompt + extraction.bigcode_humaneval(output) + "\n")


def first_block(item: CodeItem, output: str) -> Program:
    """The first fenced block of a chat model's answer, after the prompt: a whole function there replaces the one that
    the prompt begins, and can use the prompt's imports and helpers; a bare body completes it."""
    return program(item, f"{item.prompt}\n{extraction.first_block(output)}\n")


def program(item: CodeItem, code: str) -> Program:
    """``code`` as the candidate of the item's check."""
    return Program(code=code, tests=item.check, entry_point=item.entry_point, setup=item.setup, live=item.live)


def grade_code(program: Program, outcome: Outcome) -> Grade:
    """The grade of a program, from its outcome."""
    detail = "; ".join(part for part in (outcome.detail, "checked inside the jail" * outcome.forgeable) if part)
    shown = program.code[: program.limits.source_bytes]  # a longer one was not run
    return Grade(str(outcome.verdict), float(outcome.verdict == Verdict.PASS), detail, shown)
