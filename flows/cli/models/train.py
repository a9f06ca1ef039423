"""``train``: one model for each mixture."""

from typing import Annotated

import typer

from gristmill.flows.cli.options import DEFAULT_LAKE, JsonOption, KnownLakeOption
from gristmill.flows.cli.printing import print_json, screen
from gristmill.flows.cli.tables import show_training
from gristmill.flows.existing_lake import existing


def train(
    mix: Annotated[str, typer.Option(help="Name of the mix to train on.")] = "default",
    recipe: Annotated[str, typer.Option(help="Model and optimiser: tiny.")] = "tiny",
    launcher: Annotated[str, typer.Option(help="What starts the job: local.")] = "local",
    checkpoints: Annotated[int, typer.Option(min=1, max=50, help="Checkpoints to save.")] = 3,
    lake: KnownLakeOption = DEFAULT_LAKE,
    json: JsonOption = False,
) -> None:
    """Train one model for each mixture of a mix, following the jobs to their end."""
    from gristmill.flows.checks import mix_of
    from gristmill.flows.train.settings import TrainSettings

    settings = TrainSettings.parse({"recipe": recipe, "launcher": launcher, "checkpoints": checkpoints}, "train")
    home = existing(lake)
    mix_of(mix, home)  # refuses one that is missing before anything starts
    from gristmill.flows.prefect.server import ensure_server

    ensure_server(home.root, beside=("gristmill.flows.train.flow",))
    from gristmill.flows.train.flow import train as flow

    counts = flow(str(home.root), settings, mix)
    if json:
        print_json(counts)
    else:
        show_training(screen(), home, mix)
