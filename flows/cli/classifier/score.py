"""``classifier score``: how a classifier rates texts."""

from pathlib import Path
from typing import Annotated

import typer

from gristmill.flows.cli.classifier.reading import HELP_OF_INPUTS, say_not_read
from gristmill.flows.cli.options import (
    AllowDamageOption,
    FollowLinksOption,
    JsonOption,
    MapOption,
    UnquotedOption,
)
from gristmill.flows.cli.printing import print_json, screen


def score(
    inputs: Annotated[list[str], typer.Argument(help=HELP_OF_INPUTS)],
    model: Annotated[Path, typer.Option(help="Folder that `classifier train` wrote, or a fastText model file.")],
    label: Annotated[str | None, typer.Option(help="The label of good texts, for a model without a card.")] = None,
    columns: MapOption = "",
    unquoted: UnquotedOption = False,
    follow_links: FollowLinksOption = False,
    allow_damage: AllowDamageOption = False,
    rows: Annotated[int, typer.Option(min=0, help="Number of texts to show; --json prints all.")] = 20,
    json: JsonOption = False,
) -> None:
    """Score texts: the probability of the good label, and whether the threshold keeps them."""
    from gristmill.tasks.classifier.score import HINT, card_of, classifier_config, positive_scores
    from gristmill.tasks.classifier.texts import InputOptions, read_texts
    from gristmill.tasks.fasttext.loading import load_model
    from gristmill.tasks.ingest.readers.rows.columns import parse_map

    config = classifier_config(model, label)
    card = card_of(config.path, config.digest)
    threshold = None if card is None else card.trained(config.name).threshold.value
    texts = read_texts(inputs, InputOptions(parse_map(columns), unquoted, follow_links, allow_damage))
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
        for uri, value, text in zip(texts.uris[:rows], scores.tolist(), texts.texts, strict=False)
    ]
    console = screen()
    console.print(table_of(f"{config.name}, {config.label}", ["text", "score", "", "begins"], shown))
    kept = "" if threshold is None else f"; {(scores >= threshold).mean():.1%} reach the threshold {threshold:.6g}"
    console.print(
        f"{len(scores):,} texts, {texts.set_aside} records without text{kept}. Mean score {scores.mean():.4f}.",
        markup=False,
        highlight=False,
    )
