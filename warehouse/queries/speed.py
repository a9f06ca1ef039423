"""Measurements of served models: how fast they answered, and under which load."""

from itertools import groupby

from pydantic import BaseModel, Field

from gristmill.warehouse.connection import Warehouse


class Measured(BaseModel):
    """One metric of a measurement."""

    metric: str = Field(description="ttft, itl, icl, latency, per_user, a throughput, goodput, ...")
    unit: str
    value: float = Field(description="the number, or the mean over requests")
    p50: float | None
    p90: float | None
    p99: float | None
    low: float | None = Field(description="lower end of the 95 % interval of a share")
    high: float | None = Field(description="upper end of the 95 % interval of a share")
    n: int = Field(description="requests (or gaps) it is based on")


class SpeedMeasurement(BaseModel):
    """One measurement of a served model under a stated load."""

    model: str
    measurement: int = Field(description="its number, from 1")
    server: str
    endpoint: str
    concurrency: int | None = Field(description="concurrent users; null for a load that arrives at a rate")
    rate: float | None = Field(description="requests that arrived per second; null for concurrent users")
    requests: int
    failed: int
    warmup: int
    isl: int = Field(description="requested input length, in tokens")
    osl: int = Field(description="requested output length, in tokens")
    ignore_eos: bool
    limits: str = Field(description="limits of goodput; empty if there are none")
    metrics: list[Measured]

    def metric(self, name: str) -> Measured | None:
        """One metric, or None if it was not measured."""
        return next((found for found in self.metrics if found.metric == name), None)


def speeds(warehouse: Warehouse, model: str | None = None) -> list[SpeedMeasurement]:
    """Every measurement, by model, the newest first."""
    rows = warehouse.query(
        "SELECT * FROM speed WHERE $model IS NULL OR model = $model ORDER BY model, measurement DESC, metric",
        {"model": model},
    )
    groups = groupby(rows, key=lambda row: (row["model"], row["measurement"]))
    return [
        SpeedMeasurement.model_validate(members[0] | {"metrics": members})
        for members in (list(group) for _, group in groups)
    ]
