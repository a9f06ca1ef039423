"""Loss curves cut down to a few hundred points in SQL, from the warehouse or from the files of a run that goes on.

A bucket keeps the least, the largest and the mean loss, so that a spike between two points is seen. Buckets hold equal
numbers of steps, or grow with the step for a logarithmic axis. Cost: one pass over the rows of a run.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import duckdb
from pydantic import BaseModel, Field

from gristmill.warehouse.connection import Warehouse

POINTS = 400
"""Buckets of a curve."""
Spacing = Literal["linear", "log"]

LOSSES, HELDOUT, SPEED = "losses.jsonl", "heldout.jsonl", "speed.jsonl"
"""Files of a run directory that grow by a JSON object a line (``tasks/train/run_files.py``)."""
COLUMNS = {
    LOSSES: "{step: 'INTEGER', tokens: 'BIGINT', loss: 'DOUBLE', learning_rate: 'DOUBLE'}",
    HELDOUT: "{step: 'INTEGER', domain: 'VARCHAR', loss: 'DOUBLE'}",
    SPEED: "{step: 'INTEGER', tokens_per_second: 'DOUBLE', mfu: 'DOUBLE'}",
}
CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "memory_limit": "512MB",
    "threads": 1,
    "autoload_known_extensions": False,
    "autoinstall_known_extensions": False,
}


class CurvePoint(BaseModel):
    """A range of steps of a run, up to ``step``; a single step if the run is short."""

    run: str
    step: int
    tokens: int | None
    loss: float = Field(description="mean loss, nats a token")
    low: float = Field(description="least loss")
    high: float = Field(description="largest loss")
    learning_rate: float | None


class HeldoutPoint(BaseModel):
    """The loss on held-out rows of a domain after a step of a run."""

    run: str
    step: int
    domain: str
    loss: float = Field(description="nats a token")


class SpeedPoint(BaseModel):
    """How fast a run was over a few steps, up to ``step``."""

    run: str
    step: int
    tokens_per_second: float
    mfu: float | None


CUT = """
SELECT $run AS run, max(step) AS step, max(tokens) AS tokens, avg(loss) AS loss, min(loss) AS low, max(loss) AS high,
    avg(learning_rate) AS learning_rate
FROM (
    SELECT *, row_number() OVER (ORDER BY step) AS place, count(*) OVER () AS n FROM {source}
    WHERE step IS NOT NULL AND loss IS NOT NULL AND isfinite(loss)
)
GROUP BY CASE
    WHEN n <= $points THEN place
    WHEN $log THEN floor(ln(place) / ln(n) * ($points - 1))
    ELSE (place - 1) * $points // n
END
ORDER BY step
"""


def loss_curve(warehouse: Warehouse, run: str, spacing: Spacing = "linear", points: int = POINTS) -> list[CurvePoint]:
    """The loss of a run that is in the warehouse, at most ``points`` points."""
    source = "(SELECT step, tokens, loss, learning_rate FROM losses WHERE run = $run)"
    rows = warehouse.query(CUT.format(source=source), {"run": run, "log": spacing == "log", "points": points})
    return [CurvePoint.model_validate(row) for row in rows]


def heldout_curve(warehouse: Warehouse, runs: Sequence[str]) -> list[HeldoutPoint]:
    """The held-out losses of runs that are in the warehouse."""
    rows = warehouse.query(
        "SELECT run, step, domain, loss FROM heldout_losses WHERE run IN (SELECT unnest($runs::VARCHAR[])) "
        "ORDER BY run, domain, step LIMIT 20000",
        {"runs": list(runs)},
    )
    return [HeldoutPoint.model_validate(row) for row in rows]


def live_losses(folder: Path, run: str, spacing: Spacing = "linear", points: int = POINTS) -> list[CurvePoint]:
    """The loss of a run as its directory has it now, at most ``points`` points; a line half written is left out."""
    return [
        CurvePoint(run=run, step=row[0], tokens=row[1], loss=row[2], low=row[3], high=row[4], learning_rate=row[5])
        for row in _asked(folder / LOSSES, _Question(_without_run(CUT), spacing == "log", points))
    ]


def live_heldout(folder: Path, run: str) -> list[HeldoutPoint]:
    """The held-out losses of a run as its directory has them now."""
    sql = (
        "SELECT step, domain, loss FROM {source} WHERE step IS NOT NULL AND domain IS NOT NULL AND loss IS NOT NULL "
        "ORDER BY domain, step LIMIT 20000"
    )
    rows = _asked(folder / HELDOUT, _Question(sql))
    return [HeldoutPoint(run=run, step=row[0], domain=row[1], loss=row[2]) for row in rows]


def live_speed(folder: Path, run: str, points: int = POINTS) -> list[SpeedPoint]:
    """Tokens a second along a run, from its directory, which stays when the run is over; empty when it is gone."""
    sql = """
        SELECT max(step), avg(tokens_per_second), avg(mfu) FROM (
            SELECT *, row_number() OVER (ORDER BY step) AS place, count(*) OVER () AS n FROM {source}
            WHERE step IS NOT NULL AND tokens_per_second IS NOT NULL
        )
        GROUP BY CASE WHEN n <= $points THEN place ELSE (place - 1) * $points // n END ORDER BY 1
        """
    rows = _asked(folder / SPEED, _Question(sql, points=points))
    return [SpeedPoint(run=run, step=row[0], tokens_per_second=row[1], mfu=row[2]) for row in rows]


@dataclass(frozen=True)
class _Question:
    sql: str
    log: bool | None = None
    points: int | None = None


def _without_run(sql: str) -> str:
    return sql.replace("$run AS run, ", "")


def _asked(path: Path, question: _Question) -> list[tuple[float, ...]]:
    try:
        state = path.stat()
    except OSError:
        return []
    return _answer(path, state.st_size, state.st_mtime_ns, question) if state.st_size else []


@lru_cache(maxsize=64)
def _answer(path: Path, _size: int, _changed: int, question: _Question) -> list[tuple[float, ...]]:
    """What a file says; asked again only when it has changed. Lines that are no such JSON objects are left out."""
    place = re.sub(r"([*?\[])", r"[\1]", str(path))
    source = f"read_json($path, format = 'newline_delimited', ignore_errors = true, columns = {COLUMNS[path.name]})"
    asked = {name: value for name, value in (("log", question.log), ("points", question.points)) if value is not None}
    with duckdb.connect(config=CONFIG) as connection:
        rows: list[tuple[float, ...]] = connection.execute(
            question.sql.format(source=source), {"path": place, **asked}
        ).fetchall()
    return rows
