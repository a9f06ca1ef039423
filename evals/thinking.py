"""What a reasoning model answers: the text after its thinking.

Reasoning models write their thinking into the output, between two marks, and the answer after it. A first guess in
there is no answer, and a block of code in there is no program. lm-eval (``think_end_token``, 0.4.13) and vLLM's
reasoning parsers split outputs at the same marks. Where the chat template opened the thinking, the output holds the
closing mark alone, with the answer on the next line or right behind it; it counts unless a quotation mark, a backtick
or a backslash touches it, so that an answer may speak of the mark, as a program does. Cost: linear in the output.
"""

import re

MARKS = (("<think>", "</think>"), ("<thinking>", "</thinking>"), ("[THINK]", "[/THINK]"))
"""What opens and closes thinking: DeepSeek-R1, Qwen3 and most others; some fine-tuned models; Magistral."""
OPENED = {marks: re.compile(rf"\s*{re.escape(marks[0])}") for marks in MARKS}
QUOTING = r"[\"'`\\]"
BLANK_LINES = re.compile(r"(?:[ \t]*\r?\n)+")


def after_thinking(output: str) -> str | None:
    """The answer in ``output``, without the blank lines before it; None where the thinking never ends.

    An output without thinking is returned as it is.
    """
    at = 0
    while marks := next((marks for marks in MARKS if OPENED[marks].match(output, at)), None):
        end = output.find(marks[1], at)
        if end < 0:
            return None
        at = _answer_starts(output, end + len(marks[1]))
    if at:
        return output[at:]
    for opening, closing in MARKS:
        ended = re.search(rf"(?<!{QUOTING}){re.escape(closing)}(?!{QUOTING})", output)
        if ended and opening not in output[: ended.start()]:
            return output[_answer_starts(output, ended.end()) :]
    return output


def _answer_starts(output: str, at: int) -> int:
    """The place in ``output`` after the blank lines that begin at ``at``."""
    blank = BLANK_LINES.match(output, at)
    return blank.end() if blank else at
