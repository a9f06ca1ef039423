"""Graders for MATH-style answers: by rules on strings, or by algebra, which :mod:`.symbolic` decides.

``math.minerva`` compares the normalised strings and, where they differ, asks SymPy whether their difference simplifies
to 0. ``math.verify`` passes the gold solution and the whole output to math_verify 0.9.0, which finds the answers itself
and is not symmetric: gold comes first. The gold answer is the item's first alternative; if the item has a worked
solution with a ``\\boxed`` answer, math_verify gets that, as in lm-eval.
"""

from gristmill.evals.scoring.graders import Grade, judged
from gristmill.evals.scoring.graders.algebra.latex import (
    INVALID,
    LONGEST,
    between_dollars,
    final_answer,
    hendrycks_equal,
    last_boxed,
    minerva_form,
)
from gristmill.evals.scoring.graders.algebra.symbolic import Comparison
from gristmill.evals.suites.items import AnswerItem


def hendrycks(item: AnswerItem, output: str) -> Grade:
    """The last boxed answer, by the string rules of Hendrycks et al."""
    return _by_rules(item, last_boxed(output))


def hendrycks_lm_eval(item: AnswerItem, output: str) -> Grade:
    """The text between the first and the last dollar sign, by the same rules (lm-eval ``hendrycks_math``)."""
    return _by_rules(item, between_dollars(output))


def minerva(item: AnswerItem, output: str) -> Grade | Comparison:
    """Minerva's final answer: equal strings, or a difference that simplifies to 0."""
    gold = item.answers[0][0]
    found = final_answer(output)
    if found == INVALID or len(found) > LONGEST:
        return judged(False, f"no final answer in the output, expected {gold!r}")
    left, right = minerva_form(found), minerva_form(gold)
    if left and left == right:
        return judged(True, f"read {left!r}")
    return Comparison("minerva", gold=right, found=left)


def verify(item: AnswerItem, output: str) -> Grade | Comparison:
    """math_verify on the solution of the item and the whole output."""
    answer = item.answers[0][0]
    gold = item.solution if "\\boxed" in item.solution else f"\\boxed{{{answer}}}"
    return Comparison("math-verify", gold=gold, found=output)


def _by_rules(item: AnswerItem, found: str | None) -> Grade:
    gold = item.answers[0][0]
    if found is None or len(found) > LONGEST:
        return judged(False, f"no boxed answer in the output, expected {gold!r}")
    return judged(
        any(hendrycks_equal(found, answer[0]) for answer in item.answers), f"read {found!r}, expected {gold!r}"
    )
