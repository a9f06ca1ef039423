"""Multiple choice by likelihood: the most probable option, in total or per unit of its length.

Summed log-probability prefers short options. lm-eval's ``acc`` uses it as it is, ``acc_norm`` divides it by the
characters of the option, ``acc_bytes`` by its UTF-8 bytes (``lm_eval/api/task.py``; the paper says bytes, the code of
``acc_norm`` counts characters). For letters the three agree, for Chinese options they differ. A tie goes to the first
option, so a constant model scores like ``always the first``.
"""

from collections.abc import Sequence

from gristmill.evals.scoring.graders import Grade, judged
from gristmill.evals.suites.items import ChoiceItem


def choose(nats: Sequence[float], sizes: Sequence[int]) -> int:
    """Index of the option with the highest log-probability per unit of size. Raises ``ValueError`` for no options."""
    scores = [found / size for found, size in zip(nats, sizes, strict=True)]
    return scores.index(max(scores))


def by_sum(item: ChoiceItem, shown: Sequence[str], nats: Sequence[float]) -> Grade:
    """The option of highest log-probability. ``shown`` has what was scored for each option: its text, or a letter."""
    return _grade(item, shown, nats, [1] * len(shown))


def by_characters(item: ChoiceItem, shown: Sequence[str], nats: Sequence[float]) -> Grade:
    """The option of highest log-probability per character."""
    return _grade(item, shown, nats, [len(text) for text in shown])


def by_bytes(item: ChoiceItem, shown: Sequence[str], nats: Sequence[float]) -> Grade:
    """The option of highest log-probability per UTF-8 byte."""
    return _grade(item, shown, nats, [len(text.encode()) for text in shown])


def _grade(item: ChoiceItem, shown: Sequence[str], nats: Sequence[float], sizes: Sequence[int]) -> Grade:
    if len(nats) != len(item.options):
        raise ValueError(f"{item.id}: {len(nats)} likelihoods for {len(item.options)} options")
    chosen = choose(nats, sizes)
    return judged(chosen == item.answer, f"chose {shown[chosen]!r}, right is {shown[item.answer]!r}")
