"""``speed``: how fast a served model answers under a stated load."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gristmill.core.errors import UsageError
from gristmill.core.printable import require_printable
from gristmill.flows.cli.options import JsonOption, on_this_machine
from gristmill.flows.cli.printing import print_json, screen

if TYPE_CHECKING:
    from gristmill.evals.load_test.metrics import Limited
    from gristmill.flows.evaluate.load_test import Measurement

KEY = "GRISTMILL_API_KEY"
MILLISECONDS = ("ttft", "itl", "icl", "latency")


def speed(
    url: Annotated[str, typer.Argument(help="Address of an OpenAI-compatible API, such as http://host:8000/v1.")],
    model: Annotated[str, typer.Option("--model", help="Name of the model on the server.")],
    concurrency: Annotated[int | None, typer.Option(help="Users at once, each waiting for its answer.")] = None,
    rate: Annotated[
        float | None, typer.Option(help="Requests a second, arriving at random (Poisson), instead of users at once.")
    ] = None,
    requests: Annotated[int, typer.Option(min=1, help="Requests that are measured.")] = 64,
    warmup: Annotated[
        int | None, typer.Option(min=0, help="Requests before those; as many as users when left out.")
    ] = None,
    isl: Annotated[int, typer.Option(min=1, help="Input length in tokens.")] = 128,
    osl: Annotated[int, typer.Option(min=1, help="Output length in tokens.")] = 64,
    slo: Annotated[
        str,
        typer.Option(
            help="Limits for goodput, with commas: ttft, itl and latency in seconds at most, per_user in tokens a "
            "second at least; ttft=0.5,itl=0.05."
        ),
    ] = "",
    endpoint: Annotated[str, typer.Option(help="completions or chat.")] = "completions",
    stop_at_eos: Annotated[
        bool, typer.Option("--stop-at-eos", help="Let the model end its answer; for servers without ignore_eos.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of prompts and arrivals.")] = 0,
    timeout: Annotated[float, typer.Option(help="Seconds after which a request has failed.")] = 600.0,
    label: Annotated[str, typer.Option(help="How to call the model in the lake; its name when left out.")] = "",
    lake: Annotated[
        Path | None, typer.Option("--lake", callback=on_this_machine, help="Keep the measurement in this lake.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Measure a served model: time to first token, inter-token latency, throughput, goodput.

    A key of the server is read from the environment variable GRISTMILL_API_KEY.
    """
    from gristmill.evals.load_test.load import Load
    from gristmill.flows.evaluate.load_test import keep, measure
    from gristmill.flows.reporter import Reporter

    load = Load.parse(
        {
            "url": url,
            "model": model,
            "endpoint": endpoint,
            "concurrency": 1 if concurrency is None and rate is None else concurrency,
            "rate": rate,
            "requests": requests,
            "warmup": warmup,
            "isl": isl,
            "osl": osl,
            "ignore_eos": not stop_at_eos,
            "seed": seed,
            "timeout": timeout,
        },
        "speed",
    )
    limits, label = parse_limits(slo), require_printable(label, "--label")
    from gristmill.core.lake import Lake

    home = Lake.open(lake) if lake is not None else None
    with Reporter() as report:
        found = measure(load, limits, os.environ.get(KEY, ""), report)
    number = keep(found, label, home) if home is not None else None
    if json:
        print_json(as_json(found, number))
        return
    show(found)


def parse_limits(text: str) -> "dict[Limited, float]":
    """``ttft=0.5,itl=0.05`` as numbers. Raises :class:`UsageError` for anything else."""
    names: dict[str, Limited] = {"ttft": "ttft", "itl": "itl", "latency": "latency", "per_user": "per_user"}
    found: dict[Limited, float] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = part.partition("=")
        try:
            number = float(value)
        except ValueError:
            number = 0.0
        if name.strip() not in names or not 0 < number < float("inf"):
            raise UsageError(f"--slo {part}: give {', '.join(names)} and a positive number, such as ttft=0.5,itl=0.05")
        found[names[name.strip()]] = number
    return found


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
