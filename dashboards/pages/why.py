"""Why: the records of one URL, doc_id or record_uri: why each was kept or dropped, and its text."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic.dataclasses import dataclass

from gristmill.dashboards.accounts.people import Role
from gristmill.dashboards.accounts.roles import needs
from gristmill.dashboards.components.story import draw_records, found_or_404
from gristmill.dashboards.page import Address, Page
from gristmill.dashboards.services import Services
from gristmill.warehouse.queries.why import Why, why


@dataclass(frozen=True)
class WhyQuery:
    """A URL, doc_id or record_uri."""

    question: Address


async def draw(services: Services, _request: Request, asked: WhyQuery) -> None:
    """The page at ``/why?question=...``."""
    await draw_records(services.warehouse, asked.question)


def routes(api: APIRouter, services: Services) -> None:
    """What the page shows, as JSON."""
    warehouse = services.warehouse

    @api.get("/why", tags=["data"], summary="Why a page was kept or dropped", dependencies=[needs(Role.VIEWER)])
    def why_url(
        url: Annotated[
            str, Query(max_length=65536, description="URL as written in the crawl, a doc_id or a record_uri")
        ],
    ) -> Why:
        return found_or_404(why(warehouse, url))


PAGE = Page("/why", "Document", WhyQuery, draw, place="Documents", routes=routes, role=Role.VIEWER)
