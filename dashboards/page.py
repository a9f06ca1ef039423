"""A page: its address, what the address may say, and what is shown when the address or the page itself is wrong.

The query of an address is parsed here, not by FastAPI, so that a wrong value gives a page with an explanation.
An empty value counts as absent, so that an address can be edited by hand; unknown parameters are ignored, because
mail programs and trackers add their own.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Generic, TypeVar

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import PlainTextResponse
from nicegui import Client, ui
from nicegui import app as pages
from pydantic import Field, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from gristmill.dashboards.accounts.people import Role, person_of
from gristmill.dashboards.accounts.roles import refusal
from gristmill.dashboards.components.cards import card, explained, title
from gristmill.dashboards.components.frame import frame
from gristmill.dashboards.links import page_url
from gristmill.dashboards.services import Services

Q = TypeVar("Q")
Text = Annotated[str, Field(max_length=4096)]
Address = Annotated[str, Field(max_length=65_536)]
"""Text with room for the longest URLs of crawls, or for another name of a record."""
Offset = Annotated[int, Field(ge=0, le=10_000_000)]
Limit = Annotated[int, Query(ge=1, le=1000, description="rows to return")]
"""For routes of the API."""
DRAWN_WITHIN = 120.0
"""Seconds a page may take. NiceGUI's default of 3 fails on a large lake or a busy machine."""
SHOWN = 100
"""Characters of a wrong value that its message repeats."""
ABOUT_WRONG = "Something in the address is missing or wrong."


@dataclass(frozen=True)
class NoQuery:
    """The query of a page without parameters."""


def no_routes(_api: APIRouter, _services: Services) -> None:
    """The API of a page that has none."""


@dataclass(frozen=True)
class Page(Generic[Q]):
    """A page of the dashboards, and the API routes that return its contents as JSON.

    ``query`` is a pydantic dataclass of what the address may say, path parameters included. ``draw`` fills the page,
    inside its frame. ``place`` is the entry of the navigation bar that a page belongs to; a page without one is
    an entry itself. ``routes`` adds the page's routes to the API. ``role`` is what a person needs to open the page.
    """

    path: str
    title: str
    query: type[Q]
    draw: Callable[[Services, Request, Q], Awaitable[None]]
    place: str = ""
    routes: Callable[[APIRouter, Services], None] = no_routes
    role: Role = field(kw_only=True)


def navigation(pages: Iterable[Page[Any]]) -> tuple[tuple[str, str], ...]:
    """The entries of the navigation bar: (title, path)."""
    return tuple((page.title, page.path) for page in pages if not page.place)


def serve_pages(pages: Sequence[Page[Any]], services: Services) -> None:
    """Serve every page, and pages for addresses with nothing behind them and for pages that cannot be drawn.

    They are registered with NiceGUI, which has one application a process.
    """
    for page in pages:
        _serve(page, pages, services)
    _serve_errors(pages, services)


def entries_for(pages: Iterable[Page[Any]], request: Request) -> tuple[tuple[str, str], ...]:
    """The entries of the navigation bar that whoever sent ``request`` may open."""
    role = person_of(request).role
    return navigation(page for page in pages if role.includes(page.role))


def _serve(page: Page[Q], pages: Sequence[Page[Any]], services: Services) -> None:
    query = TypeAdapter(page.query)

    async def draw(request: Request) -> None:
        entries = entries_for(pages, request)
        told = refusal(person_of(request), page.role)
        if told is not None:
            _draw_refused(page, entries, request, told, services)
            return
        given = {name: value for name, value in request.query_params.items() if value.strip()} | request.path_params
        with frame(request, entries, page.place or page.title, services.warehouse.version):
            try:
                asked = query.validate_python(given)
            except ValidationError as error:
                _draw_wrong(page, entries, given, error.errors())
                return
            await page.draw(services, request, asked)

    ui.page(page.path, title=f"{page.title} · Gristmill", response_timeout=DRAWN_WITHIN)(draw)


def _draw_refused(
    page: Page[Q], entries: Sequence[tuple[str, str]], request: Request, told: str, services: Services
) -> None:
    """What somebody sees who may not open the page."""
    with frame(request, entries, "", services.warehouse.version):
        title(page.title, "This page is not for everybody.")
        with card():
            explained(told, ("Overview", "/"))
    ui.context.client.status_code = 403


def _draw_wrong(
    page: Page[Q], entries: Sequence[tuple[str, str]], given: Mapping[str, Any], faults: list[ErrorDetails]
) -> None:
    """What a page shows for an address with a wrong value: which value, why, and a link to the address without it.

    A page that needs the value links to its entry in the navigation bar instead.
    """
    wrong = {str(fault["loc"][0]): fault for fault in faults}
    right = {name: str(value) for name, value in given.items() if name not in wrong}
    title(page.title, ABOUT_WRONG)
    with card():
        told = " ".join(_sentence(name, given.get(name), fault) for name, fault in wrong.items())
        if "{" in page.path or any(fault["type"] == "missing" for fault in faults):
            explained(told, (page.place or "Overview", dict(entries).get(page.place, "/")))
        else:
            explained(told, ("Open the page without it", page_url(page.path, **right)))
    ui.context.client.status_code = 422


def _sentence(name: str, value: object, fault: ErrorDetails) -> str:
    """What is wrong with one value, in a sentence."""
    shown = str(value)
    shown = shown if len(shown) <= SHOWN else f"{shown[:SHOWN]}…"
    if fault["type"] == "missing":
        return f"This page needs the parameter {name}."
    return f"{name}={shown}: {wanted(fault)}."


def wanted(fault: ErrorDetails) -> str:
    """What to give instead of a wrong value, in our own words: pydantic's messages are for programmers."""
    limits: Mapping[str, Any] = fault.get("ctx", {})
    match fault["type"]:
        case "literal_error":
            return f"give {limits['expected']}"
        case "greater_than_equal":
            return f"give a whole number of at least {limits['ge']:,}"
        case "less_than_equal":
            return f"give a whole number of at most {limits['le']:,}"
        case "string_too_long" | "too_long":  # "too_long" also for text with a validator of its own
            characters = " characters" if isinstance(fault["input"], str) else ""
            return f"give at most {limits['max_length']:,}{characters}"
        case "value_error":  # a sentence of the model's own
            return str(limits["error"])
        case kind if kind.startswith("int"):
            return "give a whole number"
        case _:
            return "this value cannot be used here; give another, or leave it out"


def _serve_errors(served: Sequence[Page[Any]], services: Services) -> None:
    async def missing(request: Request, _error: Exception) -> Response:
        if request.url.path.startswith("/_nicegui"):
            return PlainTextResponse("There is no such file.\n", 404)
        entries = entries_for(served, request)
        with Client(ui.page(""), request=request) as client, frame(request, entries, "", services.warehouse.version):
            title("There is no such page", "404")
            with card():
                explained(f"There is nothing at {request.url.path[:SHOWN]}.", ("Overview", "/"))
        return client.build_response(request, 404)

    pages.add_exception_handler(404, missing)

    def failed(error: Exception) -> None:
        request = ui.context.client.request
        with frame(request, entries_for(served, request), "", services.warehouse.version):
            title("This page could not be drawn", "500")
            with card():
                explained(services.explanation(error), ("Overview", "/"))

    pages.on_page_exception(failed)
