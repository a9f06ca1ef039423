"""Multiple choice with a written answer: which letter the output names.

OpenCompass's rules (``utils/text_postprocessors.py``, August 2026) read generated answers, each as its own convention
because they disagree: the first or the last capital letter of the output, whatever it is; the last letter among those
of the options; or ``first_option_postprocess``, a list of patterns, Chinese and English, of which the first that
matches anywhere decides. That list is kept as published, with its quirks: two patterns are joined because a comma is
missing, so ``故选B`` is only found by a later one; a pattern that captures the white space before a letter finds
nothing;
``1.`` followed by anything takes the first option that is named after it; and when nothing else fits, the first option
letter anywhere counts, so ``A`` in *A good question* is an answer.

Cost: linear in the output for the letters; about 50 searches for the patterns, over at most :data:`LONGEST` characters.
"""

import re
from functools import cache

from gristmill.evals.scoring.graders import Grade, judged
from gristmill.evals.suites.items import ChoiceItem

LONGEST = 20_000
"""Characters that the patterns look at: some of them are quadratic."""
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def first_capital(item: ChoiceItem, output: str) -> Grade:
    """The first capital letter of the output."""
    return _judged(item, next((char for char in output if char.isupper()), ""))


def last_capital(item: ChoiceItem, output: str) -> Grade:
    """The last capital letter of the output."""
    return _judged(item, next((char for char in reversed(output) if char.isupper()), ""))


def last_option(item: ChoiceItem, output: str) -> Grade:
    """The last letter of the output that names an option."""
    options = letters(item)
    return _judged(item, next((char for char in reversed(output) if char in options), ""))


def first_option(item: ChoiceItem, output: str) -> Grade:
    """The letter that the first fitting pattern of OpenCompass finds."""
    options = letters(item)
    text = output.strip()[:LONGEST]
    for match in filter(None, (pattern.search(text) for pattern in _patterns(options))):
        within = match[1] or match[0]
        found = next((letter for letter in options if letter in within), "")
        if found:
            return _judged(item, found)
    return _judged(item, "")


def letters(item: ChoiceItem) -> str:
    """The letters of the item's options. Raises ``ValueError`` for more than 26 options."""
    if len(item.options) > len(ALPHABET):
        raise ValueError(f"{item.id}: {len(item.options)} options and {len(ALPHABET)} letters")
    return ALPHABET[: len(item.options)]


def _judged(item: ChoiceItem, found: str) -> Grade:
    right = letters(item)[item.answer]
    return judged(found == right, f"read {found or 'no letter'}, right is {right}")


@cache
def _patterns(options: str) -> tuple[re.Pattern[str], ...]:
    """OpenCompass's patterns in their order; ``@`` stands for one option letter."""
    return tuple(re.compile(pattern.replace("@", f"[{options}]"), re.DOTALL) for pattern in PATTERNS)


PATTERNS = (
    r"答案是?\s*(@)",
    r"答案是?\s*：\s*(@)",
    r"答案是?\s*:\s*(@)",
    r"答案选项应?该?是\s*(@)",
    r"答案选项应?该?为\s*(@)",
    r"答案应该?是\s*(@)",
    r"答案应该?选\s*(@)",
    r"答案选项为?\s*：\s*(@)",
    r"答案选项为?\s+\(?\*?\*?(@)\*?\*?\)?",
    r"答案选项是?\s*:\s*(@)",
    r"答案为\s*(@)",
    r"答案选\s*(@)",
    r"选择?\s*(@)",
    r"故选?\s*(@)只有选?项?\s?(@)\s?是?对",
    r"只有选?项?\s?(@)\s?是?错",
    r"只有选?项?\s?(@)\s?不?正确",
    r"只有选?项?\s?(@)\s?错误",
    r"说法不?对选?项?的?是\s?(@)",
    r"说法不?正确选?项?的?是\s?(@)",
    r"说法错误选?项?的?是\s?(@)",
    r"(@)\s?是正确的",
    r"(@)\s?是正确答案",
    r"选项\s?(@)\s?正确",
    r"所以答\s?(@)",
    r"所以\s?(@[.。$]?$)",
    r"所有\s?(@[.。$]?$)",
    r"[\s，：:,](@)[。，,\.]?$",
    r"[\s，,：:][故即](@)[。\.]?$",
    r"[\s，,：:]因此(@)[。\.]?$",
    r"[是为。]\s?(@)[。\.]?$",
    r"因此\s?(@)[。\.]?$",
    r"显然\s?(@)[。\.]?$",
    r"答案是\s?(\S+)(?:。|$)",
    r"答案应该是\s?(\S+)(?:。|$)",
    r"答案为\s?(\S+)(?:。|$)",
    r"(?i)ANSWER\s*:\s*(@)",
    r"[Tt]he answer is:?\s+\(?(@)\)?",
    r"[Tt]he answer is:?\s+\(?\*?\*?(@)\*?\*?\)?",
    r"[Tt]he answer is option:?\s+\(?(@)\)?",
    r"[Tt]he correct answer is:?\s+\(?(@)\)?",
    r"[Tt]he correct answer is option:?\s+\(?(@)\)?",
    r"[Tt]he correct answer is:?.*?boxed{(@)}",
    r"[Tt]he correct option is:?.*?boxed{(@)}",
    r"[Tt]he correct answer option is:?.*?boxed{(@)}",
    r"[Tt]he answer to the question is:?\s+\(?(@)\)?",
    r"^选项\s?(@)",
    r"^(@)\s?选?项",
    r"(\s|^)@[\s。，,：:\.$]",
    r"1.\s?(.*?)$",
    r"1.\s?(@)[.。$]?$",
    r"(@):",
    r"(@)",
)
