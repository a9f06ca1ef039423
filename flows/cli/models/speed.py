"""``speed``: how fast a served model answers under a stated load."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gristmill.flows.cli.layers import settings_of
from gristmill.flows.cli.options import JsonOption, on_this_machine
from gristmill.flows.cli.printing import print_json, screen

if TYPE_CHECKING:
    from gristmill.evals.load_test.settings import LoadTestSettings
    from gristmill.flows.evaluate.load_test import Measurement

KEY = "GRISTMILL_API_KEY"
MILLISECONDS = ("ttft", "itl", "icl", "latency")


def settings_model() -> "type[LoadTestSettings]":
    """The settings of the verb."""
    from gristmill.evals.load_test.settings import LoadTestSettings

    return LoadTestSettings


def speed(
    context: typer.Context,
    url: Annotated[str, typer.Argument(help="Address of an OpenAI-compatible API, such as http://host:8000/v1.")],
    lake: Annotated[
        Path | None, typer.Option("--lake", callback=on_this_machine, help="Keep the measurement in this lake.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Measure a served model: time to first token, inter-token latency, throughput, goodput.

    A key of the server is read from the environment variable GRISTMILL_API_KEY.
    """
    settings = settings_of(context, settings_model())
    load = settings.at(url)
    from gristmill.core.lake import Lake
    from gristmill.flows.evaluate.load_test import keep, measure
    from gristmill.flows.reporter import Reporter

    home = Lake.open(lake) if lake is not None else None
    with Reporter() as report:
        found = measure(load, settings.slo, os.environ.get(KEY, ""), report)
    number = keep(found, settings.label, home) if home is not None else None
    if json:
        print_json(as_json(found, number))
        return
    show(found)


def as_json(found: "Measurement", number: int | None) -> dict[str, Any]:
    """The whole measurement."""
    kept = {} if number is None else {"measurement": number}
    load = found.load.model_dump(mode="json") | {"warmup": found.load.warmups}
    return kept | {"server": found.server, "load": load, "lag_p99": found.lag, **found.report.model_dump(mode="json")}


def show(found: "Measurement") -> None:
    """A table of the metrics, and what failed."""
    from gristmill.flows.describe import table_of

    load, console = found.load, screen()
    users = f"{load.concurrency} at once" if load.rate is None else f"{load.rate:g} a second (Poisson)"
    title = f"{load.model} on {found.server}: {users}, {found.report.answered} of {load.requests} requests answered"
    rows: list[list[object]] = []
    for row in found.rows():
        scale, unit = (1000, "ms") if row["metric"] in MILLISECONDS else (1, row["unit"])
        values = [None if row[column] is None else scale * row[column] for column in ("value", "p50", "p90", "p99")]
        between = "" if row["low"] is None else f"{row['low']:.3f} to {row['high']:.3f}"
        rows.append([row["metric"], unit, *values, between, row["n"]])
    console.print(table_of(title, ["metric", "unit", "mean", "p50", "p90", "p99", "95 % interval", "n"], rows))
    for reason, count in found.report.failures.items():
        console.print(f"failed, {count}: {reason}", markup=False, highlight=False, soft_wrap=True)
