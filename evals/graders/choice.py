"""Multiple choice by likelihood: the option that is most probable per UTF-8 byte (lm-eval's ``acc_bytes``).

Summed log-probability prefers short options, so it is divided by the option's bytes, which no tokenizer changes. The
choice without that division is written into the detail, since published scores use either. A tie goes to the first
option: a constant model then scores as ``always the first`` does, which is chance on a balanced suite.
"""

from collections.abc import Sequence

from evals.graders import Grade
from evals.model import LogLikelihood
from evals.suite import ReadingItem


def choose(nats: Sequence[float], sizes: Sequence[int]) -> int:
    """Index of the option with the highest log-probability per unit of size. Raises ``ValueError`` for no options."""
    scores = [found / size for found, size in zip(nats, sizes, strict=True)]
    return scores.index(max(scores))


def grade_choice(item: ReadingItem, likelihoods: Sequence[LogLikelihood]) -> tuple[str, Grade]:
    """The chosen option and its grade. ``likelihoods`` has one entry for each option, in order."""
    if len(likelihoods) != len(item.options):
        raise ValueError(f"{item.id}: {len(likelihoods)} likelihoods for {len(item.options)} options")
    nats, sizes = [found.log_probability for found in likelihoods], [len(option.encode()) for option in item.options]
    chosen, summed = choose(nats, sizes), choose(nats, [1] * len(sizes))
    right = chosen == item.answer
    lost = max(found.lost for found in likelihoods)
    shown = ", ".join(f"{found:.4f}/{size}" for found, size in zip(nats, sizes, strict=True))
    detail = f"chosen {chosen} per byte, {summed} in sum; right {item.answer}; nats/bytes {shown}"
    detail += f"; {lost} tokens of the prompt did not fit" if lost else ""
    return item.options[chosen], Grade("right" if right else "wrong", float(right), detail)
