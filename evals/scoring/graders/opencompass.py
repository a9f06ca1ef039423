"""MATH as OpenCompass grades it by rules: ``math_postprocess_v2`` and ``MATHEvaluator`` version 2.

Source: ``opencompass/datasets/math.py``. The answer is the last ``\\boxed{...}``, else the first sentence (split at
full stops, so decimals are cut) that says *final answer* or *answer is*, else the first sentence. Two answers are equal
if they are so after either of two sets of rules, or after one and then the other; a failing rule ends its attempt.
Kept as published: ``and`` and ``x\\in`` are deleted anywhere, ``j`` becomes ``i`` if there is no ``i``, and ``\\le``
becomes ``<``, also in ``\\left``.

Cost: quadratic in the answer, which is therefore read up to
:data:`~gristmill.evals.scoring.graders.algebra.latex.LONGEST` characters.
"""

import re

from gristmill.evals.scoring.graders import Grade, judged
from gristmill.evals.scoring.graders.algebra import latex
from gristmill.evals.scoring.graders.algebra.latex import LONGEST, UNITS, last_boxed
from gristmill.evals.suites.items import AnswerItem

SAID = re.compile(r"final answer|answer is")
SUBSTITUTIONS = (*latex.SUBSTITUTIONS, ("\\le", "<"))
REMOVED = (*UNITS, "\n", "\r", "\f")
UNWRAPPED = tuple(
    re.compile(pattern)
    for pattern in (
        r"\\text\{\((.*?)\)\}",
        r"\\text\{(.*?)\}",
        r"\\textbf\{(.*?)\}",
        r"\\overline\{(.*?)\}",
        r"\\boxed\{(.*)\}",
    )
)
SENTENCES = tuple(
    re.compile(pattern) for pattern in (r"finalansweris(.*)", r"answer?is:?(.*)", r"oxed\{(.*?)\}", r"\$(.*?)\$")
)


def by_rules(item: AnswerItem, output: str) -> Grade:
    """Whether the answer is one of the gold answers by OpenCompass's rules."""
    found, gold = extracted(output), item.answers[0][0]
    if len(found) > LONGEST:
        return judged(False, f"the answer is too long to be read, expected {gold!r}")
    return judged(any(equal(found, answer[0]) for answer in item.answers), f"read {found!r}, expected {gold!r}")


def extracted(output: str) -> str:
    """The answer of an output; one that is too long is returned as it is."""
    boxed = last_boxed(output)
    if boxed:
        inner = re.match(r"^\{(.*)\}$", boxed)
        boxed = inner[1] if inner else boxed
    if boxed:
        return boxed
    sentences = output.split(".")
    said = next((sentence for sentence in sentences if SAID.search(sentence.lower())), sentences[0])
    return said if len(said) > LONGEST else final_form(said)


def equal(found: str, gold: str) -> bool:
    """Whether two answers are equal by one set of rules or the other, or by both in turn."""
    try:
        left, right = stripped(found), stripped(gold)
        if left == right or final_form(left) == final_form(right):
            return True
    except ValueError:
        pass  # a malformed fraction: the first rules do not apply
    return final_form(found) == final_form(gold)


def final_form(text: str) -> str:
    """OpenCompass's ``normalize_final_answer``."""
    for before, after in SUBSTITUTIONS:
        text = text.replace(before, after)
    for removed in REMOVED:
        text = text.replace(removed, "")
    for pattern in UNWRAPPED:
        text = pattern.sub(r"\1", text)
    for pattern in SENTENCES:
        found = pattern.findall(text)
        text = found[-1] if found else text
    text = text.strip()
    if "rac" in text and "\\frac" not in text:
        text = text.replace("rac", "\\frac")
    text = re.sub(r"(frac)([^{])(.)", r"frac{\2}{\3}", text)
    text = re.sub(r"(sqrt)([^{])", r"sqrt{\2}", text).replace("$", "")
    plain = text.replace(",", "")
    return plain if plain.isdigit() else text


def stripped(text: str) -> str:
    """OpenCompass's ``_strip_string_v2``. Raises ``ValueError`` for one slash without two whole numbers around it."""
    text = _replaced(text.strip().replace("\n", "").rstrip("."), "\\!", "\\ ")
    text = text.replace("\\\\", "\\").replace("\\\\", "\\").replace("tfrac", "frac").replace("dfrac", "frac")
    text = _replaced(text, "\\left", "\\right")
    text = re.sub(r"\\text{.*?}$", "", text).strip() or text
    text = _replaced(text, "^{\\circ}", "^\\circ", "\\$", "$", "\\text", "x\\in", "\\%", "%")
    text = text.replace(" .", " 0.").replace("{.", "{0.").replace("\\cdot", "").replace("infinity", "\\infty")
    if "\\infty" not in text:
        text = text.replace("inf", "\\infty")
    text = _replaced(text.replace("+\\inity", "\\infty"), "and", "\\mathbf")
    text = re.sub(r"\\mbox{.*?}", "", text)
    if "j" in text and "i" not in text:
        text = text.replace("j", "i")
    text = re.sub(r"(\d+)\.0+$", r"\1", re.sub(r"(\d+)\.0+([^\d])", r"\1\2", text))
    if not text:
        return text
    text = f"0{text}" if text[0] == "." else text
    sides = text.split("=")
    if len(sides) == 2 and len(sides[0]) <= 2:
        text = sides[1]
    return _ratio(_fractions(re.sub(r"\\sqrt(\w+)", r"\\sqrt{\1}", text).replace(" ", "")))


def _replaced(text: str, *removed: str) -> str:
    for part in removed:
        text = text.replace(part, "")
    return text


def _fractions(text: str) -> str:
    head, *rest = text.split("\\frac")
    found = head
    for part in rest:
        if part.startswith("{"):
            found += "\\frac" + part
        elif len(part) < 2:
            return text
        else:
            found += f"\\frac{{{part[0]}}}" + (part[1:] if part[1] == "{" else f"{{{part[1]}}}{part[2:]}")
    return found


def _ratio(text: str) -> str:
    parts = text.split("/")
    if len(parts) != 2:
        return text
    over, under = int(parts[0]), int(parts[1])
    return f"\\frac{{{over}}}{{{under}}}" if text == f"{over}/{under}" else text
