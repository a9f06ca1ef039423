"""Funnel: how many records reach each stage, and what each rule removes."""

from asyncio import to_thread
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request
from nicegui import ui
from pydantic.dataclasses import dataclass

from gristmill.dashboards.accounts.people import Role
from gristmill.dashboards.accounts.roles import needs
from gristmill.dashboards.charts.funnel import rule_chart, stage_chart
from gristmill.dashboards.components.cards import card, empty, explained, no_such, title
from gristmill.dashboards.components.chart import chart
from gristmill.dashboards.components.controls import choice
from gristmill.dashboards.components.frame import is_dark
from gristmill.dashboards.components.tables import Column, table
from gristmill.dashboards.links import documents_url, page_url
from gristmill.dashboards.page import Page, Text
from gristmill.dashboards.services import Services
from gristmill.dashboards.wording import count, share
from gristmill.schemas.stages import StageName
from gristmill.warehouse import queries

ALL = "all sources"


@dataclass(frozen=True)
class FunnelQuery:
    """The parameters of the page's address."""

    source: Text | None = None


async def draw(services: Services, request: Request, asked: FunnelQuery) -> None:
    """The page at ``/funnel``."""
    source = asked.source
    funnel = await to_thread(queries.funnel, services.warehouse, source)
    dark = is_dark(request)
    title("Funnel", "Every record has one fate: at each stage, records in = kept + rejected.")
    if not funnel.sources:
        with card():
            command = services.warehouse.command("gristmill curate --input PATH --source NAME")
            empty("Nothing has been curated yet.", command)
        return
    with ui.element("div").classes("controls"):
        choice(
            "Source",
            [ALL, *funnel.sources],
            source if source in funnel.sources else ALL,
            url=lambda value: page_url("/funnel", source=None if value == ALL else value),
        )
    if source is not None and source not in funnel.sources:
        with card():
            explained(no_such("source", source, funnel.sources), ("All sources", "/funnel"))
        return
    with ui.element("div").classes("columns even"):
        with card("Stages", "Records entering each stage, kept or rejected. Click a bar to see its records."):
            lead = partial(_stage_url, source)
            chart(stage_chart(funnel, dark, lead), "Records kept and rejected at each stage, as in the table below")
        with card(
            "Rules and reasons",
            "Records by the first rule they failed, or the reason they were set aside. Click a bar to see them.",
        ):
            if any(rule.rejected_first for rule in funnel.rules):
                lead = partial(_rule_url, source)
                chart(rule_chart(funnel, dark, lead), "Records by the first rule they failed, as in the table below")
            else:
                ui.label("Nothing was rejected.").classes("muted")
    with card("By stage and source"):
        _stages(funnel)
    with card(
        "By rule",
        "“First” counts each record once, under the first rule it failed, so it adds up to the stage; “any” counts it "
        "under every rule it failed. Click a number to see its records.",
    ):
        _rules(funnel)
    _safety(funnel)


def _safety(funnel: queries.Funnel) -> None:
    """What safety rules removed, and what was redacted, by domain."""
    if funnel.domains:
        columns = [
            Column("source", "Source"),
            Column("rule", "Safety rule", "link"),
            Column("domain", "Domain"),
            Column("rejected_first", "Documents", "number"),
        ]
        rows = [
            row.model_dump() | {"rule_href": _rule_url(row.source, row.rule, StageName.REVIEW)}
            for row in funnel.domains
        ]
        with card("Removed by safety rules, by domain", "By the first rule. What a person keeps comes back."):
            table(columns, rows, page=25)
    if funnel.redactions:
        columns = [
            Column("source", "Source"),
            Column("kind", "Kind of finding"),
            Column("domain", "Domain"),
            Column("spans", "Spans", "number"),
            Column("documents", "Documents", "number"),
        ]
        with card("Redacted, by domain", "In the documents that stay."):
            table(columns, [row.model_dump() for row in funnel.redactions], page=25)


def _stage_url(source: str | None, stage: str, fate: str) -> str:
    """The records behind a bar or a number of a stage."""
    if fate == "kept":
        return documents_url(source=source, passed=stage)
    return documents_url(source=source, stage=stage)


def _rule_url(source: str | None, rule: str, stage: str) -> str:
    """The records that a rule was the first to drop."""
    return documents_url(source=source, stage=stage, rule=rule)


def _stages(funnel: queries.Funnel) -> None:
    columns = [
        Column("source", "Source"),
        Column("stage", "Stage"),
        Column("records_in", "Records in", "number"),
        Column("kept", "Kept", "number"),
        Column("rejected", "Rejected", "number"),
        Column("part", "Share kept", "badge"),
        Column("sum", "Adds up", "badge"),
        Column("damage", "Damaged byte ranges", "number"),
        Column("not_read", "Files not read", "number"),
    ]
    rows = []
    for stage in funnel.stages:
        lost = stage.records_in - stage.kept - stage.rejected
        rows.append(
            {
                **stage.model_dump(include={"source", "stage", "records_in", "kept", "rejected"}),
                **{
                    f"{fate}_href": _stage_url(stage.source, stage.stage, fate)
                    for fate, number in (("kept", stage.kept), ("rejected", stage.rejected))
                    if number
                },
                "part": share(stage.kept, stage.records_in),
                "part_tone": "bad" if stage.records_in and not stage.kept else "plain",
                "sum": "yes" if lost == 0 else f"no: {count(lost)} lost",
                "sum_tone": "good" if lost == 0 else "bad",
                "damage": stage.damage if stage.stage == StageName.INGEST else None,
                "not_read": stage.not_read if stage.stage == StageName.INGEST else None,
                "damage_href": documents_url(source=stage.source, fate="damage") if stage.damage else None,
                "not_read_href": documents_url(source=stage.source, fate="not_read") if stage.not_read else None,
            }
        )
    table(columns, rows)


def _rules(funnel: queries.Funnel) -> None:
    columns = [
        Column("source", "Source"),
        Column("stage", "Stage"),
        Column("rule", "Rule or reason", "link"),
        Column("signal", "Signal", "mono"),
        Column("threshold", "Threshold"),
        Column("rejected_first", "First", "number"),
        Column("rejected_any", "Any", "number"),
    ]
    names = {"source", "stage", "rule", "signal", "threshold", "rejected_first", "rejected_any"}
    rows = []
    for rule in funnel.rules:
        first = _rule_url(rule.source, rule.rule, rule.stage) if rule.rejected_first else None
        any_place = documents_url(source=rule.source, fails=rule.rule)
        links = {"rule_href": first or any_place, "rejected_first_href": first, "rejected_any_href": any_place}
        rows.append(rule.model_dump(include=names) | links)
    table(columns, rows, page=50)


def routes(api: APIRouter, services: Services) -> None:
    """What the page shows, as JSON."""
    warehouse = services.warehouse

    @api.get(
        "/funnel",
        tags=["data"],
        summary="Records kept and rejected by stage, rule and source",
        dependencies=[needs(Role.VIEWER)],
    )
    def funnel(
        source: Annotated[str | None, Query(description="one source; all if absent")] = None,
    ) -> queries.Funnel:
        return queries.funnel(warehouse, source)


PAGE = Page("/funnel", "Funnel", FunnelQuery, draw, routes=routes, role=Role.VIEWER)
