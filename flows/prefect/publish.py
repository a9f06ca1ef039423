"""Publish what the lake holds to the warehouse, at the end of every flow."""

from collections.abc import Iterator
from contextlib import contextmanager

from gristmill.core.errors import GristmillError, UsageError
from gristmill.core.lake import Lake
from gristmill.flows.reporter import Reporter
from gristmill.flows.upkeep.current import renew_current
from gristmill.warehouse.build.publish import publish as publish_warehouse


def publish(lake: Lake, report: Reporter) -> None:
    """Make ``current/`` and the warehouse show what the lake holds now. Does nothing when nothing changed."""
    renew_current(lake)
    with report.track("publish", 1, "warehouse") as advance:
        published = publish_warehouse(lake)
        advance(1, published.path.name)


@contextmanager
def published(lake: Lake) -> Iterator[None]:
    """Publish when the block ends well, and when it fails, because people then look for the failed run or gate.

    A usage error publishes nothing.
    """
    try:
        yield
    except UsageError:
        raise
    except GristmillError:
        with Reporter() as report:
            try:
                publish(lake, report)
            except GristmillError as error:  # the error that stopped the run is reported last
                report.say(f"not published: {error}")
        raise
    with Reporter() as report:
        publish(lake, report)
