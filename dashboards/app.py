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

from gristmill.core.errors import UsageError
from gristmill.core.hints import on_lake
from gristmill.core.hosts import is_loopback
from gristmill.dashboards.accounts.access import Access, Door
from gristmill.dashboards.accounts.accounts import Accounts
from gristmill.dashboards.accounts.login import serve_login
from gristmill.dashboards.accounts.sockets import guard_events
from gristmill.dashboards.accounts.store import Store
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


def create_app(lake_root: Path, intake: Intake, names: Names, store: Store | None = None) -> FastAPI:
    """The dashboards and the API of the lake at ``lake_root``; ``intake`` says what may be submitted, ``names`` which
    hosts to answer as, ``store`` who may sign in (the accounts of the lake when left out).

    Raises :class:`gristmill.core.errors.UsageError` when there is no lake, or others may read the accounts.
    """
    warehouse = Warehouse.open(lake_root)
    services = Services(warehouse, State(warehouse.root), intake)
    door = Door(Accounts(store or Store.of_lake(warehouse.root)))
    door.prepare()
    app = api_app(services)
    serve_login(app, door)
    guard_events(door)
    app.add_middleware(Access, door=door)
    app.add_middleware(Guard, names=names)  # the outermost: what it refuses, no account is asked about
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


def run(lake_root: Path, names: Names, port: int = 8080, *, intake: Intake, store: Store | None = None) -> None:
    """Serve on ``names.listening`` until interrupted.

    Raises as :func:`create_app`, and :class:`UsageError` for an address that other machines reach without accounts.
    """
    accounts = Accounts(store or Store.of_lake(lake_root))
    if not is_loopback(names.listening) and not accounts.all():
        file = "" if store is None else f" --accounts {store.path}"
        raise UsageError(
            f"other machines reach {names.listening}, so people have to sign in, and there are no accounts. Make the "
            f"first: {on_lake('gristmill accounts add NAME --role admin', lake_root)}{file}"
        )
    accounts.store.close()
    uvicorn.run(
        create_app(lake_root, intake, names, store),
        host=names.listening,
        port=port,
        log_level="warning",
        access_log=False,
        http="h11",  # bounds the request line and headers; httptools collects them without a limit
        ws_max_size=MOST_BODY,
    )
