"""Document: one record by its doc_id: why it was kept or dropped, and its text."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic.dataclasses import dataclass

from gristmill.dashboards.accounts.people import Role
from gristmill.dashboards.accounts.roles import needs
from gristmill.dashboards.components.story import draw_records, found_or_404
from gristmill.dashboards.page import Address, Page
from gristmill.dashboards.services import Services
from gristmill.warehouse.queries.why import Why, why

DocId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="32 hex digits")]


@dataclass(frozen=True)
class DocumentQuery:
    """A document by its doc_id."""

    doc_id: Address


async def draw(services: Services, _request: Request, asked: DocumentQuery) -> None:
    """The page at ``/documents/<doc_id>``."""
    await draw_records(services.warehouse, asked.doc_id)


def routes(api: APIRouter, services: Services) -> None:
    """What the page shows, as JSON."""
    warehouse = services.warehouse

    @api.get(
        "/documents/{doc_id}",
        tags=["data"],
        summary="Everything about one document, with its text",
        dependencies=[needs(Role.VIEWER)],
    )
    def document(doc_id: DocId) -> Why:
        return found_or_404(why(warehouse, doc_id))


PAGE = Page("/documents/{doc_id}", "Document", DocumentQuery, draw, place="Documents", routes=routes, role=Role.VIEWER)
