"""How fast a served model answers."""

import pyarrow as pa

from gristmill.core.table import Table, columns

Speed = Table(
    "speed",
    ("model", "measurement", "metric"),
    columns(
        model=(pa.string(), "name of the model on the server, or the label it was given"),
        measurement=(pa.int32(), "number of the measurement of that model, from 1 in the order they were kept"),
        server=(pa.string(), "what serves it, and its version, as it says itself"),
        endpoint=(pa.string(), "completions or chat"),
        concurrency=(pa.int32(), "users at once; null for a load that arrives at a rate?"),
        rate=(pa.float64(), "requests a second that arrived (Poisson); null for users at once?"),
        requests=(pa.int32(), "requests measured, failed ones among them (count)"),
        failed=(pa.int32(), "of those, requests that were not answered whole (count)"),
        warmup=(pa.int32(), "requests before those, left out (count)"),
        isl=(pa.int32(), "input length that was asked for, in tokens"),
        osl=(pa.int32(), "output length that was asked for, in tokens"),
        ignore_eos=(pa.bool_(), "the server was asked for the whole output length"),
        limits=(pa.string(), "limits of goodput, such as itl=0.05,ttft=0.5; empty where there are none"),
        metric=(pa.string(), "ttft, itl, icl, latency, per_user, a throughput, goodput, ..."),
        unit=(pa.string(), "s, tokens, tokens/s, requests/s, requests or share"),
        value=(pa.float64(), "the number, or the mean over requests (icl: over gaps)"),
        p50=(pa.float64(), "median; null for a number of the whole measurement?"),
        p90=(pa.float64(), "90th percentile?"),
        p99=(pa.float64(), "99th percentile?"),
        low=(pa.float64(), "lower end of the 95 % interval of a share?"),
        high=(pa.float64(), "upper end of the 95 % interval of a share?"),
        n=(pa.int32(), "requests (icl: gaps) it rests on (count)"),
    ),
    "A metric of a served model under a stated load.",
)
