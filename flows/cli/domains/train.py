"""``domains train``: a topic classifier from labelled texts."""

from typing import Annotated

import typer
from rich.console import Console

from gristmill.flows.cli.classifier.reading import HELP_OF_INPUTS
from gristmill.flows.cli.options import (
    DEFAULT_LAKE,
    AllowDamageOption,
    FollowLinksOption,
    JsonOption,
    LakeOption,
    MapOption,
    UnquotedOption,
)
from gristmill.flows.cli.printing import print_json, screen

MOST_CONFUSED = 12


def train(
    inputs: Annotated[list[str], typer.Argument(help=f"{HELP_OF_INPUTS} Or curated corpora of the lake by name.")],
    label: Annotated[
        str,
        typer.Option(help="Column of the labels; without it, files lie in folders that are called after their labels."),
    ] = "",
    name: Annotated[str, typer.Option(help="What to call the classifier.")] = "topics",
    lake: LakeOption = DEFAULT_LAKE,
    columns: MapOption = "",
    unquoted: UnquotedOption = False,
    follow_links: FollowLinksOption = False,
    allow_damage: AllowDamageOption = False,
    most: Annotated[int, typer.Option(help="Texts to take of each label.")] = 5_000,
    heldout_share: Annotated[float, typer.Option(help="Share of the texts that tests.")] = 0.2,
    word_ngrams: Annotated[int, typer.Option(help="Longest n-gram of words.")] = 2,
    dim: Annotated[int, typer.Option(help="Dimensions of the vectors.")] = 32,
    epoch: Annotated[int, typer.Option(help="Passes over the texts.")] = 10,
    lr: Annotated[float, typer.Option(help="Learning rate.")] = 0.5,
    min_count: Annotated[int, typer.Option(help="Words that occur less often are left out.")] = 1,
    buckets: Annotated[int, typer.Option(help="Rows shared by the n-grams; fewer make a smaller file.")] = 200_000,
    seed: Annotated[int, typer.Option(help="Seed of the initial vectors.")] = 42,
    json: JsonOption = False,
) -> None:
    """Train a topic classifier, test it on texts it has not seen, and store it in the lake under its name."""
    from gristmill.core.files.places import check_name
    from gristmill.core.lake import Lake
    from gristmill.flows.domains.learning import labelled_texts, train_topics
    from gristmill.tasks.classifier.texts import InputOptions
    from gristmill.tasks.domains.topic_fit import TopicFitConfig
    from gristmill.tasks.ingest.readers.rows.columns import parse_map

    given = {"most": most, "heldout_share": heldout_share, "word_ngrams": word_ngrams, "dim": dim, "epoch": epoch}
    given |= {"lr": lr, "min_count": min_count, "buckets": buckets, "seed": seed}
    config = TopicFitConfig.parse(given, "domains train")
    home = Lake.open(lake)
    check_name(name, "--name")
    reading = InputOptions(parse_map(columns), unquoted, follow_links, allow_damage)
    with Console(stderr=True).status("reading texts") as status:
        labelled = labelled_texts(inputs, label, reading, most, home)
        for line in labelled.not_read:
            typer.echo(line, err=True)
        status.update(f"training on {len(labelled.texts):,} texts")
        files, card = train_topics(labelled, config, name, home)
    folder = home.files_path(files)
    if json:
        print_json({"name": name, "digest": files.digest, "path": str(folder), **card.model_dump(mode="json")})
        return
    from gristmill.flows.describe import table_of

    console = screen()
    rows = [
        [each.label, each.training, each.test, each.precision.value, each.recall.value, each.f1] for each in card.labels
    ]
    tested = sum(each.test for each in card.labels)
    heads = ["label", "trained", "tested", "precision", "recall", "F1"]
    console.print(table_of(f"Topics of {tested:,} texts not seen in training", heads, rows))
    names = [each.label for each in card.labels]
    if len(names) <= MOST_CONFUSED:
        taken = [[own, *counts] for own, counts in zip(names, card.confusion, strict=True)]
        console.print(table_of("Taken for (across) what they are (down)", ["", *names], taken))
    levels = [[level.at_least, f"{level.share:.1%}", level.right.value] for level in card.levels]
    console.print(table_of("With a least probability", ["at_least", "of the texts", "right"], levels))
    console.print(
        f"Accuracy {card.accuracy.value:.3f}, macro F1 {card.macro_f1:.3f}; the commonest label is right for "
        f"{card.majority:.3f}. Stored as {name} ({files.digest[:12]}). In rules: topics: {name}. Read "
        f"{folder / 'card.md'}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
