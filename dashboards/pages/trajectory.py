"""Trajectory: scores along training, how much of a curve is noise, and which suites tell the mixtures apart."""

from asyncio import to_thread
from collections import defaultdict

from fastapi import APIRouter, Request
from nicegui import ui
from pydantic.dataclasses import dataclass

from gristmill.dashboards.accounts.people import Role
from gristmill.dashboards.accounts.roles import needs
from gristmill.dashboards.charts.trajectory import Along, trajectory_chart
from gristmill.dashboards.components.cards import card, empty, explained, no_such, title
from gristmill.dashboards.components.chart import chart
from gristmill.dashboards.components.controls import choice
from gristmill.dashboards.components.frame import is_dark
from gristmill.dashboards.components.tables import Column, table
from gristmill.dashboards.links import page_url
from gristmill.dashboards.page import Page, Text
from gristmill.dashboards.services import Services
from gristmill.dashboards.wording import words
from gristmill.warehouse.queries.trajectory import Line, Strength, Trajectories, trajectories

ALL = "all suites"
ABOUT = (
    "Points are scores of a run, the line their mean over the last {last} checkpoints, the band the noise of the last "
    "{last} around their trend, the dashed line chance."
)


@dataclass(frozen=True)
class TrajectoryQuery:
    """The parameters of the page's address."""

    suite: Text | None = None
    along: Along = "step"


async def draw(services: Services, request: Request, asked: TrajectoryQuery) -> None:
    """The page at ``/trajectory``."""
    suite, along = asked.suite, asked.along
    found = await to_thread(trajectories, services.warehouse)
    title("Trajectory", ABOUT.format(last=found.last))
    if not found.lines:
        with card():
            empty(
                "No checkpoint of a training run has been scored yet.",
                services.warehouse.command("gristmill train"),
                services.warehouse.command("gristmill evaluate CHECKPOINT"),
            )
        return
    _form(found, suite, along)
    _charts(found, suite, along, is_dark(request))
    _strengths(found)
    _agreements(found)


def _form(found: Trajectories, suite: str | None, along: Along) -> None:
    suites = sorted({line.suite for line in found.lines})
    with ui.element("div").classes("controls"):
        choice(
            "Suite",
            [ALL, *suites],
            suite if suite in suites else ALL,
            url=lambda value: _url(None if value == ALL else value, along),
        )
        choice(
            "Along",
            {"step": "training step", "tokens": "tokens seen"},
            along,
            url=lambda value: _url(suite, value),
        )


def _url(suite: str | None, along: Along) -> str:
    return page_url("/trajectory", suite=suite, along=None if along == "step" else along)


def _charts(found: Trajectories, suite: str | None, along: Along, dark: bool) -> None:
    groups: dict[tuple[str, str, str], list[Line]] = defaultdict(list)
    for line in found.lines:
        if suite in (None, line.suite):
            groups[line.suite, line.metric, line.convention].append(line)
    if not groups:
        known = sorted({line.suite for line in found.lines})
        with card():
            told = no_such("suite with scores along training called", suite or "", known)
            explained(told, ("All suites", _url(None, along)))
    strengths = {(one.suite, one.metric, one.convention): one for one in found.suites}
    with ui.element("div").classes("chart-grid"):
        for key, lines in groups.items():
            direction = "higher is better" if lines[0].higher_is_better else "lower is better"
            told = _told(strengths[key], found.least_checkpoints)
            with card(key[0], f"{words(key[1])}, {direction}. {told}"):
                about = f"{key[0]}: {words(key[1])} along training, a line for each run"
                chart(trajectory_chart(lines, along, dark), about, small=True)


def _told(strength: Strength, least: int) -> str:
    """The signal-to-noise ratio in words."""
    if strength.ratio is None:
        return f"Signal-to-noise needs two different runs of at least {least} checkpoints each."
    return f"Signal-to-noise {strength.ratio:.1f} over {strength.runs} runs."


def _strengths(found: Trajectories) -> None:
    columns = [
        Column("suite", "Suite"),
        Column("metric", "Metric"),
        Column("convention", "Graded by"),
        Column("runs", "Runs", "number"),
        Column("signal", "Signal", "score"),
        Column("noise", "Noise", "score"),
        Column("ratio", "Signal-to-noise", "score"),
    ]
    about = (
        "Signal is the largest difference between the runs' smoothed scores at their last common step; noise is the "
        f"standard deviation of their last {found.last} scores around their trend. Where the ratio is small, a "
        "difference between two checkpoints means little. Runs with fewer than "
        f"{found.least_checkpoints} checkpoints have neither."
    )
    with card("Which suites tell the runs apart", about):
        rows = [{**one.model_dump(), "metric": words(one.metric)} for one in found.suites]
        table(columns, sorted(rows, key=lambda row: (-(row["ratio"] or 0.0), -(row["signal"] or 0.0))), page=25)


def _agreements(found: Trajectories) -> None:
    if not found.agreements:
        return
    columns = [
        Column("suite", "Suite"),
        Column("metric", "Metric"),
        Column("other", "Other suite"),
        Column("other_metric", "Its metric"),
        Column("runs", "Runs", "number"),
        Column("pairs", "Pairs told apart", "number"),
        Column("accuracy", "Same order", "percent"),
    ]
    rows = [
        {**pair.model_dump(), "metric": words(pair.metric), "other_metric": words(pair.other_metric)}
        for pair in found.agreements
    ]
    about = (
        "How many of the pairs of runs that both suites tell apart are in the same order; one half is chance. "
        f"Fewer than {found.least_pairs} pairs say nothing: three runs have the same order by chance one time in six."
    )
    with card("Which suites agree", about):
        table(columns, rows, page=10)


def routes(api: APIRouter, services: Services) -> None:
    """What the page shows, as JSON."""
    warehouse = services.warehouse

    @api.get(
        "/trajectories",
        tags=["models"],
        summary="Scores along every training run, with noise and signal",
        dependencies=[needs(Role.VIEWER)],
    )
    def lines() -> Trajectories:
        return trajectories(warehouse)


PAGE = Page("/trajectory", "Trajectory", TrajectoryQuery, draw, routes=routes, role=Role.VIEWER)
