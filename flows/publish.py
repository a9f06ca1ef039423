"""Publish what the lake holds to the warehouse, at the end of every flow."""

from flows.reporter import Reporter
from schemas.lake import Lake
from warehouse.publish import publish as publish_warehouse


def publish(lake: Lake, report: Reporter) -> None:
    """Build the next warehouse file from the lake and make it the current one. Does nothing when nothing changed."""
    with report.track("publish", 1, "warehouse") as advance:
        published = publish_warehouse(lake)
        advance(1, published.path.name)
