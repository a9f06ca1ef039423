"""Answers that are spans of a passage, in English: SQuAD and DROP.

SQuAD (``evaluate-v1.1.py`` and ``evaluate-v2.0.py``): lower case, ASCII punctuation and the words *a*, *an*, *the*
removed, white space collapsed; exact match, or F1 of the bags of tokens; the best over the gold answers. The two
versions differ in one thing: if an answer has no token left, v1.1 gives F1 0 and v2.0 compares for equality, an
unanswerable question having the gold answer ``""``.

DROP (AllenNLP ``drop_eval.py``, the same in lm-eval): split at spaces and hyphens, each token normalised as above but
punctuation is kept in numbers, which are compared as floats. A gold answer is one or more spans and the prediction is
one, so exact match needs a gold answer of one span, and the optimal alignment is the best F1 over the spans divided by
their number; a span whose numbers are all missed scores 0. F1 is rounded to two digits. Python's ``float`` decides what
a number is, so ``1_000``, ``nan`` and ``infinity`` are numbers.

OpenCompass (``datasets/squad20.py``): exact match only, of the first line, after the last ``answer is``, cut at its
first full stop or comma. (Its data also count *plausible* answers to unanswerable questions as right.)

Cost: linear in the output.
"""

import re
import string
from collections import Counter
from collections.abc import Callable

from gristmill.evals.scoring.graders import Grade, judged
from gristmill.evals.suites.items import AnswerItem

ARTICLES = re.compile(r"\b(a|an|the)\b")
PUNCTUATION = str.maketrans("", "", string.punctuation)
OPENCOMPASS_ARTICLES = re.compile(r"\b(a|an|the)\b", re.IGNORECASE)
SYMBOLS = re.compile(r"[^\w\s]")


def squad_form(text: str) -> str:
    """What SQuAD compares."""
    return " ".join(ARTICLES.sub(" ", text.lower().translate(PUNCTUATION)).split())


def squad_em(item: AnswerItem, output: str) -> Grade:
    """Exact match with one of the gold answers (v1.1)."""
    found = squad_form(output)
    return judged(any(found == squad_form(answer[0]) for answer in item.answers), _detail(output, item))


def squad_f1(item: AnswerItem, output: str) -> Grade:
    """The best F1 of tokens over the gold answers (v1.1)."""
    found = squad_form(output).split()
    return partly(max(token_f1(found, squad_form(answer[0]).split()) for answer in item.answers), _detail(output, item))


def squad2_em(item: AnswerItem, output: str) -> Grade:
    """Exact match (v2.0): gold answers without a token are left out; a question without any has the answer ``""``."""
    found = squad_form(output)
    return judged(any(found == gold for gold in _answerable(item)), _detail(output, item))


def squad2_f1(item: AnswerItem, output: str) -> Grade:
    """The best F1 over the gold answers (v2.0)."""
    found = squad_form(output).split()
    scores = [
        token_f1(found, gold.split()) if found and gold else float(found == gold.split()) for gold in _answerable(item)
    ]
    return partly(max(scores), _detail(output, item))


def squad_opencompass(item: AnswerItem, output: str) -> Grade:
    """Exact match after OpenCompass's ``general_postprocess``."""
    first = output.split("\n")[0].lower().split("answer is")[-1]
    found = opencompass_form(first)
    right = any(found == opencompass_form(answer[0]).lower() for answer in item.answers)
    return judged(right, f"read {found[:80]!r}, expected {item.answers[0][0]!r}")


def opencompass_form(text: str) -> str:
    """OpenCompass's ``general_postprocess``: the text before the first line feed, full stop or comma."""
    head = re.split(r"[\n.,]", text, maxsplit=1)[0]
    return re.sub(r"\s+", " ", OPENCOMPASS_ARTICLES.sub("", SYMBOLS.sub("", head))).strip()


def token_f1(found: list[str], gold: list[str]) -> float:
    """F1 of two bags of tokens; 0 when they share none."""
    same = sum((Counter(found) & Counter(gold)).values())
    if same == 0:
        return 0.0
    precision, recall = same / len(found), same / len(gold)
    return 2 * precision * recall / (precision + recall)


def drop_form(text: str) -> str:
    """What DROP compares for one span."""
    tokens = (_drop_token(token) for token in re.split(r" |-", text))
    return " ".join(token for token in tokens if token)


def drop_em(item: AnswerItem, output: str) -> Grade:
    """Exact match with a gold answer of one span."""
    return judged(_best(item, output, lambda found, gold: float([found] == gold)) == 1, _detail(output, item))


def drop_f1(item: AnswerItem, output: str) -> Grade:
    """The best aligned F1 over the gold answers."""
    return partly(_best(item, output, _aligned_f1), _detail(output, item))


def partly(value: float, detail: str) -> Grade:
    """The grade of an answer that may be right in part."""
    verdict = "right" if value == 1 else "partly" if value else "wrong"
    return Grade(verdict, value, detail if value in (0, 1) else f"{detail}; F1 {value:.2f}")


def _answerable(item: AnswerItem) -> list[str]:
    return [gold for answer in item.answers if (gold := squad_form(answer[0]))] or [""]


def _best(item: AnswerItem, output: str, score: Callable[[str, list[str]], float]) -> float:
    found = drop_form(output)
    scores = [
        score(found, [drop_form(part) for part in answer])
        for answer in item.answers
        if answer[0].strip()  # upstream skips a gold answer whose first span is empty
    ]
    return max(scores, default=0.0)


def _aligned_f1(found: str, gold: list[str]) -> float:
    bag = set(found.split())
    best = max(_span_f1(bag, set(span.split())) for span in gold)
    return round(best / len(gold) * 100) / 100


def _span_f1(found: set[str], gold: set[str]) -> float:
    numbers = {word for word in gold if _is_number(word)}
    if numbers and not numbers & found:
        return 0.0
    same = len(gold & found)
    precision = same / len(found) if found else 1.0
    recall = same / len(gold) if gold else 1.0
    return 2 * precision * recall / (precision + recall) if precision or recall else 0.0


def _drop_token(token: str) -> str:
    token = token.lower()
    token = token if _is_number(token) else token.translate(PUNCTUATION)
    token = str(float(token)) if _is_number(token) else token
    return " ".join(ARTICLES.sub(" ", token).split())


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _detail(output: str, item: AnswerItem) -> str:
    return f"answered {output.strip()[:80]!r}, expected {', '.join(item.answers[0])!r}"
