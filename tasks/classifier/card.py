"""The model card: what a classifier was trained on, how, how good it is, and the threshold it was given.

``card.json`` is for programs, ``card.md`` for people. Neither holds a date, a machine or a path, so that the same data
and settings give the same bytes.
"""

from pathlib import Path
from typing import Literal

from gristmill.core.config import Config
from gristmill.core.errors import UsageError
from gristmill.tasks.classifier.metrics import Measure, Metrics, Point

CARD, PAGE, PICTURE = "card.json", "card.md", "curve.svg"
MODEL, QUANTISED = "model.bin", "model.ftz"


class File(Config):
    """A file that was read, by name and xxh3-128."""

    name: str
    digest: str


class Side(Config):
    """One of the two classes: its files, and how many of its texts were distinct and where they went."""

    files: tuple[File, ...]
    texts: int
    set_aside: int
    repeated: int
    training: int
    calibration: int
    test: int


class Threshold(Config):
    """``value``: scores from here on are good. ``pool``: what the kept share or the precision was measured on."""

    value: float
    chosen_by: Literal["keep_share", "precision"]
    wanted: float
    pool: Literal["calibration", "pool"]
    pool_texts: int


class Trained(Config):
    """A model file with its threshold and its metrics on the test texts."""

    file: str
    digest: str
    bytes: int
    threshold: Threshold
    metrics: Metrics
    curve: tuple[Point, ...]


class Card(Config):
    """Everything known about a trained classifier."""

    format: Literal[1] = 1
    name: str
    label: str
    other_label: str
    gristmill: str
    fasttext: str
    settings: dict[str, float | int | str]
    positive: Side
    negative: Side
    contradictory: int
    model: Trained
    quantised: Trained | None = None

    def trained(self, file: str) -> Trained:
        """What is known of the model in ``file``. Raises ``KeyError`` when the card does not list it."""
        for model in (self.model, self.quantised):
            if model is not None and model.file == file:
                return model
        raise KeyError(file)


def read_card(path: Path) -> Card:
    """The card at ``path``. Raises :class:`UsageError` when it is not a card."""
    try:
        return Card.model_validate_json(path.read_bytes())
    except ValueError as error:
        raise UsageError(f"{path}: this is not a card of a classifier: {error}") from error


def page(card: Card) -> str:
    """The card for people, as Markdown."""
    parts = [
        f"# Quality classifier {card.name}",
        f"A fastText model (n-grams of up to {card.settings['word_ngrams']} words, {card.settings['dim']} dimensions) "
        f"that gives a text the probability of `{card.label}` against `{card.other_label}`. Trained by Gristmill "
        f"{card.gristmill} with fastText {card.fasttext}, one thread, seed {card.settings['seed']}: the same texts and "
        "settings give the same file. It contains numbers and words, not a pickle; reading it runs no code.",
        *_model(card.model),
        "In a policy: `{name: classifier, signal: classifier.quality_score, min: "
        f"{card.model.threshold.value:.6g}}}`.",
        *(_model(card.quantised) if card.quantised else []),
        "## Data",
        _data(card),
        "Exact duplicates and texts that were in both classes were removed. The hash of a "
        "text says whether it trains, calibrates or tests: an exact copy is never on two sides, a near copy may be.",
        "## Settings",
        "\n".join(f"- {name}: {value}" for name, value in card.settings.items()),
        "## Files",
        "\n".join(
            f"- {side}: {file.name}, xxh3-128 {file.digest}"
            for side, found in (("positive", card.positive), ("negative", card.negative))
            for file in found.files
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _model(model: Trained) -> list[str]:
    threshold, metrics = model.threshold, model.metrics
    wanted = (
        f"a kept share of {threshold.wanted:g}"
        if threshold.chosen_by == "keep_share"
        else (f"a precision of {threshold.wanted:g}")
    )
    where = "calibration texts" if threshold.pool == "calibration" else "texts of the pool"
    rows = [
        ("average precision", metrics.average_precision),
        ("precision", metrics.precision),
        ("recall", metrics.recall),
        ("F1", metrics.f1),
        ("accuracy", metrics.accuracy),
        ("kept share", metrics.kept),
    ]
    table = ["| measure | value | 95 % interval |", "|---|---|---|", *(_row(name, found) for name, found in rows)]
    picture = [f"![Precision and recall]({PICTURE})"] if model.file == MODEL else []
    return [
        f"## {model.file}",
        f"{model.bytes:,} bytes, xxh3-128 {model.digest}. Threshold **{threshold.value:.6g}**, chosen for {wanted} "
        f"on {threshold.pool_texts:,} {where}; measured on {metrics.texts:,} other texts ({metrics.positives:,} "
        f"positive), which neither training nor the choice has seen. Naming the commoner class every time would be "
        f"right for {metrics.majority:.3f} of them.",
        "\n".join(table),
        *picture,
    ]


def _row(name: str, found: Measure) -> str:
    if found.value is None or found.low is None or found.high is None:
        return f"| {name} | nothing kept | |"
    return f"| {name} | {found.value:.3f} | {found.low:.3f} to {found.high:.3f} |"


def _data(card: Card) -> str:
    head = "| class | texts | set aside | repeated | training | calibration | test |\n|---|---|---|---|---|---|---|"
    rows = [
        f"| {name} | {side.texts} | {side.set_aside} | {side.repeated} | {side.training} | {side.calibration} "
        f"| {side.test} |"
        for name, side in (("positive", card.positive), ("negative", card.negative))
    ]
    return "\n".join([head, *rows]) + f"\n\nTexts in both classes: {card.contradictory}."
