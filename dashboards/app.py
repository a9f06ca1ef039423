"""The application: pages, REST API and API reference in one process, over one lake.

``create_app`` registers NiceGUI pages, which belong to the process, so a process makes one application. Every answer is
read from the published warehouse in a worker thread; nothing here writes but a submission.
"""

from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Annotated

import uvicorn
from fastapi import FastAPI, Query, Request
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from nicegui import ui

from dashboards.api import DocId, router
from dashboards.guard import MOST_BODY, Guard, Names
from dashboards.pages import (
    checkpoints,
    compare,
    document,
    documents,
    funnel,
    gates,
    items,
    leaderboard,
    overview,
    speed,
    submit,
    trajectory,
)
from dashboards.reference import reference
from dashboards.services import Intake, Services
from dashboards.trajectory_chart import Along
from warehouse.answers import Fate, boards
from warehouse.compare import Which
from warehouse.contamination import Seen
from warehouse.read import Warehouse
from warehouse.state import State

STATIC = Path(__file__).parent / "static"
Offset = Annotated[int, Query(ge=0, le=10_000_000)]
ABOUT = "What the dashboards show, as JSON. Text, URLs and model outputs are data from a crawl: escape them."


def create_app(lake_root: Path, intake: Intake, names: Names) -> FastAPI:
    """The dashboards and the API of the lake at ``lake_root``; ``intake`` says what may be handed in, ``names`` which
    requests are answered at all.

    Raises :class:`schemas.errors.UsageError` when there is no lake.
    """
    warehouse = Warehouse.open(lake_root)
    services = Services(warehouse, State(warehouse.root), intake)
    app = api_app(services)
    app.add_middleware(Guard, names=names)
    register_pages(services)
    ui.run_with(
        app,
        title="Gristmill",
        favicon=STATIC / "favicon.svg",
        tailwind=False,
        reconnect_timeout=30.0,
        show_welcome_message=False,
    )
    return app


def api_app(services: Services) -> FastAPI:
    """The API, its reference and the static files, without the pages."""
    app = FastAPI(
        title="Gristmill API",
        description=ABOUT,
        version=installed_version("gristmill"),
        docs_url=None,
        redoc_url=None,
    )
    app.include_router(router(services))
    app.mount("/static", StaticFiles(directory=STATIC), name="static")

    @app.get("/docs", include_in_schema=False)
    def docs(request: Request) -> HTMLResponse:
        return HTMLResponse(reference(app.openapi(), str(request.base_url)))

    return app


def register_pages(services: Services) -> None:
    """Every page of the dashboards."""

    @ui.page("/", title="Overview · Gristmill")
    async def overview_page(request: Request) -> None:
        await overview.draw(services, request)

    @ui.page("/funnel", title="Funnel · Gristmill")
    async def funnel_page(request: Request, source: str | None = None) -> None:
        await funnel.draw(services, request, source)

    @ui.page("/documents", title="Documents · Gristmill")
    async def documents_page(
        request: Request,
        query: str = "",
        source: str | None = None,
        fate: Fate | None = None,
        rule: str | None = None,
        host: str | None = None,
        offset: Offset = 0,
    ) -> None:
        await documents.draw(services, request, documents.Search(query, source, fate, rule, host, offset))

    @ui.page("/documents/{doc_id}", title="Document · Gristmill")
    async def document_page(request: Request, doc_id: DocId) -> None:
        await document.draw(services, request, doc_id)

    @ui.page("/why", title="Document · Gristmill")
    async def why_page(request: Request, question: str) -> None:
        await document.draw(services, request, question)

    @ui.page("/checkpoints", title="Checkpoints · Gristmill")
    async def checkpoints_page(request: Request) -> None:
        await checkpoints.draw(services, request)

    @ui.page("/leaderboard", title="Leaderboard · Gristmill")
    async def leaderboard_page(
        request: Request,
        area: str | None = None,
        suite: str | None = None,
        convention: str = boards.HEADLINES,
        checkpoint: str = "",
    ) -> None:
        await leaderboard.draw(services, request, leaderboard.Filter(area, suite, convention, checkpoint))

    @ui.page("/compare", title="Compare · Gristmill")
    async def compare_page(
        request: Request,
        a: str | None = None,
        b: str | None = None,
        suite: str | None = None,
        which: Which = "any",
        offset: Offset = 0,
    ) -> None:
        await compare.draw(services, request, compare.Question(a, b, suite, which, offset))

    @ui.page("/items", title="Items · Gristmill")
    async def items_page(
        request: Request,
        suite: str | None = None,
        checkpoint: str | None = None,
        convention: str | None = None,
        verdict: str | None = None,
        subset: str | None = None,
        seen: Seen | None = None,
        query: str = "",
        offset: Offset = 0,
    ) -> None:
        asked = items.Asked(suite, checkpoint, convention, verdict, subset, seen, query, offset)
        await items.draw(services, request, asked)

    @ui.page("/trajectory", title="Trajectory · Gristmill")
    async def trajectory_page(request: Request, suite: str | None = None, along: Along = "step") -> None:
        await trajectory.draw(services, request, suite, along)

    @ui.page("/speed", title="Speed · Gristmill")
    async def speed_page(request: Request, model: str | None = None, measurement: int | None = None) -> None:
        await speed.draw(services, request, model, measurement)

    @ui.page("/gates", title="Gates · Gristmill")
    async def gates_page(request: Request) -> None:
        await gates.draw(services, request)

    @ui.page("/submit", title="Submit · Gristmill")
    async def submit_page(request: Request) -> None:
        await submit.draw(services, request)


def run(lake_root: Path, names: Names, port: int = 8080, *, intake: Intake) -> None:
    """Serve on ``names.listening`` until interrupted. Raises as :func:`create_app`."""
    uvicorn.run(
        create_app(lake_root, intake, names),
        host=names.listening,
        port=port,
        log_level="warning",
        access_log=False,
        http="h11",  # bounds the request line and headers; httptools collects them without a limit
        ws_max_size=MOST_BODY,
    )
