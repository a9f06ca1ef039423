"""What is known of a topic classifier: what it was trained on, and how good it is on texts it has not seen.

``card.json`` is for programs, ``card.md`` for people. Neither holds a date, a machine or a path.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from gristmill.core.config import Config
from gristmill.core.errors import UsageError
from gristmill.tasks.classifier.card import File
from gristmill.tasks.classifier.metrics import Measure, proportion

CARD, PAGE = "card.json", "card.md"
LEVELS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)

Numbers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class LabelCard(Config):
    """One label: texts that trained and that tested, and of the latter precision, recall and F1."""

    label: str
    training: int
    test: int
    precision: Measure
    recall: Measure
    f1: float


class Level(Config):
    """``share``: test texts whose topic has at least this probability; ``right``: how many of those it is right for."""

    at_least: float
    share: float
    right: Measure


class TopicCard(Config):
    """Everything known of a topic classifier. ``confusion[i][j]``: test texts of label i that were taken for label j.

    ``majority``: what naming the commonest label every time would be right for.
    """

    format: Literal[1] = 1
    fasttext: str
    settings: dict[str, float | int | str]
    files: tuple[File, ...]
    texts: int
    set_aside: int
    repeated: int
    contradictory: int
    left_out: int
    labels: tuple[LabelCard, ...]
    accuracy: Measure
    macro_f1: float
    majority: float
    confusion: tuple[tuple[int, ...], ...]
    levels: tuple[Level, ...]


def read_card(path: Path) -> TopicCard:
    """The card in the folder of a model. Raises :class:`UsageError` when there is none, or it cannot be read."""
    try:
        return TopicCard.model_validate_json((path / CARD).read_bytes())
    except (OSError, ValueError) as error:
        raise UsageError(f"{path / CARD}: this is not the card of a topic classifier: {error}") from error


def label_cards(
    labels: Sequence[str], training: Numbers, true: Numbers, found: Numbers
) -> tuple[tuple[LabelCard, ...], tuple[tuple[int, ...], ...]]:
    """A card for each label, and the confusion matrix. ``training``, ``true``, ``found``: numbers of labels; a text in
    which the model finds nothing has -1 in ``found`` and is in no column."""
    count = len(labels)
    known = found >= 0
    matrix = np.bincount(true[known] * count + found[known], minlength=count * count).reshape(count, count)
    trained, tested = np.bincount(training, minlength=count), np.bincount(true, minlength=count)
    cards = []
    for number, label in enumerate(labels):
        hits, named = int(matrix[number, number]), int(matrix[:, number].sum())
        both = named + int(tested[number])
        cards.append(
            LabelCard(
                label=label,
                training=int(trained[number]),
                test=int(tested[number]),
                precision=proportion(hits, named),
                recall=proportion(hits, int(tested[number])),
                f1=round(2 * hits / both, 6) if both else 0.0,
            )
        )
    return tuple(cards), tuple(tuple(row) for row in matrix.tolist())


def levels_of(true: Numbers, found: Numbers, scores: Floats) -> tuple[Level, ...]:
    """What each least probability leaves, and how often it is right."""
    levels = []
    for level in LEVELS:
        kept = (scores >= level) & (found >= 0)
        right = proportion(int((kept & (true == found)).sum()), int(kept.sum()))
        levels.append(Level(at_least=level, share=round(float(kept.mean()), 6), right=right))
    return tuple(levels)


def page(card: TopicCard) -> str:
    """The card for people, as Markdown."""
    names = [each.label for each in card.labels]
    rows = [
        f"| {each.label} | {each.training} | {each.test} | {_told(each.precision)} | {_told(each.recall)} "
        f"| {each.f1:.3f} |"
        for each in card.labels
    ]
    confusion = [f"| {name} | {' | '.join(map(str, row))} |" for name, row in zip(names, card.confusion, strict=True)]
    levels = [f"| {level.at_least:g} | {level.share:.3f} | {_told(level.right)} |" for level in card.levels]
    parts = [
        "# Topic classifier",
        f"A fastText model that gives a text one of {len(names)} topics. Trained with fastText {card.fasttext}, one "
        f"thread, seed {card.settings['seed']}: the same texts and settings give the same file. It contains numbers "
        "and words, not a pickle; reading it runs no code.",
        f"Accuracy on texts that it has not seen: {_told(card.accuracy)}; macro F1 {card.macro_f1:.3f}. Naming the "
        f"commonest label every time would be right for {card.majority:.3f} of them.",
        "| label | training | test | precision | recall | F1 |\n|---|---|---|---|---|---|\n" + "\n".join(rows),
        "## Taken for\n\nA row for each true label, a column for what it was taken for.",
        f"| | {' | '.join(names)} |\n|---|{'---|' * len(names)}\n" + "\n".join(confusion),
        "## At least\n\nWhat is left when a rule asks for a least probability, and how often the topic is then right.",
        "| at_least | share | right |\n|---|---|---|\n" + "\n".join(levels),
        f"## Data\n\n{card.texts} texts, {card.set_aside} records without text or label, {card.repeated} repeated, "
        f"{card.contradictory} with more than one label, {card.left_out} over the limit a label.",
        "\n".join(f"- {file.name}, xxh3-128 {file.digest}" for file in card.files),
        "\n".join(f"- {name}: {value}" for name, value in card.settings.items()),
    ]
    return "\n\n".join(parts) + "\n"


def _told(found: Measure) -> str:
    if found.value is None or found.low is None or found.high is None:
        return "none"
    return f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"
