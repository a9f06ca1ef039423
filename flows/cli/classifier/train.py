"""``classifier train``: a quality classifier from good and bad texts."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from gristmill.core.errors import UsageError
from gristmill.flows.cli.classifier.reading import HELP_OF_INPUTS, say_not_read
from gristmill.flows.cli.options import (
    AllowDamageOption,
    FollowLinksOption,
    JsonOption,
    MapOption,
    UnquotedOption,
    on_this_machine,
)
from gristmill.flows.cli.printing import print_json, screen

KEEP_SHARE = 0.1


def train(
    positive: Annotated[list[str], typer.Option(help=f"Good texts. {HELP_OF_INPUTS}")],
    negative: Annotated[list[str], typer.Option(help="The other texts, such as a sample of the crawl.")],
    out: Annotated[
        Path, typer.Option(callback=on_this_machine, help="New folder for the model, its card and its picture.")
    ],
    columns: MapOption = "",
    unquoted: UnquotedOption = False,
    follow_links: FollowLinksOption = False,
    allow_damage: AllowDamageOption = False,
    name: Annotated[str, typer.Option(help="What to call the classifier.")] = "quality",
    keep_share: Annotated[
        float | None, typer.Option(help="Choose the threshold that keeps this share (default 0.1).")
    ] = None,
    precision: Annotated[
        float | None, typer.Option(help="Choose the lowest threshold with this precision instead.")
    ] = None,
    pool: Annotated[
        list[str] | None, typer.Option(help="The texts that --keep-share is a share of, such as the whole crawl.")
    ] = None,
    word_ngrams: Annotated[int, typer.Option(help="Longest n-gram of words.")] = 2,
    dim: Annotated[int, typer.Option(help="Dimensions of the vectors.")] = 100,
    epoch: Annotated[int, typer.Option(help="Passes over the texts.")] = 5,
    lr: Annotated[float, typer.Option(help="Learning rate.")] = 0.1,
    min_count: Annotated[int, typer.Option(help="Words that occur less often are left out.")] = 1,
    buckets: Annotated[int, typer.Option(help="Rows shared by the n-grams; fewer make a smaller file.")] = 2_000_000,
    seed: Annotated[int, typer.Option(help="Seed of the initial vectors.")] = 42,
    heldout_share: Annotated[float, typer.Option(help="Share held out to choose the threshold and to test.")] = 0.2,
    quantise: Annotated[bool, typer.Option("--quantise", help="Write a small model.ftz beside model.bin.")] = False,
    json: JsonOption = False,
) -> None:
    """Train a classifier that separates good texts from others, and choose its threshold."""
    if keep_share is not None and precision is not None:
        raise UsageError("--keep-share and --precision choose the threshold in two ways; give one of them.")
    if pool and precision is not None:
        raise UsageError("--pool is what --keep-share is a share of; a precision needs labelled texts. Leave it out.")
    from gristmill.tasks.classifier.texts import InputOptions, read_texts
    from gristmill.tasks.classifier.train import TrainConfig
    from gristmill.tasks.classifier.train import train as fit
    from gristmill.tasks.ingest.readers.rows.columns import parse_map

    config = TrainConfig.parse(
        {
            "name": name,
            "word_ngrams": word_ngrams,
            "dim": dim,
            "epoch": epoch,
            "lr": lr,
            "min_count": min_count,
            "buckets": buckets,
            "seed": seed,
            "heldout_share": heldout_share,
            "threshold_by": "keep_share" if precision is None else "precision",
            "wanted": (KEEP_SHARE if keep_share is None else keep_share) if precision is None else precision,
            "quantise": quantise,
        },
        "classifier train",
    )
    reading = InputOptions(parse_map(columns), unquoted, follow_links, allow_damage)
    with Console(stderr=True).status("reading texts") as status:
        good, other = read_texts(positive, reading), read_texts(negative, reading)
        reference = read_texts(pool, reading) if pool else None
        for texts in (good, other, *([] if reference is None else [reference])):
            say_not_read(texts)
        status.update(f"training on {len(good.texts) + len(other.texts):,} texts")
        card = fit(good, other, config, out, reference)
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
