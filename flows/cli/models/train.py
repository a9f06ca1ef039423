"""``train``: one model for each mixture."""

from typing import TYPE_CHECKING, Annotated

import typer

from gristmill.flows.cli.layers import settings_of
from gristmill.flows.cli.options import DEFAULT_LAKE, JsonOption, KnownLakeOption
from gristmill.flows.cli.printing import print_json, screen
from gristmill.flows.cli.tables import show_training
from gristmill.flows.existing_lake import existing

if TYPE_CHECKING:
    from gristmill.flows.train.settings import TrainSettings


def settings_model() -> "type[TrainSettings]":
    """The settings of the verb."""
    from gristmill.flows.train.settings import TrainSettings

    return TrainSettings


def train(
    context: typer.Context,
    mix: Annotated[str, typer.Option(help="Name of the mix to train on.")] = "default",
    lake: KnownLakeOption = DEFAULT_LAKE,
    json: JsonOption = False,
) -> None:
    """Train one model for each mixture of a mix, following the jobs to their end."""
    from gristmill.flows.checks import check_training, mix_of

    settings = settings_of(context, settings_model())
    home = existing(lake)
    check_training(settings, mix_of(mix, home), home)
    from gristmill.flows.prefect.server import ensure_server

    ensure_server(home.root, beside=("gristmill.flows.train.flow",))
    from gristmill.flows.train.flow import train as flow

    counts = flow(str(home.root), settings, mix)
    if json:
        print_json(counts)
    else:
        show_training(screen(), home, mix)
