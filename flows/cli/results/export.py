"""``export``: results in the schema of Every Eval Ever."""

from pathlib import Path
from typing import Annotated

import typer

from gristmill.core.errors import UsageError
from gristmill.flows.cli.options import DEFAULT_LAKE, JsonOption, KnownLakeOption, on_this_machine
from gristmill.flows.cli.printing import print_json, screen
from gristmill.flows.existing_lake import existing

FORMATS = ["every-eval-ever"]


def export(
    checkpoint: Annotated[str, typer.Argument(help="Label or digest (its start) of an evaluated checkpoint.")],
    file: Annotated[Path, typer.Argument(callback=on_this_machine, help="JSON file to write.")],
    format: Annotated[str, typer.Option("--format", help="every-eval-ever.")] = FORMATS[0],
    suite: Annotated[
        list[str] | None, typer.Option("--suite", help="Export this suite; repeat for several; all when left out.")
    ] = None,
    samples: Annotated[
        bool, typer.Option("--samples", help="Also write every prompt and answer; mind the benchmarks' licences.")
    ] = False,
    model_id: Annotated[str, typer.Option(help="Name of the model as maker/name; the label when left out.")] = "",
    developer: Annotated[str, typer.Option(help="Who made the model.")] = "unknown",
    organization: Annotated[str, typer.Option(help="Who evaluated it.")] = "unknown",
    relationship: Annotated[
        str, typer.Option(help="Of evaluator and model: first_party, third_party, collaborative or other.")
    ] = "other",
    availability: Annotated[str, typer.Option(help="open_weights, closed_weights or unknown.")] = "unknown",
    price_hour: Annotated[
        float | None, typer.Option(min=0, help="Price of the machine an hour, for the cost of a correct answer.")
    ] = None,
    price_million: Annotated[
        float | None, typer.Option(min=0, help="Price of a million tokens, instead of one an hour.")
    ] = None,
    lake: KnownLakeOption = DEFAULT_LAKE,
    json: JsonOption = False,
) -> None:
    """Write the results of a checkpoint in a schema that others read."""
    from gristmill.evals.exchange.every_eval_ever import Provenance
    from gristmill.flows.evaluate.exchange import export_every_eval_ever
    from gristmill.warehouse.connection import Warehouse

    if format not in FORMATS:
        from gristmill.core.config import did_you_mean

        raise UsageError(f"--format {format}: there is no such format{did_you_mean(format, FORMATS)}")
    if not file.parent.is_dir():
        raise UsageError(f"{file}: there is no folder {file.parent}. Create it first.")
    provenance = Provenance.parse(
        {
            "model_id": model_id,
            "developer": developer,
            "organization": organization,
            "relationship": relationship,
            "availability": availability,
            "price_hour": price_hour,
            "price_million": price_million,
        },
        "export",
    )
    warehouse = Warehouse.open(existing(lake).root)
    written = export_every_eval_ever(warehouse, checkpoint, file, provenance, suite or (), samples=samples)
    if json:
        print_json({"files": [str(path) for path in written]})
        return
    screen().print("wrote " + " and ".join(map(str, written)), markup=False, highlight=False, soft_wrap=True)
