"""``domains train``: a topic classifier from labelled texts."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from gristmill.flows.cli.classifier.reading import input_options
from gristmill.flows.cli.layers import settings_of
from gristmill.flows.cli.options import DEFAULT_LAKE, JsonOption, LakeOption
from gristmill.flows.cli.printing import print_json, screen

if TYPE_CHECKING:
    from gristmill.flows.cli.domains.settings import DomainsTrainSettings

MOST_CONFUSED = 12


def settings_model() -> "type[DomainsTrainSettings]":
    """The settings of the verb."""
    from gristmill.flows.cli.domains.settings import DomainsTrainSettings

    return DomainsTrainSettings


def train(
    context: typer.Context,
    inputs: Annotated[
        list[str],
        typer.Argument(help="Files, folders or globs of text, as for the classifier; or curated sources of the lake."),
    ],
    label: Annotated[
        str,
        typer.Option(help="Column of the labels; without it, files lie in folders that are called after their labels."),
    ] = "",
    name: Annotated[str, typer.Option(help="What to call the classifier.")] = "topics",
    lake: LakeOption = DEFAULT_LAKE,
    json: JsonOption = False,
) -> None:
    """Train a topic classifier, test it on texts it has not seen, and store it in the lake under its name."""
    settings = settings_of(context, settings_model())
    from gristmill.core.files.places import check_name
    from gristmill.core.lake import Lake
    from gristmill.flows.domains.learning import labelled_texts, train_topics

    check_name(name, "--name")
    home = Lake.open(lake)
    with Console(stderr=True).status("reading texts") as status:
        labelled = labelled_texts(inputs, label, input_options(settings), settings.most, home)
        for line in labelled.not_read:
            typer.echo(line, err=True)
        status.update(f"training on {len(labelled.texts):,} texts")
        files, card = train_topics(labelled, settings.config(), name, home)
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
