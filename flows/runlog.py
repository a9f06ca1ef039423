"""The record of every flow run, in the lake's ``log/runs``: when, what, how it ended. Read by the warehouse.

Prefect records runs too, but its database is disposable; this record is what the dashboards show.
"""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from schemas.errors import GateError
from schemas.lake import Lake


@dataclass
class RunRecord:
    """An open record; put into ``counts`` what should be shown of the run."""

    run_id: str
    counts: dict[str, Any] = field(default_factory=dict)


@contextmanager
def record_run(lake: Lake, flow: str, name: str) -> Iterator[RunRecord]:
    """Write the record at the start and at the end: succeeded, stopped_by_gate or failed, with the error's text."""
    record = RunRecord(uuid.uuid4().hex)
    entry: dict[str, Any] = {"run_id": record.run_id, "flow": flow, "name": name, "started_at": now(), "error": None}
    path = lake.log_path("runs", f"{record.run_id}.json")

    def write(status: str) -> None:
        entry.update(status=status, counts=record.counts, finished_at=None if status == "running" else now())
        temporary = path.with_suffix(".tmp")
        temporary.write_text(json.dumps(entry, ensure_ascii=False), encoding="utf-8")
        temporary.replace(path)

    write("running")
    try:
        yield record
    except GateError as error:
        entry["error"] = str(error)
        write("stopped_by_gate")
        raise
    except BaseException as error:
        entry["error"] = str(error) or type(error).__name__
        write("failed")
        raise
    write("succeeded")


def now() -> str:
    """The time in UTC, to the second, as ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")
