"""Funnel: how many records reach each stage, and what each rule removes."""

from asyncio import to_thread

from fastapi import Request
from nicegui import ui

from dashboards.charts import rule_chart, stage_chart
from dashboards.controls import choice
from dashboards.layout import card, count, empty, frame, is_dark, share, title
from dashboards.links import documents_url, page_url
from dashboards.services import Services
from dashboards.tables import Column, table
from warehouse import answers

ALL = "all sources"


async def draw(services: Services, request: Request, source: str | None) -> None:
    """The page at ``/funnel``."""
    funnel = await to_thread(answers.funnel, services.warehouse, source)
    dark = is_dark(request)
    with frame("Funnel", request, services.warehouse.version):
        title("Funnel", "Every record has one fate: at each stage, records in = kept + rejected.")
        if not funnel.sources:
            with card():
                empty("Nothing has been curated yet.", "gristmill curate --input PATH --source NAME")
            return
        with ui.element("div").classes("controls"):
            choice(
                "Source",
                [ALL, *funnel.sources],
                source if source in funnel.sources else ALL,
                url=lambda value: page_url("/funnel", source=None if value == ALL else value),
            )
        with ui.element("div").classes("columns even"):
            with card("Stages", "Records that enter each stage, by what became of them."):
                ui.echart(stage_chart(funnel, dark)).classes("chart")
            with card(
                "Rules and reasons", "Records by the first rule they failed, or the reason for setting them aside."
            ):
                if any(rule.rejected_first for rule in funnel.rules):
                    ui.echart(rule_chart(funnel, dark)).classes("chart")
                else:
                    ui.label("Nothing was rejected.").classes("muted")
        with card("By stage and source"):
            _stages(funnel)
        with card(
            "By rule",
            "“First” counts a record under the first rule it failed and adds up to the stage; “any” counts it under "
            "every rule that it fails.",
        ):
            _rules(funnel)


def _stages(funnel: answers.Funnel) -> None:
    columns = [
        Column("source", "Source"),
        Column("stage", "Stage"),
        Column("records_in", "Records in", "number"),
        Column("kept", "Kept", "number"),
        Column("rejected", "Rejected", "number"),
        Column("part", "Kept of in"),
        Column("sum", "Adds up", "badge"),
        Column("damage", "Damaged stretches", "number"),
        Column("not_read", "Files not read", "number"),
    ]
    rows = []
    for stage in funnel.stages:
        lost = stage.records_in - stage.kept - stage.rejected
        rows.append(
            {
                **stage.model_dump(include={"source", "stage", "records_in", "kept", "rejected"}),
                "part": share(stage.kept, stage.records_in),
                "sum": "yes" if lost == 0 else f"no: {count(lost)} lost",
                "sum_tone": "good" if lost == 0 else "bad",
                "damage": stage.damage if stage.stage == "ingest" else None,
                "not_read": stage.not_read if stage.stage == "ingest" else None,
            }
        )
    table(columns, rows)


def _rules(funnel: answers.Funnel) -> None:
    columns = [
        Column("source", "Source"),
        Column("stage", "Stage"),
        Column("rule", "Rule or reason", "link"),
        Column("signal", "Signal", "mono"),
        Column("threshold", "Demands"),
        Column("rejected_first", "First", "number"),
        Column("rejected_any", "Any", "number"),
    ]
    names = {"source", "stage", "rule", "signal", "threshold", "rejected_first", "rejected_any"}
    rows = [
        {**rule.model_dump(include=names), "rule_href": documents_url(source=rule.source, rule=rule.rule)}
        for rule in funnel.rules
    ]
    table(columns, rows, page=50)
