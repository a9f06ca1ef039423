"""Training: loss, held-out loss, learning rate and speed of runs over each other, of those that still run too."""

from asyncio import to_thread
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query, Request
from nicegui import ui
from pydantic import Field
from pydantic.dataclasses import dataclass

from gristmill.dashboards.accounts.people import Role
from gristmill.dashboards.accounts.roles import needs
from gristmill.dashboards.charts.curves import Scale
from gristmill.dashboards.components.cards import card, empty, explained, no_such, title
from gristmill.dashboards.components.controls import choice
from gristmill.dashboards.components.frame import is_dark
from gristmill.dashboards.components.unsigned import unsigned_callout, unsigned_in
from gristmill.dashboards.links import page_url
from gristmill.dashboards.page import Page, Text
from gristmill.dashboards.pages.training.curves import MEAN, Along, CurvesView, View
from gristmill.dashboards.pages.training.runs import attention_card, runs_card, tiles
from gristmill.dashboards.services import Services
from gristmill.warehouse.queries.training.curves import POINTS, Spacing
from gristmill.warehouse.queries.training.overlay import RunCurves, run_curves
from gristmill.warehouse.queries.training.runs import LIVE, TrainingRun, training_runs

ABOUT = (
    "Loss of training runs, of those that still run too. Diamonds are checkpoints: click one for its scores. Bands are "
    "extremes, where several steps are one point."
)
ALL = "all mixes"
MOST_CHOSEN = 8
"""Runs that are drawn over each other when none are asked for, and at most."""
REFRESH_SECONDS = 5.0


@dataclass(frozen=True)
class TrainingQuery:
    """The parameters of the page's address. ``runs`` are keys with commas between them, or their beginnings."""

    mix: Text | None = None
    runs: Text | None = None
    along: Along = "tokens"
    x: Scale = "linear"
    y: Scale = "linear"
    smooth: Annotated[int, Field(ge=0, le=99)] = 0
    domain: Text | None = None

    @property
    def url(self) -> str:
        """The address with these parameters."""
        return page_url(
            "/training",
            mix=self.mix,
            runs=self.runs,
            along=None if self.along == "tokens" else self.along,
            x=None if self.x == "linear" else self.x,
            y=None if self.y == "linear" else self.y,
            smooth=self.smooth or None,
            domain=self.domain,
        )


async def draw(services: Services, request: Request, asked: TrainingQuery) -> None:
    """The page at ``/training``."""
    warehouse = services.warehouse
    every = await to_thread(training_runs, warehouse)
    title("Training", ABOUT)
    if not every:
        with card():
            empty("Nothing has been trained yet.", *(warehouse.command(f"gristmill {verb}") for verb in COMMANDS))
        return
    mixes = sorted({run.mix for run in every if run.mix})
    marks = await unsigned_in(warehouse)
    unsigned_callout("Some runs", sorted({source for sources in marks.runs.values() for source in sources}))
    if asked.mix is not None and asked.mix not in mixes:
        with card():
            explained(no_such("mix or recipe with runs called", asked.mix, mixes), ("All runs", "/training"))
        return
    found = [run for run in every if asked.mix in (None, run.mix)]
    chosen, unknown = choose(found, asked.runs)
    if unknown is not None:
        with card():
            known = [run.run for run in found]
            explained(no_such("run", unknown, known), ("All runs", replace(asked, runs=None).url))
        return
    view = View(tuple(run.run for run in chosen), asked.along, asked.x, asked.y, asked.smooth, asked.domain or MEAN)

    def url(view: View) -> str:
        """The address of what is drawn."""
        keys = ",".join(run[:12] for run in view.runs)
        domain = None if view.domain == MEAN else view.domain
        return replace(
            asked,
            runs=None if set(view.runs) == {run.run for run in choose(found, None)[0]} else keys,
            along=view.along,
            x=view.x,
            y=view.y,
            smooth=view.smooth,
            domain=domain,
        ).url

    tiles(found)
    attention_card(found)
    if len(mixes) > 1:
        with ui.element("div").classes("controls"):
            shown = asked.mix or ALL
            choice(
                "Mix",
                [ALL, *mixes],
                shown,
                url=lambda mix: page_url("/training", mix=None if mix == ALL else mix),
                classes="names",
            )
    curves = CurvesView(warehouse, found, view, url, is_dark(request))
    if not await curves.load():
        known = [MEAN, *curves.domains()]
        with card():
            told = no_such("domain with held-out losses called", asked.domain or "", known)
            explained(told, ("The mean of all", replace(asked, domain=None).url))
        return
    curves.draw()
    update = runs_card(found, curves.toggle, view.runs)
    if any(run.state in LIVE for run in found):

        async def refresh() -> None:
            """Read again what changes while a run goes on."""
            again = await to_thread(training_runs, warehouse)
            now = [run for run in again if asked.mix in (None, run.mix)]
            update(now)
            await curves.refresh(now)

        ui.timer(REFRESH_SECONDS, refresh, immediate=False)


COMMANDS = ("mix --method proportional", "train")


def choose(runs: list[TrainingRun], asked: str | None) -> tuple[list[TrainingRun], str | None]:
    """The runs that an address asks for, and the first name in it that is none of them.

    Without one: those that run, and the last trained mix, at most ``MOST_CHOSEN``.
    """
    if asked is None:
        going = [run for run in runs if run.state in LIVE]
        ended = [run for run in runs if not run.live]
        last = [run for run in ended if run.mix == ended[0].mix]
        return [*going, *last][:MOST_CHOSEN] or runs[:MOST_CHOSEN], None
    chosen: list[TrainingRun] = []
    for name in filter(None, (part.strip() for part in asked.split(","))):
        found = [run for run in runs if run.run.startswith(name)]
        if len(found) != 1:
            return [], name
        if found[0] not in chosen:
            chosen.append(found[0])
    return chosen[:MOST_CHOSEN], None if chosen else asked


def routes(api: APIRouter, services: Services) -> None:
    """What the page shows, as JSON."""
    warehouse = services.warehouse

    @api.get(
        "/training",
        tags=["models"],
        summary="Training runs, of those that still run too",
        dependencies=[needs(Role.VIEWER)],
    )
    def runs(
        mix: Annotated[str | None, Query(description="name of the mix, or of the recipe")] = None,
    ) -> list[TrainingRun]:
        found = [run for run in training_runs(warehouse) if mix in (None, run.mix)]
        if mix is not None and not found:
            raise HTTPException(404, f"there is no mix or recipe {mix[:100]!r} with runs; /api/training lists all")
        return found

    @api.get(
        "/training/{run}",
        tags=["models"],
        summary="Loss, held-out loss, speed and checkpoints of a run",
        dependencies=[needs(Role.VIEWER)],
    )
    def curves(
        run: Annotated[str, Path(max_length=4096, description="key of the run")],
        spacing: Annotated[Spacing, Query(description="how steps are drawn together: evenly, or for a log axis")] = (
            "linear"
        ),
        points: Annotated[int, Query(ge=2, le=5000, description="most points of a curve")] = POINTS,
    ) -> RunCurves:
        found = next((one for one in training_runs(warehouse) if one.run == run), None)
        if found is None:
            raise HTTPException(404, f"there is no run {run[:100]!r}; /api/training lists all")
        return run_curves(warehouse, found, spacing, points)


PAGE = Page("/training", "Training", TrainingQuery, draw, routes=routes, role=Role.VIEWER)
