"""Speed of a served model: measure it under a load, and keep the measurement in a lake.

A measurement is of one moment on one machine, so it alone gives different bytes when repeated: each is kept next to the
earlier ones of its model, by number. The address of the server is not kept.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from gristmill.core.digests import digest_json, digest_text
from gristmill.core.errors import GristmillError
from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset
from gristmill.core.table import conform
from gristmill.evals.load_test.load import failed_all, lag_p99, run_load
from gristmill.evals.load_test.metrics import Distribution, Report, summarise
from gristmill.evals.load_test.settings import Limited, Load
from gristmill.flows.reporter import Reporter
from gristmill.schemas.tables import Speed

KIND = "speed"
UNITS = {
    "ttft": "s",
    "itl": "s",
    "icl": "s",
    "latency": "s",
    "per_user": "tokens/s",
    "input_tokens": "tokens",
    "output_tokens": "tokens",
    "cached_tokens": "tokens",
    "output_token_throughput": "tokens/s",
    "request_throughput": "requests/s",
    "mean_concurrency": "requests",
    "duration": "s",
    "lag_p99": "s",
    "goodput": "requests/s",
    "good_share": "share",
}
"""Every metric of a measurement and its unit, in the order they are shown."""


@dataclass(frozen=True)
class Measurement:
    """The load and its results. ``lag`` is how late an open load was sent (p99, seconds)."""

    load: Load
    server: str
    report: Report
    lag: float | None

    def rows(self) -> list[dict[str, Any]]:
        """One entry for each metric that is defined: metric, unit, value, percentiles, interval, n."""
        report = self.report
        found: dict[str, Distribution | float | None] = {
            name: getattr(report, name) for name in UNITS if name in Report.model_fields and name != "goodput"
        }
        found["lag_p99"] = self.lag
        good = report.goodput
        if good is not None:
            found |= {"goodput": good.per_second, "good_share": good.share}
        rows = []
        for name, unit in UNITS.items():
            value = found.get(name)
            if value is None:
                continue
            row: dict[str, Any] = {"metric": name, "unit": unit, "low": None, "high": None}
            if isinstance(value, Distribution):
                row |= {"value": value.mean, "p50": value.p50, "p90": value.p90, "p99": value.p99, "n": value.n}
            else:
                row |= {"value": value, "p50": None, "p90": None, "p99": None, "n": report.answered}
            if name == "good_share" and good is not None:
                row |= {"low": good.low, "high": good.high, "n": report.requests}
            rows.append(row)
        return rows


def measure(load: Load, limits: Mapping[Limited, float], key: str, report: Reporter) -> Measurement:
    """Put the load on the server. Raises :class:`GristmillError` when it answers no request, with the reason."""
    with report.track(f"{load.model}: {_stated(load)}", load.requests, "requests") as advance:
        measured = run_load(load, key, advance)
    reason = failed_all(measured)
    if reason is not None:
        raise GristmillError(
            f"{load.url}, model {load.model}: no request was answered: {reason}. Nothing was measured."
        )
    return Measurement(load, measured.server, summarise(measured.exchanges, limits), lag_p99(measured))


def keep(measurement: Measurement, label: str, lake: Lake) -> int:
    """Add a measurement to the lake under ``label`` (the model's name when empty); gives its number there."""
    from gristmill.flows.prefect.publish import (
        published,  # these two import DuckDB and Prefect, which a measurement alone does not need
    )
    from gristmill.flows.prefect.run_log import record_run

    load, found = measurement.load, measurement.report
    model = label or load.model
    name = _dataset_name(model)
    with published(lake), record_run(lake, "speed", model) as record:
        earlier = lake.dataset(KIND, name)
        before = earlier.tables[Speed.name] if earlier else ()
        number = len(before) + 1
        limits = found.goodput.limits if found.goodput else {}
        shared = {
            "model": model,
            "measurement": number,
            "server": measurement.server,
            **load.model_dump(include={"endpoint", "concurrency", "rate", "requests", "isl", "osl", "ignore_eos"}),
            "failed": found.requests - found.answered,
            "warmup": load.warmups,
            "limits": ",".join(f"{limited}={value:g}" for limited, value in sorted(limits.items())),
        }
        rows = conform(Speed, pa.Table.from_pylist([shared | row for row in measurement.rows()], Speed.schema))
        ref = lake.write_table(Speed, name, digest_json(rows.to_pylist())[:16], rows)
        tables = {Speed.name: (*before, ref)}
        config = {"model": model}
        lake.commit(Dataset(kind=KIND, name=name, config=config, counts={"measurements": number}, tables=tables))
        record.counts.update(requests=found.requests, failed=found.requests - found.answered)
    return number


def _dataset_name(model: str) -> str:
    """A name that a folder may have; models of other makers have slashes in theirs."""
    plain = re.sub(r"[^\w.@=+-]", "-", model)[:80].lstrip(".@=+-")
    return plain if plain == model else f"{plain or 'model'}-{digest_text(model)[:8]}"


def _stated(load: Load) -> str:
    return f"{load.concurrency} at once" if load.rate is None else f"{load.rate:g} a second"
