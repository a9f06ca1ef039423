"""Post-processing of generated code: which part of an output to run. Pure text functions, one per upstream rule.

Sources: lm-eval 0.4.13 (``lm_eval/tasks/humaneval``, ``mbpp``), bigcode-evaluation-harness 8fc5bae
(``bigcode_eval/tasks/humaneval.py``, ``mbpp.py``, ``base.py``), OpenCompass a5acc4b
(``opencompass/datasets/humaneval.py``, ``mbpp.py``). A golden test compares each with upstream's
results on the same outputs. Cost: linear in the output.
"""

import re

from gristmill.evals.generation.settings import cut

# Where each harness ends a completion. A generated function ends at the first unindented line.
LM_EVAL_HUMANEVAL = ("\nclass", "\ndef", "\n#", "\nif", "\nprint")
BIGCODE_HUMANEVAL = ("\nclass", "\ndef", "\n#", "\n@", "\nprint", "\nif", "\n```", "<file_sep>")
BIGCODE_MBPP = ("\nclass", "\nassert", '\n"""', "\nprint", "\nif", "\n<|/", "\n```")
DONE = ("[DONE]",)

FENCE = "```"
CLOSED_BLOCK = re.compile(r"```\w*\n(.*?)```", re.DOTALL)
OPENING = re.compile(r"^[ \t]*```[^\n`]*\n", re.MULTILINE)
AFTER_LANGUAGE = re.compile(r"```\w*\n?")
# OpenCompass's MBPP: what opens a program and what closes it, tried in this order. Its prompts show both in quotes.
MBPP_FRAMES = tuple(
    (re.compile(opening), closing)
    for opening, closing in (
        (r"\[BEGIN\]\s*'", "'[DONE]"),
        (r"BEGIN\s*'", "'[DONE]"),
        (r"\[BEGIN\]\s*'", "'DONE"),
        (r"BEGIN\s*'", "'DONE"),
        (r"\[BEGIN\]\s*'", "[DONE]"),
        (r"BEGIN\s*'", "[DONE]"),
        (r"\[BEGIN\]\s*'", "DONE"),
        (r"BEGIN\s*'", "DONE"),
        (r"\[BEGIN\]\s*", "[DONE]"),
        (r"BEGIN\s*", "[DONE]"),
        (r"\[BEGIN\]\s*", "DONE"),
        (r"BEGIN\s*", "DONE"),
        (r"```python\s*", "```"),
        (r"```\s*", "```"),
        (r"```python\s*", ""),
        (r"```\s*", ""),
        (r"\[BEGIN\]\s*'", ""),
        (r"\[BEGIN\]", ""),
        (r"'", "'[DONE]"),
    )
)


def lm_eval_humaneval(text: str) -> str:
    """Before the first stop string of lm-eval's ``humaneval``."""
    return cut(text, LM_EVAL_HUMANEVAL)[0]


def bigcode_humaneval(text: str) -> str:
    """Before the first stop string of bigcode's ``humaneval``."""
    return cut(text, BIGCODE_HUMANEVAL)[0]


def lm_eval_mbpp(text: str) -> str:
    """Before ``[DONE]``, which ends the examples of lm-eval's ``mbpp`` and of the paper."""
    return cut(text, DONE)[0]


def bigcode_mbpp(text: str) -> str:
    """Before the first stop string of bigcode's ``mbpp``. The docstring it puts before the code does nothing."""
    return cut(text, BIGCODE_MBPP)[0]


def first_block(text: str) -> str:
    """The first fenced block, without its fences; an unclosed one extends to the end; without any, the whole text."""
    opening = OPENING.search(text)
    return text if opening is None else text[opening.end() :].partition(FENCE)[0]


def before_fence(text: str) -> str:
    """The text before the first fence, for a prompt that ended inside a block.

    Source: ``build_predictions_instruct`` of lm-eval's HumanEval.
    """
    return text.partition(FENCE)[0]


def continued_block(text: str) -> str:
    """The first block of a text whose prompt ended in an opening fence; empty if it is never closed, as upstream.

    Source: ``extract_code_blocks`` of lm-eval's MBPP. The word that an output starts with is read as the language,
    even ``def``, so a model has to start with a line feed. Upstream's pattern takes quadratic time if no fence
    follows, so that case is handled first.
    """
    whole = FENCE + text
    if whole.count(FENCE) < 2:
        return ""
    return AFTER_LANGUAGE.sub("", whole, count=1).partition(FENCE)[0].removesuffix("\n")


def opencompass_humaneval(text: str) -> str:
    """OpenCompass ``humaneval_postprocess_v2``: the first closed block, else all of it; then ``lstrip``.

    The ``lstrip`` takes the indentation off a bare function body, so a base model's completion no longer fits its
    prompt. That is upstream's quirk, and kept.
    """
    found = CLOSED_BLOCK.search(text)
    return (found[1] if found else text).lstrip()


def opencompass_mbpp(text: str) -> str:
    """OpenCompass ``MBPPEvaluator``: the inside of the first matching frame, up to the *last* place that closes it.

    Then the part before a fence or ``DONE``, with ``\\_`` read as ``_``, stripped. Its evaluator also makes the tests
    compare types; here the tests are MBPP's own. Upstream's patterns take cubic time and give up after 10 s; this
    function finds the same places in linear time.
    """
    for opening, closing in MBPP_FRAMES:
        inside = _framed(text, opening, closing)
        if inside is not None:
            text = inside
            break
    text = text.partition(FENCE)[0]
    head, done, _ = text.partition("DONE")
    if done:
        text = head.removesuffix("[").rstrip().removesuffix("'")
    return text.replace("\\_", "_").strip()


def _framed(text: str, opening: re.Pattern[str], closing: str) -> str | None:
    """The text between the first ``opening`` and the last ``closing`` after it; None without them.

    White space may follow the quote of a ``closing`` that starts with one.
    """
    begin = opening.search(text)
    if begin is None:
        return None
    if closing.startswith("'"):
        quoted = re.compile(r"'\s*" + re.escape(closing[1:]))
        end = max((found.start() for found in quoted.finditer(text, begin.end())), default=-1)
    else:
        end = text.rfind(closing, begin.end())
    return text[begin.end() : end] if end >= 0 else None
