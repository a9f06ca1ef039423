"""``preflight``: estimate what curating an input would cost and remove, from a sample of it."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gristmill.flows.cli.options import (
    AllowDamageOption,
    FollowLinksOption,
    JsonOption,
    MapOption,
    UnquotedOption,
    WorkersOption,
)
from gristmill.flows.cli.printing import print_json, screen
from gristmill.flows.sizes import size_text

if TYPE_CHECKING:
    from rich.console import Console

    from gristmill.tasks.preflight.estimates import Estimate
    from gristmill.tasks.preflight.preflight import Report

SHOWN_RULES, SHOWN_STEPS = 20, 8


def preflight(
    inputs: Annotated[list[str], typer.Option("--input", help="File, folder, glob or address; may be repeated.")],
    policy: Annotated[str, typer.Option(help="A preset's name, or the path of a policy file.")] = "fineweb@code",
    sample: Annotated[float, typer.Option(min=0.000001, max=1, help="Share of the records to curate.")] = 0.01,
    least: Annotated[int, typer.Option(min=1, help="Least records to curate, if there are that many.")] = 2000,
    workers: WorkersOption = 2,
    columns: MapOption = "",
    unquoted: UnquotedOption = False,
    follow_links: FollowLinksOption = False,
    allow_damage: AllowDamageOption = False,
    json: JsonOption = False,
) -> None:
    """Estimate time, memory, disk and what each rule would remove, from a sample curated in a temporary lake."""
    from gristmill.flows.curate.preview import preview
    from gristmill.flows.curate.settings import CurateSettings
    from gristmill.flows.reporter import Reporter
    from gristmill.tasks.ingest.readers.rows.columns import parse_map
    from gristmill.tasks.preflight.sampling import SampleConfig

    values = {"source": "preflight", "inputs": inputs, "policy": policy, "workers": workers}
    values |= {"map": parse_map(columns).model_dump(), "unquoted": unquoted}
    values |= {"follow_links": follow_links, "allow_damage": allow_damage}
    settings = CurateSettings.parse(values, "preflight")
    config = SampleConfig(share=sample, least=least, most=max(SampleConfig().most, least))
    with tempfile.TemporaryDirectory(prefix="gristmill-preflight-") as folder, Reporter() as reporter:
        report = preview(settings, config, Path(folder), reporter)
    if json:
        print_json(report.model_dump(mode="json"))
        return
    show(screen(), report)


def show(console: "Console", report: "Report") -> None:
    """The report as tables, every number with its 95 % interval."""
    from gristmill.flows.describe import table_of

    totals = [
        ["records", *_numbers(report.records)],
        ["kept", *_numbers(report.kept)],
        ["removed as duplicates", *_numbers(report.near_duplicates)],
        [f"time, {report.workers} workers", *_durations(report.seconds)],
        ["peak memory", *_sizes(report.memory_bytes)],
        ["disk of the lake", *_sizes(report.disk_bytes)],
    ]
    console.print(table_of("The whole input", ["", "estimate", "low", "high"], totals))
    removed = [[row.stage, row.rule, *_numbers(row.records)] for row in report.removed[:SHOWN_RULES]]
    console.print(table_of("Records removed", ["stage", "rule or reason", "estimate", "low", "high"], removed))
    steps = sorted(report.steps.items(), key=lambda item: -item[1].value)[:SHOWN_STEPS]
    console.print(
        table_of(
            "Where the time goes", ["step", "estimate", "low", "high"], [[name, *_durations(s)] for name, s in steps]
        )
    )
    for failed in report.gates_failed:
        console.print(f"On the sample this gate failed and would stop a run: {failed}", markup=False, highlight=False)
    console.print(
        f"From {report.sampled:,} records; {report.files_read:,} of {report.files:,} files were read "
        f"({size_text(report.bytes_read)} of {size_text(report.bytes)}). Low and high are 95 % intervals of sampling; "
        "they ignore other work here. A sample contains few duplicates together with their originals: "
        "the bounds are wide because they allow for anything between pairs and huge clusters.",
        markup=False,
        highlight=False,
    )


def _numbers(estimate: "Estimate") -> list[str]:
    return [f"{value:,.0f}" for value in (estimate.value, estimate.low, estimate.high)]


def _sizes(estimate: "Estimate") -> list[str]:
    return [size_text(value) for value in (estimate.value, estimate.low, estimate.high)]


def _durations(estimate: "Estimate") -> list[str]:
    return [_duration(value) for value in (estimate.value, estimate.low, estimate.high)]


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.1f} s"
    if seconds < 2 * 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 72 * 3600 else f"{seconds / 86400:.1f} d"
