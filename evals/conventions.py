"""Conventions: the named ways to grade an output. A suite names those it is scored by, the headline first.

A convention is a pure function of the item and the stored output, so the same outputs can be graded again under any
other. Written answers are cut at the suite's stop strings before they are graded; of code, what is cut is part of the
convention.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from evals import extraction
from evals.graders import Grade
from evals.graders.choice import by_bytes, by_characters, by_sum
from evals.graders.code import after_prompt, alone, bigcode_humaneval, completion, first_block
from evals.graders.mathematics import by_last_number
from evals.items import NUMBER_PATTERN, AnswerItem, ChoiceItem, CodeItem
from evals.oracle.verdicts import Program


@dataclass(frozen=True)
class TextConvention:
    """How a written answer is graded; ``metric`` is what the mean of the grades is called.

    ``answers`` is a pattern that every gold answer must match, and ``answers_are`` its name for a person.
    """

    metric: str
    grade: Callable[[AnswerItem, str], Grade]
    answers: str = ""
    answers_are: str = "text"


@dataclass(frozen=True)
class ChoiceConvention:
    """How a choice by likelihood is graded: the item, what stood for each option, and its log-probability in nats."""

    metric: str
    grade: Callable[[ChoiceItem, Sequence[str], Sequence[float]], Grade]


@dataclass(frozen=True)
class CodeConvention:
    """How an output becomes the program that is run; the verdict is the oracle's."""

    metric: str
    program: Callable[[CodeItem, str], Program]


Convention = TextConvention | ChoiceConvention | CodeConvention

CONVENTIONS: Mapping[str, Convention] = {
    "completion": CodeConvention("pass@1", completion),
    "code.program": CodeConvention("pass@1", alone(str)),
    "code.first-block": CodeConvention("pass@1", first_block),
    "humaneval.official": CodeConvention("pass@1", after_prompt(str)),
    "humaneval.lm-eval": CodeConvention("pass@1", after_prompt(extraction.lm_eval_humaneval)),
    "humaneval.lm-eval-instruct": CodeConvention("pass@1", after_prompt(extraction.before_fence)),
    "humaneval.bigcode": CodeConvention("pass@1", bigcode_humaneval),
    "humaneval.opencompass-v2": CodeConvention("pass@1", after_prompt(extraction.opencompass_humaneval)),
    "mbpp.lm-eval": CodeConvention("pass@1", alone(extraction.lm_eval_mbpp)),
    "mbpp.lm-eval-instruct": CodeConvention("pass@1", alone(extraction.continued_block)),
    "mbpp.bigcode": CodeConvention("pass@1", alone(extraction.bigcode_mbpp)),
    "last-number": TextConvention("accuracy", by_last_number, NUMBER_PATTERN, "one number"),
    "choice-sum": ChoiceConvention("accuracy", by_sum),
    "choice-characters": ChoiceConvention("accuracy", by_characters),
    "choice-bytes": ChoiceConvention("accuracy", by_bytes),
}
