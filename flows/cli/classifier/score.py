"""``classifier score``: how a classifier rates texts."""

from typing import TYPE_CHECKING, Annotated

import typer

from gristmill.flows.cli.classifier.reading import input_options, say_not_read
from gristmill.flows.cli.layers import settings_of
from gristmill.flows.cli.options import JsonOption
from gristmill.flows.cli.printing import print_json, screen

if TYPE_CHECKING:
    from gristmill.flows.cli.classifier.settings import ClassifierScoreSettings


def settings_model() -> "type[ClassifierScoreSettings]":
    """The settings of the verb."""
    from gristmill.flows.cli.classifier.settings import ClassifierScoreSettings

    return ClassifierScoreSettings


def score(
    context: typer.Context,
    inputs: Annotated[
        list[str],
        typer.Argument(help="Files, folders or globs of text: JSON Lines, Parquet, CSV, WET, text files; repeatable."),
    ],
    json: JsonOption = False,
) -> None:
    """Score texts: the probability of the good label, and whether the threshold keeps them."""
    from gristmill.flows.cli.classifier.settings import place_classifier

    settings = settings_of(context, settings_model(), place_classifier)
    from gristmill.tasks.classifier.score import HINT, card_of, classifier_config, positive_scores
    from gristmill.tasks.classifier.texts import read_texts
    from gristmill.tasks.fasttext.loading import load_model

    config = classifier_config(settings.model, settings.label)
    card = card_of(config.path, config.digest)
    threshold = None if card is None else card.trained(config.name).threshold.value
    texts = read_texts(inputs, input_options(settings))
    say_not_read(texts)
    scores = positive_scores(load_model(config.path, config.digest, HINT), texts.texts, config.label)
    if json:
        print_json(
            [
                {"uri": uri, "score": value, "kept": None if threshold is None else value >= threshold}
                for uri, value in zip(texts.uris, scores.tolist(), strict=True)
            ]
        )
        return
    from gristmill.flows.describe import table_of

    shown = [
        [uri, round(value, 6), "" if threshold is None else "kept" if value >= threshold else "", text[:60]]
        for uri, value, text in zip(texts.uris[: settings.rows], scores.tolist(), texts.texts, strict=False)
    ]
    console = screen()
    console.print(table_of(f"{config.name}, {config.label}", ["text", "score", "", "begins"], shown))
    kept = "" if threshold is None else f"; {(scores >= threshold).mean():.1%} reach the threshold {threshold:.6g}"
    console.print(
        f"{len(scores):,} texts, {texts.set_aside} records without text{kept}. Mean score {scores.mean():.4f}.",
        markup=False,
        highlight=False,
    )
