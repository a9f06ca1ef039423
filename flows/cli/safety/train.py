"""``safety train``: a harm classifier from labelled tables."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from gristmill.core.files.places import local_path
from gristmill.flows.cli.layers import settings_of
from gristmill.flows.cli.options import JsonOption
from gristmill.flows.cli.printing import print_json, screen

if TYPE_CHECKING:
    from gristmill.tasks.safety.harm.settings import HarmFitConfig


def settings_model() -> "type[HarmFitConfig]":
    """The settings of the verb."""
    from gristmill.tasks.safety.harm.settings import HarmFitConfig

    return HarmFitConfig


def train(
    context: typer.Context,
    tables: Annotated[Path, typer.Argument(help="YAML file that lists labelled tables; docs/safety.md shows one.")],
    out: Annotated[Path, typer.Option(help="New folder for the models, their card and their pictures.")],
    json: JsonOption = False,
) -> None:
    """Train a classifier of harm, one model a kind, calibrate it, and test it on texts it has not seen."""
    settings = settings_of(context, settings_model())
    from gristmill.tasks.safety.harm.tables import read_tables
    from gristmill.tasks.safety.harm.train import train as fit

    folder = local_path(out, "--out")
    with Console(stderr=True).status("reading tables and training"):
        card = fit(read_tables(tables), settings, folder)
    if json:
        print_json(card.model_dump(mode="json"))
        return
    from gristmill.flows.describe import table_of

    console = screen()
    rows = [
        [
            kind.kind,
            table.table + (" *" if table.test_only else ""),
            table.texts,
            table.positives,
            table.recall.value,
            table.false_positives.value,
        ]
        for kind in card.kinds
        for table in kind.tables
    ]
    heads = ["kind", "table", "texts", "of the kind", "recall", "false positives"]
    console.print(table_of(f"Texts not seen in training, at {card.threshold:g} (*: no text of the table)", heads, rows))
    errors = ", ".join(f"{kind.kind} {kind.after.error:.3f} ({kind.before.error:.3f} before)" for kind in card.kinds)
    console.print(
        f"Expected calibration error: {errors}. False positives by group mentioned are in {folder / 'card.md'}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
