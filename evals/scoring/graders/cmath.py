"""CMATH's own grader: one of the last two numbers of the output is the answer, within 1 % unless both are whole.

Source: XiaoMi/cmath ``utils.py``. Numbers are searched for line by line: at the start of a line, after a Chinese
character or one of ``$ : = > { -``, at the end of a line, or as the whole line. Percent signs, ``a/b``,
``\\frac{a}{b}`` and ``3分之2`` (with digits; ``三分之二`` is not read) count; a sign is never read. Three points
about the published script:

- it raises ``TypeError`` on every answer, because ``has_exception`` is called with two arguments and takes one. What is
  computed here is the result of that call with one argument;
- an output that is empty or looks like the message of a failed request is left out of the official mean. Here it is
  wrong, and the reason says so: a model must not gain by saying nothing;
- the candidates pass through a set. Only whether one of them fits matters, so their order does not.

Cost: linear in the output.
"""

import re

from gristmill.evals.scoring.graders import Grade, judged
from gristmill.evals.suites.items import AnswerItem

NUMBER = r"\d++(?:[./]\d*+)?%?"
"""As published, ``\\d+[./]?\\d*%?``, without its quadratic search in a long run of digits."""
PLACES = (
    re.compile(rf"^({NUMBER}) ?(?=[\u4e00-\u9fa5,，。°℃$])"),
    re.compile(rf"(?<=[\u4e00-\u9fa5$:：，＝≈=->{{]) ?({NUMBER}) ?(?:[\u4e00-\u9fa5,，。°℃$}}（]|\([^\d\s]|\.$)"),
    re.compile(r"(?<!\d)(\d++)分之(\d+)"),
    re.compile(rf"(?<=[\u4e00-\u9fa5$:：，＝≈=\->]) ?({NUMBER})$"),
    re.compile(rf"^{NUMBER}$"),
)
"""Start, middle, Chinese fraction, end, whole line: the order in which a line's numbers are listed."""
FRACTION = 2
SEPARATOR = re.compile(r"(?<=\d)[, ](?=\d)")
LATEX_FRACTION = re.compile(r"\\frac\{([^}]++)\}\{([^}]++)\}")
REQUEST_FAILED = re.compile(r"(请求.*超时)|(timeout)")
ERROR = re.compile(r"error|异常|失败|content_filter")


def by_last_two_numbers(item: AnswerItem, output: str) -> Grade:
    """Whether one of the last two numbers is near a gold answer."""
    expected = item.answers[0][0]
    if failed(output):
        return judged(
            False, f"empty or an error message, which the official mean leaves out; here wrong, expected {expected}"
        )
    found = numbers(output)[-2:]
    golds = [value for answer in item.answers if (value := _value(answer[0])) is not None]
    values = [value for text in found if (value := _value(text)) is not None]
    right = any(_near(gold, value) for gold in golds for value in values)
    return judged(right, f"read {' or '.join(text[:40] for text in found) or 'no number'}, expected {expected}")


def failed(output: str) -> bool:
    """Whether the official script takes the output for a failed request."""
    braces = "{" in output and "}" in output
    return not output.strip() or bool(REQUEST_FAILED.search(output)) or (braces and ERROR.search(output) is not None)


def numbers(output: str) -> list[str]:
    """All numbers of the output as written, in the order of the official script."""
    text = SEPARATOR.sub("", LATEX_FRACTION.sub(r"\1/\2", output))
    return [number for line in text.splitlines() for number in _of_line(line)]


def _of_line(line: str) -> list[str]:
    found: list[str] = []
    for place, pattern in enumerate(PLACES):
        matches = pattern.findall(line)
        found += [f"{over}/{under}" for under, over in matches] if place == FRACTION else matches
    return [text for text in (raw.strip() for raw in found) if not text.startswith("/") and not text.endswith("/")]


def _value(text: str) -> int | float | None:
    """A whole number stays whole; a fraction by zero is 0, as in the official script; None for anything else."""
    text = text.strip()
    try:
        if text.endswith("%"):
            return float(text.replace("%", "")) / 100
        if "/" in text:
            parts = text.split("/")
            return float(parts[0]) / float(parts[1]) if len(parts) == 2 and float(parts[1]) else 0
        return float(text) if "." in text else int(text)
    except (ValueError, OverflowError):
        return None


def _near(gold: int | float, found: int | float) -> bool:
    if isinstance(gold, int) and isinstance(found, int):
        return gold == found
    try:
        return abs(gold - found) / (min(abs(gold), abs(found)) + 1e-6) < 1e-2
    except OverflowError:
        return False
