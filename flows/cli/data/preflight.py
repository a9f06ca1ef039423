"""``preflight``: estimate what curating an input would cost and remove, from a sample of it."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from gristmill.flows.cli.layers import settings_of
from gristmill.flows.cli.options import JsonOption
from gristmill.flows.cli.printing import print_json, screen
from gristmill.flows.sizes import size_text

if TYPE_CHECKING:
    from rich.console import Console

    from gristmill.flows.curate.preflight_settings import PreflightSettings
    from gristmill.tasks.preflight.estimates import Estimate
    from gristmill.tasks.preflight.preflight import Report

SHOWN_RULES, SHOWN_STEPS = 20, 8


def settings_model() -> "type[PreflightSettings]":
    """The settings of the verb."""
    from gristmill.flows.curate.preflight_settings import PreflightSettings

    return PreflightSettings


def preflight(context: typer.Context, json: JsonOption = False) -> None:
    """Estimate time, memory, disk and what each rule would remove, from a sample curated in a temporary lake."""
    from gristmill.flows.curate.settings import place_curation

    settings = settings_of(context, settings_model(), place_curation)
    from gristmill.flows.curate.preview import preview
    from gristmill.flows.reporter import Reporter

    with tempfile.TemporaryDirectory(prefix="gristmill-preflight-") as folder, Reporter() as reporter:
        report = preview(settings.curation(), settings.sample, Path(folder), reporter)
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
