"""The token store and the mixtures drawn from it."""

import pyarrow as pa

from gristmill.core.table import Column, Table

TokenStats = Table(
    "token_stats",
    ("domain", "split"),
    {
        "domain": Column(pa.string(), "domain of the mixture"),
        "split": Column(pa.string(), "train or heldout"),
        "documents": Column(pa.int64(), "documents (count)", unit="count", low=0),
        "tokens": Column(pa.int64(), "tokens with one end-of-text each (count)", unit="count", low=0),
        "bytes": Column(pa.int64(), "UTF-8 bytes of the text", unit="bytes", low=0),
        "fingerprint": Column(pa.string(), "digest of the token files"),
    },
    "Size of every domain of the token store.",
)

Mixtures = Table(
    "mixtures",
    ("mixture", "stage", "domain"),
    {
        "mixture": Column(pa.string(), "name of the mixture"),
        "method": Column(pa.string(), "static or doremi"),
        "digest": Column(pa.string(), "digest of weights, plan and token store"),
        "stage": Column(pa.int16(), "stage of the schedule, from 0", low=0),
        "until_token": Column(pa.int64(), "the stage ends at this token of the run", unit="tokens", low=0),
        "domain": Column(pa.string(), "domain"),
        "weight_raw": Column(pa.float64(), "share that the method asked for", unit="ratio", low=0, high=1),
        "weight": Column(pa.float64(), "share after the repetition caps", unit="ratio", low=0, high=1),
        "realised": Column(pa.float64(), "share of the rows in the plan", unit="ratio", low=0, high=1),
        "rows": Column(pa.int64(), "rows of the plan from this domain (count)", unit="count", low=0),
        "epochs": Column(pa.float64(), "times the domain is seen", unit="epochs", low=0),
        "max_epochs": Column(pa.float64(), "the cap", unit="epochs", low=0),
    },
    "Requested and realised shares of every mixture.",
)

MixtureTrace = Table(
    "mixture_trace",
    ("mixture", "step", "domain"),
    {
        "mixture": Column(pa.string(), "name of the mixture"),
        "step": Column(pa.int32(), "step of the proxy", low=0),
        "domain": Column(pa.string(), "domain"),
        "weight": Column(pa.float64(), "its weight at that step", unit="ratio", low=0, high=1),
        "excess_loss": Column(
            pa.float64(), "mean excess loss over the reference, nats a token, clipped at 0", unit="nats a token", low=0
        ),
    },
    "How a learned mixture found its weights.",
)
