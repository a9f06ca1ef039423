"""Speed: how fast served models answer, under which load, with AIPerf's definitions."""

from asyncio import to_thread
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from nicegui import ui
from pydantic import Field
from pydantic.dataclasses import dataclass

from gristmill.dashboards.accounts.people import Role
from gristmill.dashboards.accounts.roles import needs
from gristmill.dashboards.components.cards import card, empty, explained, no_such, title
from gristmill.dashboards.components.controls import choice
from gristmill.dashboards.components.tables import Column, table
from gristmill.dashboards.links import page_url
from gristmill.dashboards.page import Page, Text
from gristmill.dashboards.services import Services
from gristmill.dashboards.wording import count, words
from gristmill.warehouse.queries.speed import Measured, SpeedMeasurement, speeds

ALL = "all models"
ABOUT = (
    "Served models under a stated load, with tokens as the server counts them. Compare only measurements of the same "
    "load and machine."
)
COMMAND = "gristmill speed http://HOST:PORT/v1 --model NAME"


@dataclass(frozen=True)
class SpeedQuery:
    """The parameters of the page's address."""

    model: Text | None = None
    measurement: Annotated[int, Field(ge=0, le=2**31)] | None = None


async def draw(services: Services, request: Request, asked: SpeedQuery) -> None:
    """The page at ``/speed``."""
    model, measurement = asked.model, asked.measurement
    every = await to_thread(speeds, services.warehouse)
    found = [one for one in every if model in (None, one.model)]
    title("Speed", ABOUT)
    if not every:
        with card():
            empty("No served model has been measured yet.", services.warehouse.command(COMMAND))
        return
    models = sorted({one.model for one in every})
    with ui.element("div").classes("controls"):
        choice(
            "Model",
            [ALL, *models],
            model if model in models else ALL,
            url=lambda value: page_url("/speed", model=None if value == ALL else value),
            classes="names",
        )
    if not found:
        with card():
            explained(no_such("measured model", model or "", models), ("All models", "/speed"))
        return
    with card(
        "Measurements",
        "Newest first for each model. Times are in seconds, over requests; goodput counts requests within the limits.",
    ):
        _measurements(found)
    chosen = next((one for one in found if measurement in (None, one.measurement)), None)
    if chosen is not None:
        _metrics(chosen)
    else:
        with card():
            explained(f"There is no measurement {measurement} of this model.", ("All models", "/speed"))


def load_of(one: SpeedMeasurement) -> str:
    """The load in words."""
    users = f"{one.concurrency} at once" if one.concurrency is not None else f"{one.rate or 0:g} per second"
    return f"{users}, {one.isl} in, {one.osl} out"


def _measurements(found: list[SpeedMeasurement]) -> None:
    columns = [
        Column("model", "Model", "link"),
        Column("load", "Load"),
        Column("requests", "Requests", "number"),
        Column("failed", "Failed", "number"),
        Column("ttft", "TTFT p50"),
        Column("ttft99", "p99"),
        Column("itl", "Token p50"),
        Column("itl99", "p99"),
        Column("per_user", "Tokens/s per user"),
        Column("throughput", "Tokens/s"),
        Column("goodput", "Goodput"),
    ]
    table(columns, [_row(one) for one in found], page=25).classes("board")


def _row(one: SpeedMeasurement) -> dict[str, Any]:
    good = one.metric("goodput")
    return {
        "model": f"{one.model} #{one.measurement}",
        "model_href": page_url("/speed", model=one.model, measurement=one.measurement),
        "load": load_of(one),
        "requests": one.requests,
        "failed": one.failed,
        "ttft": _shown(one.metric("ttft"), "p50"),
        "ttft99": _shown(one.metric("ttft"), "p99"),
        "itl": _shown(one.metric("itl"), "p50"),
        "itl99": _shown(one.metric("itl"), "p99"),
        "per_user": _shown(one.metric("per_user"), "p50"),
        "throughput": _shown(one.metric("output_token_throughput"), "value"),
        "goodput": f"{good.value:.3g}/s within {one.limits}" if good else None,
    }


def _shown(metric: Measured | None, part: str) -> str | None:
    """A number with three digits."""
    value = getattr(metric, part) if metric else None
    return None if value is None else f"{value:.3g}"


def _metrics(one: SpeedMeasurement) -> None:
    columns = [
        Column("metric", "Metric"),
        Column("unit", "Unit"),
        Column("value", "Mean or total"),
        *(Column(part, part) for part in ("p50", "p90", "p99")),
        Column("interval", "95 % interval"),
        Column("n", "Samples", "number"),
    ]
    rows = [
        {"metric": words(metric.metric), "unit": metric.unit, "n": metric.n}
        | {part: _shown(metric, part) for part in ("value", "p50", "p90", "p99")}
        | {"interval": None if metric.low is None or metric.high is None else f"{metric.low:.3f} – {metric.high:.3f}"}
        for metric in one.metrics
    ]
    facts = [
        one.server,
        one.endpoint,
        load_of(one),
        f"{count(one.warmup)} warm-up requests left out",
        "full output length requested" if one.ignore_eos else "output may end early",
        f"limits {one.limits}" if one.limits else "",
    ]
    with card(f"{one.model} #{one.measurement}", " · ".join(fact for fact in facts if fact)):
        table(columns, rows)


def routes(api: APIRouter, services: Services) -> None:
    """What the page shows, as JSON."""
    warehouse = services.warehouse

    @api.get(
        "/speed",
        tags=["models"],
        summary="How fast served models answered, newest measurement first",
        dependencies=[needs(Role.VIEWER)],
    )
    def speed(
        model: Annotated[str | None, Query(description="name or label of the model")] = None,
    ) -> list[SpeedMeasurement]:
        return speeds(warehouse, model)


PAGE = Page("/speed", "Speed", SpeedQuery, draw, routes=routes, role=Role.VIEWER)
