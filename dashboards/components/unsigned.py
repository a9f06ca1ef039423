"""The mark of what was made from a corpus that nobody signed off."""

from asyncio import to_thread

from nicegui import ui

from gristmill.core.lake import Lake
from gristmill.warehouse.connection import Warehouse
from gristmill.warehouse.reviews.corpus import UnsignedWork, unsigned_work

UNSIGNED = "unsigned"


async def unsigned_in(warehouse: Warehouse) -> UnsignedWork:
    """The marks, as they are now."""
    return await to_thread(unsigned_work, Lake(warehouse.root))


def unsigned_callout(what: str, sources: list[str]) -> None:
    """A line that says so, where there are any."""
    if sources:
        with ui.element("div").classes("callout"):
            ui.label(UNSIGNED).classes("badge tone-warn")
            ui.label(f"{what}: nobody signed off {', '.join(sources)}.").classes("muted")
            ui.link("Corpora", "/review/figures").classes("quiet-link")
