"""``export``: results in the schema of Every Eval Ever."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gristmill.core.errors import UsageError
from gristmill.flows.cli.layers import settings_of
from gristmill.flows.cli.options import DEFAULT_LAKE, EvaluatedArgument, JsonOption, KnownLakeOption, on_this_machine
from gristmill.flows.cli.printing import print_json, screen
from gristmill.flows.existing_lake import existing

if TYPE_CHECKING:
    from gristmill.evals.exchange.settings import ExportSettings


def settings_model() -> "type[ExportSettings]":
    """The settings of the verb."""
    from gristmill.evals.exchange.settings import ExportSettings

    return ExportSettings


def export(
    context: typer.Context,
    checkpoint: EvaluatedArgument,
    file: Annotated[Path, typer.Argument(callback=on_this_machine, help="JSON file to write.")],
    lake: KnownLakeOption = DEFAULT_LAKE,
    json: JsonOption = False,
) -> None:
    """Write the results of a checkpoint in a schema that others read."""
    settings = settings_of(context, settings_model())
    if not file.parent.is_dir():
        raise UsageError(f"{file}: there is no folder {file.parent}. Create it first.")
    from gristmill.flows.evaluate.exchange import export_every_eval_ever
    from gristmill.warehouse.connection import Warehouse

    warehouse = Warehouse.open(existing(lake).root)
    written = export_every_eval_ever(
        warehouse, checkpoint, file, settings.provenance(), settings.suites, samples=settings.samples
    )
    if json:
        print_json({"files": [str(path) for path in written]})
        return
    screen().print("wrote " + " and ".join(map(str, written)), markup=False, highlight=False, soft_wrap=True)
