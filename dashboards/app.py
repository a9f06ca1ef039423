"""The application: pages, REST API and API reference in one process, over one lake.

``create_app`` registers NiceGUI pages, which belong to the process, so a process makes one application. Every answer is
read from the published warehouse in a worker thread; only a submission writes.
"""

from importlib.metadata import version as installed_version
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from nicegui import ui

from gristmill.dashboards.api import invalid, router
from gristmill.dashboards.guard import MOST_BODY, Guard, Names
from gristmill.dashboards.page import serve_pages
from gristmill.dashboards.pages import PAGES
from gristmill.dashboards.reference import reference
from gristmill.dashboards.services import Intake, Services
from gristmill.warehouse.connection import Warehouse
from gristmill.warehouse.submissions import State

STATIC = Path(__file__).parent / "static"
ABOUT = "What the dashboards show, as JSON. Text, URLs and model outputs are data from a crawl: escape them."


def create_app(lake_root: Path, intake: Intake, names: Names) -> FastAPI:
    """The dashboards and the API of the lake at ``lake_root``; ``intake`` says what may be submitted, ``names`` which
    hosts to answer as.

    Raises :class:`gristmill.core.errors.UsageError` when there is no lake.
    """
    warehouse = Warehouse.open(lake_root)
    services = Services(warehouse, State(warehouse.root), intake)
    app = api_app(services)
    app.add_middleware(Guard, names=names)
    serve_pages(PAGES, services)
    ui.run_with(
        app,
        title="Gristmill",
        favicon=STATIC / "favicon.svg",
        language="en-US",
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
    app.include_router(router(PAGES, services))

    app.add_exception_handler(RequestValidationError, invalid)

    async def failed(_request: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"detail": services.explanation(error)}, 500)

    app.add_exception_handler(Exception, failed)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")

    @app.get("/docs", include_in_schema=False)
    def docs(request: Request) -> HTMLResponse:
        return HTMLResponse(reference(app.openapi(), str(request.base_url)))

    return app


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
