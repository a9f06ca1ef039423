"""The record of every flow run, in the lake's ``log/runs``: when, what, how it ended. Read by the warehouse.

Prefect records runs too, but its database is disposable; this record is what the dashboards show. A process that is
killed leaves its record open; the next flow on that lake and machine closes it. The cost is a look at every record
that is kept, about 0.1 ms each.
"""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from prefect.runtime import flow_run

from gristmill.core.errors import GateError
from gristmill.core.files.atomic import write_whole
from gristmill.core.files.os_errors import translate_os_errors
from gristmill.core.lake import Lake
from gristmill.core.processes import Process, this_process
from gristmill.flows.upkeep.lock import shared

ABANDONED = (
    "the process ended without a message: it was killed, or the machine stopped. Finished work is kept; run the same "
    "command again, it resumes from there."
)
SILENT = timedelta(minutes=5)


@dataclass
class RunRecord:
    """An open record; put into ``counts`` what should be shown of the run."""

    run_id: str
    counts: dict[str, Any] = field(default_factory=dict)


@contextmanager
def record_run(lake: Lake, flow: str, name: str) -> Iterator[RunRecord]:
    """Write the record at the start and at the end: succeeded, stopped_by_gate or failed, with the error's text.

    Records that dead processes left open are closed first. While the block lasts nothing is removed from the lake.
    """
    with shared(lake):
        yield from _recorded(lake, flow, name)


def _recorded(lake: Lake, flow: str, name: str) -> Iterator[RunRecord]:
    close_abandoned(lake)
    record = RunRecord(uuid.uuid4().hex)
    entry: dict[str, Any] = {"run_id": record.run_id, "flow": flow, "name": name, "started_at": now(), "error": None}
    entry |= {"process": asdict(this_process()), "flow_run": flow_run.id}
    path = lake.log_path("runs", f"{record.run_id}.json")

    def write(status: str) -> None:
        entry.update(status=status, counts=record.counts, finished_at=None if status == "running" else now())
        with translate_os_errors(lake.root):
            write_whole(path, json.dumps(entry, ensure_ascii=False))

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


def close_abandoned(lake: Lake) -> list[str]:
    """Mark the running records of dead processes of this machine as failed. Returns their run ids, sorted.

    Records of other machines that share the lake stay as they are: whether those processes live cannot be seen here.
    """
    closed = []
    for path in sorted((lake.root / "log" / "runs").glob("*.json")):
        entry = open_record(path)
        if entry is None or Process(**entry["process"]).is_alive():
            continue
        entry = open_record(path)  # it may have ended normally between the two looks
        if entry is not None:
            closing = entry | {"status": "failed", "error": ABANDONED, "finished_at": now()}
            with translate_os_errors(lake.root):
                write_whole(path, json.dumps(closing, ensure_ascii=False))
            closed.append(str(entry["run_id"]))
    return closed


def is_abandoned(lake: Lake, flow_run_id: str, since: datetime) -> bool:
    """Whether the attempt at that Prefect flow run that began at ``since`` lost its process.

    Its record was closed by :func:`close_abandoned`; or for five minutes there has been none that is open, where a
    process needs seconds to start, and to tell Prefect how it ended. An earlier attempt at that run counts for nothing.
    """
    second = since.replace(microsecond=0)
    of_run = [
        entry
        for path in (lake.root / "log" / "runs").glob("*.json")
        if (entry := read_record(path)).get("flow_run") == flow_run_id
        and datetime.fromisoformat(str(entry["started_at"])) >= second
    ]
    if any(entry.get("status") == "running" for entry in of_run):
        return False
    if any(entry.get("error") == ABANDONED for entry in of_run):
        return True
    ends = [datetime.fromisoformat(str(entry["finished_at"])) for entry in of_run]
    return datetime.now(UTC) - max([since, *ends]) > SILENT


def open_record(path: Path) -> dict[str, Any] | None:
    """A record of a running flow that names its process; None for any other."""
    entry = read_record(path)
    process = entry.get("process")
    named = (
        isinstance(process, dict)
        and process.keys() == {"host", "pid", "started"}
        and [type(process[name]) for name in ("host", "pid", "started")] == [str, int, int]
    )
    return entry if entry.get("status") == "running" and named else None


def read_record(path: Path) -> dict[str, Any]:
    """The content of a record; empty for a file that is damaged or was just removed."""
    try:
        entry = json.loads(path.read_bytes())
        moments = [entry["started_at"], *([entry["finished_at"]] if entry["finished_at"] is not None else [])]
        sound = all(datetime.fromisoformat(moment).tzinfo is not None for moment in moments)
        sound &= all(isinstance(entry[name], str) for name in ("run_id", "flow", "name", "status"))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return {}
    return entry if sound else {}


def now() -> str:
    """The time in UTC, to the second, as ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")
