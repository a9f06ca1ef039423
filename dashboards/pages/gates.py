"""Gates: every expectation, whether it held, and examples of rows that failed it."""

import json
from asyncio import to_thread
from collections import defaultdict

from fastapi import APIRouter, Request
from nicegui import ui

from gristmill.dashboards.accounts.people import Role
from gristmill.dashboards.accounts.roles import needs
from gristmill.dashboards.components.cards import badge, card, empty, title
from gristmill.dashboards.components.tables import Column, table
from gristmill.dashboards.page import NoQuery, Page
from gristmill.dashboards.services import Services
from gristmill.dashboards.wording import count, tone
from gristmill.warehouse import queries

SENTENCES = {
    "ExpectColumnValuesToBeBetween": "every value is in its range",
    "ExpectColumnValuesToBeInSet": "every value is in the allowed set",
    "ExpectColumnValuesToBeUnique": "no value is repeated",
    "ExpectColumnValuesToNotBeNull": "no value is missing",
    "ExpectColumnValueLengthsToEqual": "every value has the fixed length",
}
"""Great Expectations' types that our suites use most, in words; other expectations have a name of their own."""


def sentence(expectation: str) -> str:
    """An expectation in words."""
    return SENTENCES.get(expectation, expectation)


async def draw(services: Services, request: Request, _asked: NoQuery) -> None:
    """The page at ``/gates``."""
    expectations = await to_thread(queries.gates, services.warehouse)
    title("Gates", "A critical expectation that fails stops the run before anything downstream is published.")
    if not expectations:
        with card():
            empty("No gate has run yet.", services.warehouse.command("gristmill demo"))
        return
    groups: dict[tuple[str, str], list[queries.Expectation]] = defaultdict(list)
    for expectation in expectations:
        groups[expectation.gate, expectation.source].append(expectation)
    for (gate, source), members in groups.items():
        _gate(gate, source, members)


def _gate(gate: str, source: str, members: list[queries.Expectation]) -> None:
    broken = [member for member in members if not member.ok]
    critical = any(member.severity == "critical" for member in broken)
    with card():
        with ui.element("div").classes("gate-head"):
            rows = max(member.checked_rows for member in members)
            if rows or broken:
                badge("stopped" if critical else "warned" if broken else "passed")
            else:
                ui.label("no rows").classes("badge tone-warn")
            ui.label(gate).classes("card-title").props('role="heading" aria-level="2"')
            ui.label(source).classes("muted")
            ui.label(f"{count(rows)} rows checked").classes("muted push")
        columns = [
            Column("expectation", "Expectation"),
            Column("column", "Column", "mono"),
            Column("severity", "Severity", "badge"),
            Column("ok", "Result", "badge"),
            Column("observed", "Observed", "wrap"),
            Column("unexpected_rows", "Failing rows", "number"),
            Column("shards", "Shards", "mono"),
        ]
        table(
            columns,
            [
                {
                    "expectation": sentence(member.expectation),
                    "column": member.column,
                    "severity": member.severity,
                    "severity_tone": "plain",
                    "ok": "held" if member.ok else "failed",
                    "ok_tone": "good"
                    if member.ok
                    else tone("critical" if member.severity == "critical" else "warning"),
                    "observed": None if member.observed == "[]" else member.observed,
                    "unexpected_rows": member.unexpected_rows,
                    "shards": ", ".join(member.shards),
                }
                for member in members
            ],
        )
        for member in broken:
            if member.examples:
                ui.label(f"Rows that failed “{sentence(member.expectation)}”").classes("card-about")
                for example in member.examples:
                    text = example if isinstance(example, str) else json.dumps(example, ensure_ascii=False)
                    ui.label(text).classes("example")


def routes(api: APIRouter, services: Services) -> None:
    """What the page shows, as JSON."""
    warehouse = services.warehouse

    @api.get(
        "/gates",
        tags=["pipeline"],
        summary="Every expectation of every gate; failures first",
        dependencies=[needs(Role.VIEWER)],
    )
    def gates() -> list[queries.Expectation]:
        return queries.gates(warehouse)


PAGE = Page("/gates", "Gates", NoQuery, draw, routes=routes, role=Role.VIEWER)
