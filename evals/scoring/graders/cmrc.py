"""CMRC 2018: exact match without punctuation, and F1 on the longest common *contiguous* run of characters.

Source: ymcui/cmrc2018 ``cmrc2018_evaluate.py`` (version 6, for Python 3; the one next to the data is the same in
Python 2). A Chinese character or a mark from its list is one segment; the text between is split like English words
(``nltk.word_tokenize``, see :mod:`gristmill.evals.scoring.graders.words`). Its list of punctuation is fixed: the
ASCII comma and full stop are not in it and ``……`` never matches, since marks are compared one by one. The headline of
the benchmark is the mean of the two measures.

OpenCompass (``datasets/cmrc.py`` and its ``EMEvaluator``): exact match only, of the text after ``答案是`` and before
the first line feed, ASCII full stop or comma.

Cost: linear in the output for exact match; for F1, its length times that of the gold answer, in C.
"""

import re
from collections.abc import Hashable, Sequence

from gristmill.evals.scoring.graders import Grade, judged
from gristmill.evals.scoring.graders.spans import opencompass_form, partly
from gristmill.evals.scoring.graders.words import words
from gristmill.evals.suites.items import AnswerItem

SIGNS = frozenset("-:_*^/\\~`+=，。：？！“”；’《》·、「」（）－～『』")
CHARACTER = re.compile(r"[\u4e00-\u9fa5]")


def cmrc_em(item: AnswerItem, output: str) -> Grade:
    """Whether the output and a gold answer are the same without punctuation."""
    found = _without_signs(output)
    return judged(any(found == _without_signs(answer[0]) for answer in item.answers), _detail(output, item))


def cmrc_f1(item: AnswerItem, output: str) -> Grade:
    """The best F1 over the gold answers."""
    found = segments(output)
    return partly(max(run_f1(found, segments(answer[0])) for answer in item.answers), _detail(output, item))


def cmrc_opencompass(item: AnswerItem, output: str) -> Grade:
    """Exact match with a gold answer, as it is or in the form that OpenCompass compares."""
    parts = output.split("答案是")
    found = opencompass_form(parts[1] if len(parts) > 1 else output)
    right = any(found in (answer[0], opencompass_form(answer[0])) for answer in item.answers)
    return judged(right, f"read {found[:80]!r}, expected {item.answers[0][0]!r}")


def segments(text: str) -> list[str]:
    """Characters and words of ``text``, without punctuation."""
    found: list[str] = []
    run = ""
    for char in text.lower().strip():
        if char in SIGNS:
            continue
        if CHARACTER.match(char):
            found += [*words(run), char]
            run = ""
        else:
            run += char
    return found + words(run)


def run_f1(found: Sequence[str], gold: Sequence[str]) -> float:
    """F1 of the longest common run, in segments."""
    same = longest_common_run(found, gold)
    if same == 0:
        return 0.0
    precision, recall = same / len(found), same / len(gold)
    return 2 * precision * recall / (precision + recall)


def longest_common_run(left: Sequence[Hashable], right: Sequence[Hashable]) -> int:
    """Length of the longest common run of elements, found as a substring with one character per element."""
    numbers: dict[Hashable, str] = {}
    text, short = ("".join(numbers.setdefault(part, chr(len(numbers))) for part in side) for side in (left, right))
    longest = 0
    for start in range(len(short)):
        while start + longest < len(short) and short[start : start + longest + 1] in text:
            longest += 1
    return longest


def _without_signs(text: str) -> str:
    return "".join(char for char in text.lower().strip() if char not in SIGNS)


def _detail(output: str, item: AnswerItem) -> str:
    return f"answered {output.strip()[:80]!r}, expected {item.answers[0][0]!r}"
