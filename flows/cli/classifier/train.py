"""``classifier train``: a quality classifier from good and bad texts."""

from typing import TYPE_CHECKING

import typer
from rich.console import Console

from gristmill.core.files.places import local_path
from gristmill.flows.cli.classifier.reading import input_options, say_not_read
from gristmill.flows.cli.layers import settings_of
from gristmill.flows.cli.options import JsonOption
from gristmill.flows.cli.printing import print_json, screen

if TYPE_CHECKING:
    from gristmill.flows.cli.classifier.settings import ClassifierTrainSettings


def settings_model() -> "type[ClassifierTrainSettings]":
    """The settings of the verb."""
    from gristmill.flows.cli.classifier.settings import ClassifierTrainSettings

    return ClassifierTrainSettings


def train(context: typer.Context, json: JsonOption = False) -> None:
    """Train a classifier that separates good texts from others, and choose its threshold."""
    from gristmill.flows.cli.classifier.settings import place_classifier

    settings = settings_of(context, settings_model(), place_classifier)
    out = local_path(settings.out, "--out")
    from gristmill.tasks.classifier.texts import read_texts
    from gristmill.tasks.classifier.train import train as fit

    reading = input_options(settings)
    with Console(stderr=True).status("reading texts") as status:
        good, other = read_texts(settings.positive, reading), read_texts(settings.negative, reading)
        reference = read_texts(settings.pool, reading) if settings.pool else None
        for texts in (good, other, *([] if reference is None else [reference])):
            say_not_read(texts)
        status.update(f"training on {len(good.texts) + len(other.texts):,} texts")
        card = fit(good, other, settings.config(), out, reference)
    if json:
        print_json(card.model_dump(mode="json"))
        return
    from gristmill.flows.describe import table_of

    metrics = card.model.metrics
    measures = {
        "average precision": metrics.average_precision,
        "precision": metrics.precision,
        "recall": metrics.recall,
        "F1": metrics.f1,
        "accuracy": metrics.accuracy,
        "kept share": metrics.kept,
    }
    rows = [[what, found.value, found.low, found.high] for what, found in measures.items()]
    console = screen()
    title = f"{metrics.texts:,} texts not seen in training"
    console.print(table_of(title, ["", "value", "95 % from", "to"], rows))
    console.print(
        f"Threshold {card.model.threshold.value:.6g}. The commoner class is right for {metrics.majority:.3f}. "
        f"Read {out / 'card.md'}",
        markup=False,
        highlight=False,
    )
