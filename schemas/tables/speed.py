"""How fast a served model answers."""

import pyarrow as pa

from gristmill.core.table import Column, Table

Speed = Table(
    "speed",
    ("model", "measurement", "metric"),
    {
        "model": Column(pa.string(), "name of the model on the server, or the label it was given"),
        "measurement": Column(
            pa.int32(), "number of the measurement of that model, from 1 in the order they were kept", low=1
        ),
        "server": Column(pa.string(), "what serves it, and its version, as it says itself"),
        "endpoint": Column(pa.string(), "completions or chat"),
        "concurrency": Column(
            pa.int32(), "users at once; null for a load that arrives at a rate", unit="count", low=1, nullable=True
        ),
        "rate": Column(
            pa.float64(),
            "requests a second that arrived (Poisson); null for users at once",
            unit="requests/s",
            low=0,
            nullable=True,
        ),
        "requests": Column(pa.int32(), "requests measured, failed ones among them (count)", unit="count", low=0),
        "failed": Column(pa.int32(), "of those, requests that were not answered whole (count)", unit="count", low=0),
        "warmup": Column(pa.int32(), "requests before those, left out (count)", unit="count", low=0),
        "isl": Column(pa.int32(), "input length that was asked for, in tokens", unit="tokens", low=0),
        "osl": Column(pa.int32(), "output length that was asked for, in tokens", unit="tokens", low=0),
        "ignore_eos": Column(pa.bool_(), "the server was asked for the whole output length"),
        "limits": Column(pa.string(), "limits of goodput, such as itl=0.05,ttft=0.5; empty where there are none"),
        "metric": Column(pa.string(), "ttft, itl, icl, latency, per_user, a throughput, goodput, ..."),
        "unit": Column(pa.string(), "s, tokens, tokens/s, requests/s, requests or share"),
        "value": Column(pa.float64(), "the number, or the mean over requests (icl: over gaps)", low=0),
        "p50": Column(pa.float64(), "median; null for a number of the whole measurement", low=0, nullable=True),
        "p90": Column(pa.float64(), "90th percentile", low=0, nullable=True),
        "p99": Column(pa.float64(), "99th percentile", low=0, nullable=True),
        "low": Column(
            pa.float64(), "lower end of the 95 % interval of a share", unit="ratio", low=0, high=1, nullable=True
        ),
        "high": Column(
            pa.float64(), "upper end of the 95 % interval of a share", unit="ratio", low=0, high=1, nullable=True
        ),
        "n": Column(pa.int32(), "requests (icl: gaps) it rests on (count)", unit="count", low=0),
    },
    "A metric of a served model under a stated load.",
)
