"""GAOKAO-Bench's own rules: which letters an output names, and what share of an entry's questions is right.

Source: OpenLMLab/GAOKAO-Bench ``Bench/bench_function.py`` (``extract_choice_answer``) and
``Bench/OBJ_score_evaluation.py``. The kind of an entry is that of its file, which is the item's subset:

- one question: the last of A to D anywhere in the output, so a word with a capital after the answer replaces it;
- several: the letter after each ``【答案】``, when there are as many as questions; else the first capitals anywhere;
- five of seven: the first five of A to G;
- physics, where several options of one question may be right: all letters after the first ``【答案】``, else those of
  the last ten characters. A subset of the right letters without a wrong one counts half.

An output with fewer letters than questions is wrong in all of them. Cost: linear in the output.
"""

import re

from gristmill.evals.scoring.graders import Grade
from gristmill.evals.suites.items import AnswerItem

SEVERAL = frozenset(
    {
        "2010-2022_Chinese_Lang_and_Usage_MCQs",
        "2010-2022_Chinese_Modern_Lit",
        "2010-2022_English_Fill_in_Blanks",
        "2010-2022_English_Reading_Comp",
        "2010-2022_Geography_MCQs",
    }
)
FIVE_OF_SEVEN = "2012-2022_English_Cloze_Test"
PHYSICS = "2010-2022_Physics_MCQs"
ANSWER = "【答案】"
AFTER = re.compile(r"【答案】\s*+[:：]*+\s*+([A-Z])")
HALF = 0.5
LAST_CHARACTERS = 10


def gaokao(item: AnswerItem, output: str) -> Grade:
    """The share of the questions of an entry that are right."""
    gold = item.answers[0]
    found = letters(item.subset, output, len(gold))
    if len(found) != len(gold):
        return _grade(0.0, found, gold)
    if item.subset == PHYSICS:
        points = [
            1.0 if own == right else HALF * (set(own) <= set(right)) for own, right in zip(found, gold, strict=True)
        ]
    else:
        points = [float(own == right) for own, right in zip(found, gold, strict=True)]
    return _grade(sum(points) / len(points), found, gold)


def letters(subset: str, output: str, questions: int) -> list[str]:
    """The answers read from the output, at most one per question."""
    if subset in SEVERAL:
        after = AFTER.findall(output)
        return after if len(after) == questions else re.findall("[A-Z]", output)[:questions]
    if subset == FIVE_OF_SEVEN:
        return re.findall("[A-G]", output)[:5]
    if subset == PHYSICS:
        text = re.sub(r"\s+", "", output)
        place = text.find(ANSWER)
        named = "".join(re.findall("[A-D]", text[place:] if place > 0 else text[-LAST_CHARACTERS:]))
        return [named] if named else []
    return re.findall("[A-D]", output)[-1:]


def _grade(value: float, found: list[str], gold: tuple[str, ...]) -> Grade:
    verdict = "right" if value == 1 else "partly" if value else "wrong"
    return Grade(verdict, value, f"read {' '.join(found) or 'no letter'}, expected {' '.join(gold)}")
