"""Answers to MATH problems, written in LaTeX: finding the answer in the output, and normalising it.

Hendrycks et al. 2021 (hendrycks/math ``math_equivalence.py``): the last ``\\boxed`` or ``\\fbox`` of the output, then
rules on strings: ``\\frac12`` and ``1/2`` become ``\\frac{1}{2}``, ``0.5`` becomes one half; degrees, percent signs,
dollar signs, ``\\left``, ``\\right``, spaces and a unit in ``\\text{ ...}`` are removed. A rule that fails (two units,
or a ``\\frac`` at the end) leaves both strings as they are. As upstream, an answer in ``\\fbox`` or after ``\\boxed``
and a space is found but not read.

Minerva (Lewkowycz et al. 2022, appendix D, as in lm-eval 0.4.13 ``minerva_math/utils.py``): the text between
``Final Answer: The final answer is`` and ``. I hope it is correct.`` on one line; units, ``\\text``, ``\\boxed`` and
dollar signs are removed, shorthand fractions and roots get braces. The text after the last ``=`` counts.

Answers longer than :data:`LONGEST` characters are not read: gold answers are far shorter, and the rules are quadratic.
"""

import re

LONGEST = 1000
INVALID = "[invalidanswer]"
"""What lm-eval compares when there is no final answer."""

FINAL = "Final Answer: The final answer is"
HOPE = "I hope it is correct."
HOPED = re.compile(r". I hope it is correct(?=.)")

SUBSTITUTIONS = (
    ("an ", ""),
    ("a ", ""),
    (".$", "$"),
    ("\\$", ""),
    ("\\ ", ""),
    (" ", ""),
    ("mbox", "text"),
    (",\\text{and}", ","),
    ("\\text{and}", ","),
    ("\\text{m}", "\\text{}"),
)
UNITS = (
    *(
        "square",
        "ways",
        "integers",
        "dollars",
        "mph",
        "inches",
        "ft",
        "hours",
        "km",
        "units",
        "\\ldots",
        "sue",
        "points",
    ),
    *("feet", "minutes", "digits", "cents", "degrees", "cm", "gm", "pounds", "meters", "meals", "edges", "students"),
    *(
        "childrentickets",
        "multiples",
        "\\text{s}",
        "\\text{.}",
        "\\text{\ns}",
        "\\text{}^2",
        "\\text{}^3",
        "\\text{\n}",
    ),
    *("\\text{}", "\\mathrm{th}", "^\\circ", "^{\\circ}", "\\;", ",\\!", "{,}", '"', "\\dots"),
)
"""In Minerva's order, which matters: removing one may create another."""
COMMANDS = re.compile(r"(\\[a-zA-Z]+)")
UNWRAPPED = (
    (re.compile(r"(.*?)(\$)(.*?)(\$)(.*)"), r"$\3$"),
    (re.compile(r"(\\text\{)(.*?)(\})"), r"\2"),
    (re.compile(r"(\\textbf\{)(.*?)(\})"), r"\2"),
    (re.compile(r"(\\overline\{)(.*?)(\})"), r"\2"),
    (re.compile(r"(\\boxed\{)(.*)(\})"), r"\2"),
    (re.compile(r"(frac)([^{])(.)"), r"frac{\2}{\3}"),
    (re.compile(r"(sqrt)(\[[^\]]*\])(\w)"), r"\1\2{\3}"),
    (re.compile(r"(sqrt)(?!\[)([^{])"), r"sqrt{\2}"),
)
THOUSANDS = re.compile(r"-?\d{1,3}(,\d{3})+")


def last_boxed(text: str) -> str | None:
    """The contents of the last ``\\boxed{...}`` of ``text``; None if there is none, or its braces do not close."""
    begin = max(text.rfind("\\boxed"), -1)
    if begin < 0 or text[begin : begin + 7] != "\\boxed{":
        return None
    depth = 0
    for place in range(begin + 6, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return text[begin + 7 : place]
    return None


def between_dollars(text: str) -> str:
    """The text between the first and the last dollar sign, or all of it (lm-eval ``hendrycks_math``)."""
    first, last = text.find("$"), text.rfind("$")
    return text[first + 1 : last] if first < last else text


def final_answer(text: str) -> str:
    """Minerva's answer, white space stripped, or :data:`INVALID`."""
    for line in (text + HOPE).split("\n"):
        begin = line.find(FINAL)
        if begin < 0:
            continue
        found = HOPED.search(line, begin + len(FINAL))
        if found:
            return line[begin + len(FINAL) : found.start()].strip()
    return INVALID


def minerva_form(text: str) -> str:
    """The answer as Minerva normalises it."""
    text = text.rpartition("=")[2]
    for unit in UNITS:
        if unit.isalpha():
            text = re.sub(rf"(?<!\\)\b{unit}\b", "", text)
    for before, after in SUBSTITUTIONS:
        text = text.replace(before, after)
    for unit in UNITS:
        text = _without(unit, text) if unit.isalpha() else text.replace(unit, "")
    for pattern, replacement in UNWRAPPED:
        text = pattern.sub(replacement, text)
    text = text.replace("$", "")
    return text.replace(",", "") if THOUSANDS.fullmatch(text) else text


def hendrycks_equal(left: str, right: str) -> bool:
    """Whether two answers are the same string after normalisation; unnormalised if a rule fails on either."""
    try:
        return hendrycks_form(left) == hendrycks_form(right)
    except (ValueError, IndexError):
        return left == right


def hendrycks_form(text: str) -> str:
    """The answer as Hendrycks et al. normalise it. Raises ``ValueError`` or ``IndexError`` when a rule fails."""
    for before, after in (
        ("\n", ""),
        ("\\!", ""),
        ("\\\\", "\\"),
        ("tfrac", "frac"),
        ("dfrac", "frac"),
        ("\\left", ""),
        ("\\right", ""),
        ("^{\\circ}", ""),
        ("^\\circ", ""),
        ("\\$", ""),
    ):
        text = text.replace(before, after)
    text = _without_unit(text).replace("\\%", "").replace("%", "").replace(" .", " 0.").replace("{.", "{0.")
    if not text:
        return text
    text = f"0{text}" if text[0] == "." else text
    sides = text.split("=")
    if len(sides) == 2 and len(sides[0]) <= 2:
        text = sides[1]
    text = _braced_fractions(_braced_roots(text).replace(" ", ""))
    return _ratio(r"\frac{1}{2}" if text == "0.5" else text)


def _without(unit: str, text: str) -> str:
    """``text`` without ``unit``, except in names of commands, so that ``ft`` does not spoil ``\\left``."""
    parts = COMMANDS.split(text)
    parts[::2] = [part.replace(unit, "") for part in parts[::2]]
    return "".join(parts)


def _without_unit(text: str) -> str:
    parts = text.split("\\text{ ")
    if len(parts) > 2:
        raise ValueError("two units")
    return parts[0]


def _braced_roots(text: str) -> str:
    head, *rest = text.split("\\sqrt")
    return head + "".join("\\sqrt" + (part if part[0] == "{" else f"{{{part[0]}}}{part[1:]}") for part in rest)


def _braced_fractions(text: str) -> str:
    """``\\frac12`` as ``\\frac{1}{2}`` and ``\\frac1{72}`` as ``\\frac{1}{72}``; unchanged when one sign follows."""
    head, *rest = text.split("\\frac")
    found = head
    for part in rest:
        if part[0] == "{":
            found += "\\frac" + part
        elif len(part) < 2:
            return text
        else:
            under = part[1:] if part[1] == "{" else f"{{{part[1]}}}{part[2:]}"
            found += f"\\frac{{{part[0]}}}{under}"
    return found


def _ratio(text: str) -> str:
    """``3/4`` as ``\\frac{3}{4}``, for whole numbers written plainly."""
    over, slash, under = text.partition("/")
    try:
        plain = text == f"{int(over)}/{int(under)}"
    except ValueError:
        return text
    return f"\\frac{{{over}}}{{{under}}}" if slash and plain else text
