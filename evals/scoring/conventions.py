"""Conventions: the named ways to grade an output. A suite lists those it is scored by, the headline first.

A convention is a pure function of the item and the stored output, so the same outputs can be graded again under any
other. Only the thinking of a reasoning model is cut before a convention sees the output; how code is cut is part of the
convention.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gristmill.evals.oracle.verdicts import Program
from gristmill.evals.scoring import extraction
from gristmill.evals.scoring.gold import GOLD_BITS
from gristmill.evals.scoring.graders import Grade, letters, numbers, opencompass
from gristmill.evals.scoring.graders.algebra import algebra
from gristmill.evals.scoring.graders.algebra.symbolic import Comparison, Method
from gristmill.evals.scoring.graders.choice import by_bytes, by_characters, by_sum
from gristmill.evals.scoring.graders.cmath import by_last_two_numbers
from gristmill.evals.scoring.graders.cmrc import cmrc_em, cmrc_f1, cmrc_opencompass
from gristmill.evals.scoring.graders.code import after_prompt, alone, bigcode_humaneval, completion, first_block
from gristmill.evals.scoring.graders.gaokao import gaokao
from gristmill.evals.scoring.graders.mathematics import by_last_number
from gristmill.evals.scoring.graders.spans import (
    drop_em,
    drop_f1,
    squad2_em,
    squad2_f1,
    squad_em,
    squad_f1,
    squad_opencompass,
)
from gristmill.evals.suites.items import NUMBER_PATTERN, AnswerItem, ChoiceItem, CodeItem


@dataclass(frozen=True)
class TextConvention:
    """How a written answer is graded; ``metric`` is the name of the grades' mean.

    ``grade`` may leave the decision to algebra: a :class:`~gristmill.evals.scoring.graders.algebra.symbolic.Comparison`
    is settled together with all others, by the method that ``algebra`` names. ``answers`` is a pattern that every gold
    answer must match, and ``answers_are`` its name for a person.
    """

    metric: str
    grade: Callable[[AnswerItem, str], Grade | Comparison]
    answers: str = ""
    answers_are: str = "text"
    algebra: Method | None = None


@dataclass(frozen=True)
class ChoiceConvention:
    """How a choice by likelihood is graded, from each option's scored text and its log-probability in nats."""

    metric: str
    grade: Callable[[ChoiceItem, Sequence[str], Sequence[float]], Grade]


@dataclass(frozen=True)
class LetterConvention:
    """How a choice with a written answer is graded."""

    metric: str
    grade: Callable[[ChoiceItem, str], Grade]


@dataclass(frozen=True)
class CodeConvention:
    """How an output becomes the program to run; the oracle gives the verdict."""

    metric: str
    program: Callable[[CodeItem, str], Program]


@dataclass(frozen=True)
class BitsConvention:
    """The bits of the gold answer (:mod:`.gold`), measured in addition to a suite's conventions if it asks for that."""

    metric: str = "bits_per_byte"


def _number(grade: Callable[[AnswerItem, str], Grade]) -> TextConvention:
    """A convention that compares one number."""
    return TextConvention("accuracy", grade, NUMBER_PATTERN, "one number")


Convention = TextConvention | ChoiceConvention | LetterConvention | CodeConvention | BitsConvention

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
    "mbpp.opencompass": CodeConvention("pass@1", alone(extraction.opencompass_mbpp)),
    "last-number": _number(by_last_number),
    "gsm8k.strict": _number(numbers.gsm8k_strict),
    "gsm8k.flexible": _number(numbers.gsm8k_flexible),
    "gsm8k.cot": _number(numbers.gsm8k_cot),
    "gsm8k.opencompass": _number(numbers.gsm8k_opencompass),
    "mgsm.direct": _number(numbers.mgsm_direct),
    "mgsm.flexible": _number(numbers.mgsm_flexible),
    "mgsm.cot-en": _number(numbers.mgsm_cot_en),
    "mgsm.cot-zh": _number(numbers.mgsm_cot_zh),
    "mgsm.simple-evals-en": _number(numbers.mgsm_simple_evals("Answer")),
    "mgsm.simple-evals-zh": _number(numbers.mgsm_simple_evals("答案")),
    "cmath.official": _number(by_last_two_numbers),
    "math.hendrycks": TextConvention("accuracy", algebra.hendrycks),
    "math.hendrycks-lm-eval": TextConvention("accuracy", algebra.hendrycks_lm_eval),
    "math.opencompass": TextConvention("accuracy", opencompass.by_rules),
    "math.minerva": TextConvention("accuracy", algebra.minerva, algebra="minerva"),
    "math.verify": TextConvention("accuracy", algebra.verify, algebra="math-verify"),
    "squad.em": TextConvention("exact_match", squad_em),
    "squad.f1": TextConvention("f1", squad_f1),
    "squad2.em": TextConvention("exact_match", squad2_em),
    "squad2.f1": TextConvention("f1", squad2_f1),
    "squad.opencompass": TextConvention("exact_match", squad_opencompass),
    "drop.em": TextConvention("exact_match", drop_em),
    "drop.f1": TextConvention("f1", drop_f1),
    "cmrc.em": TextConvention("exact_match", cmrc_em),
    "cmrc.f1": TextConvention("f1", cmrc_f1),
    "cmrc.opencompass": TextConvention("exact_match", cmrc_opencompass),
    "gaokao.official": TextConvention("accuracy", gaokao),
    "letter.first-capital": LetterConvention("accuracy", letters.first_capital),
    "letter.last-capital": LetterConvention("accuracy", letters.last_capital),
    "letter.last-option": LetterConvention("accuracy", letters.last_option),
    "letter.opencompass": LetterConvention("accuracy", letters.first_option),
    GOLD_BITS: BitsConvention(),
    "choice-sum": ChoiceConvention("accuracy", by_sum),
    "choice-characters": ChoiceConvention("accuracy", by_characters),
    "choice-bytes": ChoiceConvention("accuracy", by_bytes),
}
