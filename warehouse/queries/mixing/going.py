"""Trials of mixing methods that run now, from their directories: ``LAKE/log/trials``.

A job there runs up to eight trials one after another; a trial that is done has left ``outcome.json``. A mixture enters
the warehouse when all of its trials are done.
"""

from pydantic import BaseModel, Field

from gristmill.warehouse.connection import Warehouse
from gristmill.warehouse.queries.training.runs import LIVE, read_status, recent_folders

FOLDER = ("log", "trials")


class TrialsGoing(BaseModel):
    """Jobs that run trials of mixtures that are not found yet."""

    jobs: int = Field(description="jobs that wait or run")
    stuck: int = Field(description="jobs among them that say nothing, or whose watcher does not")
    step: int = Field(description="steps that they have done")
    steps: int = Field(description="steps that they will have done, as far as they say")
    done: int = Field(description="trials in the lake's log that are done, of all mixtures")


def trials_going(warehouse: Warehouse) -> TrialsGoing | None:
    """The trials that run now; None when none does. Cost: two small files for each of the newest directories."""
    root = warehouse.root.joinpath(*FOLDER)
    found = [status for folder in recent_folders(root) if (status := read_status(folder)) and status.state in LIVE]
    if not found:
        return None
    return TrialsGoing(
        jobs=len(found),
        stuck=sum(status.state in ("stalled", "silent") for status in found),
        step=sum(status.step or 0 for status in found),
        steps=sum(status.steps or 0 for status in found),
        done=sum(1 for _ in root.glob("*/outcome.json")),
    )
