"""Checkpoints: scores with error bars against the training step, loss curves, and the mixtures behind them."""

from asyncio import to_thread
from collections import defaultdict
from typing import Annotated

from fastapi import APIRouter, Query, Request
from nicegui import ui

from gristmill.dashboards.accounts.people import Role
from gristmill.dashboards.accounts.roles import needs
from gristmill.dashboards.charts.scores import score_chart
from gristmill.dashboards.charts.training import loss_chart, mixture_chart
from gristmill.dashboards.components.cards import card, empty, title
from gristmill.dashboards.components.chart import chart
from gristmill.dashboards.components.frame import is_dark
from gristmill.dashboards.components.tables import Column, table
from gristmill.dashboards.components.unscored import unscored_table
from gristmill.dashboards.components.unsigned import UNSIGNED, unsigned_in
from gristmill.dashboards.links import checkpoint_url, items_url
from gristmill.dashboards.page import Limit, NoQuery, Page
from gristmill.dashboards.services import Services
from gristmill.dashboards.wording import words
from gristmill.warehouse import queries
from gristmill.warehouse.queries.mixing.shares import small_proxies
from gristmill.warehouse.queries.unanswered import unscored
from gristmill.warehouse.reviews.corpus import UnsignedWork

ABOUT = (
    "Scores against the training step, one line per mixture; click a point to see its answers. Bars are 95 % intervals "
    "over the items of a suite; they do not cover variation between seeds."
)

MOST_WARNINGS = 3
WITHOUT = "The machine failed on some items even after retries (infra). A complete run gives a score."


async def draw(services: Services, request: Request, _asked: NoQuery) -> None:
    """The page at ``/checkpoints``."""
    warehouse = services.warehouse
    scores = await to_thread(queries.scores, warehouse)
    losses = await to_thread(queries.losses, warehouse)
    shares = await to_thread(queries.mixtures, warehouse)
    checkpoints = await to_thread(queries.checkpoints, warehouse)
    without = await to_thread(unscored, warehouse)
    small = await to_thread(small_proxies, warehouse) if shares else []
    dark = is_dark(request)
    title("Checkpoints", ABOUT)
    if not (scores or losses or shares or checkpoints or without):
        with card():
            empty("Nothing has been trained or scored yet.", warehouse.command("gristmill train"))
        return
    if without:
        with card("Without a score", WITHOUT):
            unscored_table(without)
    if scores:
        _charts(scores, dark)
    else:
        with card():
            empty("No checkpoint has been scored yet.", warehouse.command("gristmill evaluate CHECKPOINT"))
    with ui.element("div").classes("columns even"):
        with card("Training loss", "Nats per token against tokens seen."):
            if losses:
                chart(loss_chart(losses, dark), "Training loss against tokens seen, a line for each run")
            else:
                empty("No loss curve yet.", warehouse.command("gristmill train"))
        with card("Mixtures", "Share of each domain, after the repetition caps."):
            if shares:
                chart(mixture_chart(shares, dark), "Share of each domain in each mixture")
                for mixture, warning in small[:MOST_WARNINGS]:
                    ui.label(f"{mixture}: {warning}").classes("card-about")
            else:
                empty("No mixture yet.", warehouse.command("gristmill mix --method doremi"))
    if scores:
        with card("All scores"):
            _scores(scores)
    if checkpoints:
        with card("All checkpoints", "Plan rows are the rows of the mixture's plan that the checkpoint has seen."):
            _checkpoints(checkpoints, await unsigned_in(warehouse))


def _charts(scores: list[queries.Score], dark: bool) -> None:
    groups: dict[tuple[str, str, str], list[queries.Score]] = defaultdict(list)
    for score in scores:
        if score.headline or not score.higher_is_better:
            groups[score.suite, score.metric, score.subset].append(score)
    with ui.element("div").classes("chart-grid"):
        for (suite, metric, subset), members in groups.items():
            name = suite if subset == "all" else f"{suite}: {subset}"
            direction = "higher is better" if members[0].higher_is_better else "lower is better"
            items = max(score.n for score in members)
            with card(name, f"{words(metric)}, {direction}, {items} items"):
                about = f"{name}: {words(metric)} against the training step, as in the table below"
                chart(score_chart(members, dark, _answers_url), about, small=True)


def _answers_url(score: queries.Score) -> str:
    """The address of the answers behind a point."""
    return items_url(score.suite, score.checkpoint, score.convention)


def _scores(scores: list[queries.Score]) -> None:
    columns = [
        Column("suite", "Suite"),
        Column("metric", "Metric"),
        Column("convention", "Graded by"),
        Column("subset", "Subset"),
        Column("label", "Checkpoint"),
        Column("step", "Step", "number"),
        Column("value", "Value", "score"),
        Column("low", "Low", "score"),
        Column("high", "High", "score"),
        Column("n", "Items", "number"),
        Column("chance", "Chance", "score"),
        Column("method", "Interval method"),
    ]
    table(columns, [{**score.model_dump(), "metric": words(score.metric)} for score in scores], page=25)


def _checkpoints(checkpoints: list[queries.Checkpoint], marks: UnsignedWork) -> None:
    columns = [
        Column("mixture", "Mixture"),
        Column("step", "Step", "number"),
        Column("tokens", "Tokens seen", "number"),
        Column("rows", "Plan rows"),
        Column("parameters", "Parameters", "number"),
        *([Column("corpus", "Corpus", "badge")] if marks.checkpoints else []),
        Column("checkpoint", "Digest", "mono"),
        Column("path", "Folder in the lake", "mono"),
    ]
    rows = [
        {
            **row.model_dump(),
            "rows": f"{row.first_row:,}–{row.end_row:,}",
            "checkpoint_href": checkpoint_url(row.checkpoint),
            "corpus": UNSIGNED if row.checkpoint in marks.checkpoints else None,
            "corpus_tone": "warn",
        }
        for row in checkpoints
    ]
    table(columns, rows, page=25)


def routes(api: APIRouter, services: Services) -> None:
    """What the page shows, as JSON."""
    warehouse = services.warehouse

    @api.get(
        "/checkpoints", tags=["models"], summary="Checkpoints of the training runs", dependencies=[needs(Role.VIEWER)]
    )
    def checkpoints() -> list[queries.Checkpoint]:
        return queries.checkpoints(warehouse)

    @api.get("/scores", tags=["models"], summary="Scores with their 95 % intervals", dependencies=[needs(Role.VIEWER)])
    def scores(
        checkpoint: Annotated[str | None, Query(description="digest of the checkpoint, or the start of it")] = None,
        suite: Annotated[str | None, Query(description="name of the suite")] = None,
        limit: Limit = 1000,
    ) -> list[queries.Score]:
        return queries.scores(warehouse, checkpoint, suite, limit)


PAGE = Page("/checkpoints", "Checkpoints", NoQuery, draw, routes=routes, role=Role.VIEWER)
