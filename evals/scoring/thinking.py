"""A reasoning model's answer: the text after its thinking.

Reasoning models write their thinking into the output, between two marks, and the answer after it. A guess in there is
not the answer, and a block of code in there is not the program. Most outputs open with the first mark; some have a byte
order mark, the header of a chat message or a sentence before it. If the chat template opened the thinking, the output
has only the closing mark. gpt-oss writes channels instead (the harmony format), and the answer is the channel
``final``. An answer may mention a mark: one in quotation marks, in code or in a comment is ignored.

Other marks can be given. That is lm-eval's ``think_end_token`` (0.4.13), which has no default and keeps the text after
the last one; unlike there, an output without it counts as unfinished thinking. Cost: linear in the output; only the
first ``MOST`` mentioned closing marks are examined.
"""

import re
from collections.abc import Iterator
from itertools import islice

TAGS = ("think", "thinking", "thought", "thoughts", "reasoning", "seed:think")
MARKS = (
    *((f"<{tag}>", f"</{tag}>") for tag in TAGS),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
)
"""What opens and closes thinking: DeepSeek-R1, Qwen3 and most others; fine-tuned models; Seed-OSS; Magistral; Kimi-VL;
OpenThinker; Command A. Case does not matter."""
CLOSING = {opening.lower(): re.compile(re.escape(closing), re.IGNORECASE) for opening, closing in MARKS}
OPENING = "|".join(re.escape(opening) for opening, _ in MARKS)
HEADER = r"(?:[\s\ufeff\u200b]|<s>|<bos>|\[/INST\]|<[|｜][^|｜<>\n]{1,40}[|｜]>|(?:assistant|model)\b:?)*?"
"""What may stand before the opening mark of an output: white space and the header of a chat message."""
OPENS = re.compile(rf"{HEADER}({OPENING})", re.IGNORECASE)
OPENS_LATER = re.compile(rf"(?:^|(?<=\n)|(?<=[.!?:…。！？：])|(?<=[.!?:…] ))[ \t]*({OPENING})", re.IGNORECASE)
LONGEST_PREAMBLE = 300
"""Characters before an opening mark that may be a sentence announcing what the model will do."""

FINAL = re.compile(
    r"(<\|channel\|>)\s*final\b[^<]*(?:<\|constrain\|>[^<]*)?<\|message\|>|\A()analysis(?s:.*?)assistantfinal"
)
"""The header of harmony's last channel; the second form is without special tokens."""
CHANNEL = re.compile(r"\s*(?:<\|start\|>assistant)?\s*<\|channel\|>")
END_OF_MESSAGE = re.compile(r"<\|(?:return|end)\|>")

COMMENT = re.compile(r"(?:^|\s)#\s|^\s*(?://|/?\*|<!--)")
BLANK_LINES = re.compile(r"(?:[ \t]*\r?\n)+")
NOTHING = re.compile(r"\s*\Z")
MOST = 100


def after_thinking(output: str, end: str = "") -> str | None:
    """The answer in ``output``, without the blank lines before it; None if the thinking never ends.

    ``end`` is the mark that ends the thinking, for a model with unknown marks; then only that is searched for. An
    output without thinking is returned as it is.
    """
    if end:
        return _after_last(output, end)
    final = next((found for found in _first(FINAL, output) if not _mentioned(output, found)), None)
    if final:
        return END_OF_MESSAGE.split(output[_answer_starts(output, final.end()) :], maxsplit=1)[0]
    if CHANNEL.match(output):
        return None
    at = 0
    while opened := _opening(output, at):
        ended = _ending(output, opened)
        if ended is None:
            return None
        if opened.re is OPENS_LATER and NOTHING.match(output, ended):
            return output[at : opened.start()]  # it thought after it had answered
        at = _answer_starts(output, ended)
    return output[at:] if at else _after_lone_closing(output)


def _after_last(output: str, end: str) -> str | None:
    """The text after the last ``end`` that is not quoted; None without one."""
    at = len(output)
    for _ in range(MOST):
        at = output.rfind(end, 0, at)
        if at < 0:
            return None
        if not _quoted(output, at, at + len(end)):
            return output[_answer_starts(output, at + len(end)) :]
    return None


def _first(mark: re.Pattern[str], output: str, at: int = 0) -> Iterator[re.Match[str]]:
    return islice(mark.finditer(output, at), MOST)


def _opening(output: str, at: int) -> re.Match[str] | None:
    """The mark that opens thinking at ``at``, or after a sentence there."""
    if opens := OPENS.match(output, at):
        return opens
    later = OPENS_LATER.finditer(output, at, at + LONGEST_PREAMBLE)
    return next((found for found in later if not _mentioned(output, found, at)), None)


def _ending(output: str, opened: re.Match[str]) -> int | None:
    """Where the opened thinking ends: after the first closing mark that is not quoted, or else the first one."""
    first = None
    for found in _first(CLOSING[opened[1].lower()], output, opened.end()):
        if not _quoted(output, *found.span()):
            return found.end()
        first = first or found
    return first.end() if first else None


def _after_lone_closing(output: str) -> str:
    """The text after the closing mark of thinking that the chat template opened; all of it without such a mark."""
    for opening, closing in CLOSING.items():
        opened = re.search(re.escape(opening), output, re.IGNORECASE)
        for found in _first(closing, output):
            if opened and opened.start() < found.start():
                break
            if not _mentioned(output, found) or _alone_on_its_line(output, found):
                return output[_answer_starts(output, found.end()) :]
    return output


def _quoted(output: str, start: int, end: int) -> bool:
    """Whether the text from ``start`` to ``end`` is in quotation marks or backticks opened on its line."""
    line = output[output.rfind("\n", 0, start) + 1 : start]
    line_end = output.find("\n", end)
    after = output[end : line_end if line_end >= 0 else None]
    return any(
        line.count(mark) % 2
        and (line.endswith(mark) or after.startswith((mark, "\\")) or (mark != "'" and mark in after))
        for mark in "\"'`"
    )


def _mentioned(output: str, found: re.Match[str], at: int = 0) -> bool:
    """Whether a mark is only mentioned: quoted, or in code or a comment of the text that begins at ``at``."""
    start, end = found.span(found.lastindex or 0)
    before = output[at:start]
    inside = (before.count(mark) % 2 for mark in ("```", '"""', "'''"))
    line = before[before.rfind("\n") + 1 :]
    return _quoted(output, start, end) or bool(COMMENT.search(line)) or any(inside)


def _alone_on_its_line(output: str, found: re.Match[str]) -> bool:
    """Whether a line has nothing else: the end of thinking that broke off inside a block of code."""
    before, after = output[: found.start()], output[found.end() :]
    return not before[before.rfind("\n") + 1 :].strip() and not after.partition("\n")[0].strip()


def _answer_starts(output: str, at: int) -> int:
    """The place in ``output`` after the blank lines that begin at ``at``."""
    blank = BLANK_LINES.match(output, at)
    return blank.end() if blank else at
