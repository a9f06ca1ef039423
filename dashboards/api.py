"""The REST API: the routes that each page declares, under ``/api``, and how wrong requests are answered."""

from collections.abc import Iterable
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.routing import Match

from gristmill.dashboards.accounts.people import Role
from gristmill.dashboards.accounts.roles import declared_role, needs
from gristmill.dashboards.page import Page
from gristmill.dashboards.services import Services

ROLE_KEY = "x-role"
"""Where the OpenAPI document says which role an operation needs."""
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def router(pages: Iterable[Page[Any]], services: Services) -> APIRouter:
    """Every route of every page, under ``/api``. Raises ``TypeError`` for a route that does not declare its role."""
    api = APIRouter(prefix="/api")
    for page in pages:
        page.routes(api, services)

    @api.api_route("/{path:path}", methods=METHODS, include_in_schema=False, dependencies=[needs(Role.VIEWER)])
    def unknown(request: Request) -> None:
        """The last route, for what no other takes; otherwise the pages would answer, in HTML."""
        allowed = ", ".join(
            sorted(
                method
                for route in api.routes
                if isinstance(route, APIRoute) and route.matches(request.scope)[0] is Match.PARTIAL
                for method in route.methods or ()
            )
        )
        if allowed:
            told = f"{request.url.path} takes {allowed}, not {request.method}"
            raise HTTPException(405, told, headers={"allow": allowed})
        raise HTTPException(404, f"there is nothing at {request.url.path}; /docs lists every address")

    for route in api.routes:
        if not isinstance(route, APIRoute):
            raise TypeError(f"{route} is not a route of the API, so nothing checks who asks")
        role = declared_role(route)
        if role is None:
            raise TypeError(f"{route.path} does not say which role it needs: dependencies=[needs(Role.VIEWER)]")
        route.openapi_extra = {ROLE_KEY: role.value}
    return api


async def invalid(_request: Request, error: Exception) -> JSONResponse:
    """Where a request is wrong, and why. Does not repeat what was sent, which may be large or invalid JSON (NaN)."""
    faults = error.errors() if isinstance(error, RequestValidationError) else []
    return JSONResponse({"detail": [{name: fault[name] for name in ("type", "loc", "msg")} for fault in faults]}, 422)
