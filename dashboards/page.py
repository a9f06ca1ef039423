"""A page: where it lies, what its address may say, and what is shown when the address or the page itself is wrong.

The query of an address is parsed here, not by FastAPI, so that a wrong value gives a page with a sentence and a way
back. An empty value counts as none, so an address can be edited by hand; unknown parameters are ignored, since mail
programs and trackers add their own.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Request, Response
from fastapi.responses import PlainTextResponse
from nicegui import Client, ui
from nicegui import app as pages
from pydantic import Field, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from gristmill.dashboards.layout import card, explained, frame, title
from gristmill.dashboards.links import page_url
from gristmill.dashboards.services import Services

Q = TypeVar("Q")
Text = Annotated[str, Field(max_length=4096)]
Offset = Annotated[int, Field(ge=0, le=10_000_000)]
DRAWN_WITHIN = 120.0
"""Seconds a page may take. NiceGUI's 3 turn a large lake or a busy machine into an error."""
SHOWN = 100
"""Characters of a wrong value that its message repeats."""
ABOUT_WRONG = "Something in the address is missing or wrong."


@dataclass(frozen=True)
class Nothing:
    """The query of a page that takes none."""


@dataclass(frozen=True)
class Page(Generic[Q]):
    """A page of the dashboards.

    ``query`` is a pydantic dataclass of what the address may say, path parameters included; ``place`` is the entry of
    the navigation that the page belongs to, its title by default.
    """

    path: str
    title: str
    query: type[Q]
    draw: Callable[[Services, Request, Q], Awaitable[None]]
    place: str = ""

    def register(self, services: Services) -> None:
        """Serve the page."""
        query = TypeAdapter(self.query)

        async def draw(request: Request) -> None:
            given = {name: value for name, value in request.query_params.items() if value.strip()} | request.path_params
            try:
                asked = query.validate_python(given)
            except ValidationError as error:
                self._draw_wrong(services, request, given, error.errors())
                return
            await self.draw(services, request, asked)

        ui.page(self.path, title=f"{self.title} · Gristmill", response_timeout=DRAWN_WITHIN)(draw)

    def _draw_wrong(
        self, services: Services, request: Request, given: Mapping[str, Any], faults: list[ErrorDetails]
    ) -> None:
        """The page for an address that says what it may not: which value, why, and the address without it."""
        wrong = {str(fault["loc"][0]): fault for fault in faults}
        right = {name: str(value) for name, value in given.items() if name not in wrong}
        with frame(self.place or self.title, request, services.warehouse.version):
            title(self.title, ABOUT_WRONG)
            with card():
                told = " ".join(_told(name, given.get(name), fault) for name, fault in wrong.items())
                if "{" in self.path or any(fault["type"] == "missing" for fault in faults):
                    explained(told, ("Search the documents", "/documents"))
                else:
                    explained(told, ("Open the page without it", page_url(self.path, **right)))
        ui.context.client.status_code = 422


def _told(name: str, value: object, fault: ErrorDetails) -> str:
    """What is wrong with one value, in a sentence."""
    shown = str(value)
    shown = shown if len(shown) <= SHOWN else f"{shown[:SHOWN]}…"
    if fault["type"] == "missing":
        return f"This page needs the parameter {name}."
    return f"{name}={shown}: {wanted(fault)}."


def wanted(fault: ErrorDetails) -> str:
    """What to give instead of a wrong value, in our own words: pydantic's are for programmers."""
    limits: Mapping[str, Any] = fault.get("ctx", {})
    match fault["type"]:
        case "literal_error":
            return f"give {limits['expected']}"
        case "greater_than_equal":
            return f"give a whole number of at least {limits['ge']:,}"
        case "less_than_equal":
            return f"give a whole number of at most {limits['le']:,}"
        case "string_too_long":
            return f"give at most {limits['max_length']:,} characters"
        case "too_long":
            return f"give at most {limits['max_length']:,}"
        case "value_error":  # a sentence of the model's own
            return str(limits["error"])
        case kind if kind.startswith("int"):
            return "give a whole number"
        case _:
            return "this value cannot be used here; give another, or leave it out"


def serve_errors(services: Services) -> None:
    """Our own pages for an address that there is nothing at, and for a page that cannot be drawn."""

    async def missing(request: Request, _error: Exception) -> Response:
        if request.url.path.startswith("/_nicegui"):
            return PlainTextResponse("There is no such file.\n", 404)
        with Client(ui.page(""), request=request) as client, frame("", request, services.warehouse.version):
            title("There is no such page", "404")
            with card():
                explained(f"There is nothing at {request.url.path[:SHOWN]}.", ("Overview", "/"))
        return client.build_response(request, 404)

    pages.add_exception_handler(404, missing)

    def failed(error: Exception) -> None:
        request = ui.context.client.request
        with frame("", request, services.warehouse.version):
            title("This page could not be drawn", "500")
            with card():
                explained(services.told(error), ("Overview", "/"))

    pages.on_page_exception(failed)
