"""Numeric answers as GSM8K, MGSM and their harnesses read them: a pattern finds the answer, and strings are compared.

Nothing is calculated, so ``5.0`` is not ``5`` here; ``gristmill.evals.scoring.graders.mathematics`` compares values.
Sources, each with its quirks under the name of the harness:

- lm-eval 0.4.13 ``tasks/gsm8k``: ``strict`` takes the *first* ``#### n``; ``flexible`` the *last* number of two
  characters or one digit, so that ``5.`` counts and a range ``3-5`` ends in ``-5``. Commas, dollar signs, everything
  before the last ``####`` and one final full stop are removed. ``cot`` is the strict pattern of ``gsm8k_cot``, which
  demands a character after the number.
- lm-eval ``tasks/mgsm``: all ASCII punctuation is removed, so ``1.5`` equals ``15`` and ``-5`` equals ``5``.
- OpenCompass ``datasets/gsm8k.py``: the last number before ``Question:``, without thousands commas: ``1,000`` is 0.
- simple-evals ``mgsm_eval.py``: the last number after the last ``Answer`` (or its translation), its sign dropped.

Cost: linear in the output.
"""

import re
import string
from collections.abc import Callable

from gristmill.evals.scoring.graders import Grade, judged
from gristmill.evals.suites.items import AnswerItem

Grader = Callable[[AnswerItem, str], Grade]

FLEXIBLE = re.compile(r"(-?[$0-9.,]{2,})|(-?[0-9]+)")
STOP = re.compile(r"\.$")
PUNCTUATION = str.maketrans("", "", string.punctuation)
MISSING = "[invalid]"
"""What lm-eval compares when its pattern finds nothing."""
OPENCOMPASS = re.compile(r"-?\d+\.\d+|-?\d+")
UNSIGNED = re.compile(r"\d+\.?\d*")


def extracted(pattern: re.Pattern[str], index: int, text: str) -> str:
    """The first non-empty group of the match of ``pattern`` at ``index`` (0 the first, -1 the last)."""
    found = pattern.findall(text)
    if not found:
        return MISSING
    groups = found[index]
    if isinstance(groups, tuple):
        return next((group for group in groups if group), MISSING).strip()
    return str(groups).strip()


def gsm8k_form(text: str) -> str:
    """What lm-eval compares for GSM8K."""
    return STOP.sub("", text.replace(",", "").replace("$", "").rpartition("#### ")[2]).lower()


def mgsm_form(text: str) -> str:
    """What lm-eval compares for MGSM."""
    return text.lower().translate(PUNCTUATION)


def by_pattern(pattern: str, index: int, form: Callable[[str], str]) -> Grader:
    """A grader that compares, in ``form``, the match of ``pattern`` at ``index`` with the gold answers."""
    compiled = re.compile(pattern)

    def grade(item: AnswerItem, output: str) -> Grade:
        return _compared(item, extracted(compiled, index, output), form)

    return grade


gsm8k_strict = by_pattern(r"#### (\-?[0-9\.\,]+)", 0, gsm8k_form)
gsm8k_flexible = by_pattern(FLEXIBLE.pattern, -1, gsm8k_form)
gsm8k_cot = by_pattern(r"The answer is (\-?[0-9\.\,]+).", 0, gsm8k_form)
mgsm_flexible = by_pattern(FLEXIBLE.pattern, -1, mgsm_form)
mgsm_cot_en = by_pattern(r"The answer is (\-?[0-9\.\,]+)", 0, mgsm_form)
mgsm_cot_zh = by_pattern(r"答案是 (\-?[0-9\.\,]+)。", 0, mgsm_form)


def mgsm_direct(item: AnswerItem, output: str) -> Grade:
    """The whole output, without white space around it, is the answer (lm-eval ``mgsm_direct``)."""
    return _compared(item, output.strip(), mgsm_form)


def gsm8k_opencompass(item: AnswerItem, output: str) -> Grade:
    """The last number before ``Question:``, within 1e-6 of the gold whole number."""
    numbers = OPENCOMPASS.findall(output.partition("Question:")[0])
    found = numbers[-1] if numbers else "NULL"
    golds = [answer[0].replace(",", "") for answer in item.answers]
    return judged(any(found == gold or _near(found, gold) for gold in golds), _detail(found, item))


def mgsm_simple_evals(prefix: str) -> Grader:
    """A grader that reads the last number after the last ``prefix``, ``Answer`` in the language of the question."""

    def grade(item: AnswerItem, output: str) -> Grade:
        numbers = UNSIGNED.findall(output.rpartition(prefix)[2].replace(",", "")) if prefix in output else []
        found = numbers[-1].rstrip(".") if numbers else ""
        plain = found.rstrip("0").rstrip(".") if "." in found else found
        return judged(any(plain == answer[0].replace(",", "") for answer in item.answers), _detail(found, item))

    return grade


def _compared(item: AnswerItem, found: str, form: Callable[[str], str]) -> Grade:
    return judged(any(form(found) == form(answer[0]) for answer in item.answers), _detail(found, item))


def _near(found: str, gold: str) -> bool:
    try:
        return abs(float(found) - int(gold)) < 1e-6
    except (ValueError, OverflowError):
        return False


def _detail(found: str, item: AnswerItem) -> str:
    return f"read {found[:80]!r}, expected {item.answers[0][0]!r}"
