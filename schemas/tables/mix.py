"""The token store and the mixtures drawn from it."""

import pyarrow as pa

from gristmill.core.table import Table, columns

TokenStats = Table(
    "token_stats",
    ("domain", "split"),
    columns(
        domain=(pa.string(), "domain of the mixture"),
        split=(pa.string(), "train or heldout"),
        documents=(pa.int64(), "documents (count)"),
        tokens=(pa.int64(), "tokens with one end-of-text each (count)"),
        bytes=(pa.int64(), "UTF-8 bytes of the text"),
        fingerprint=(pa.string(), "digest of the token files"),
    ),
    "Size of every domain of the token store.",
)

Mixtures = Table(
    "mixtures",
    ("mixture", "stage", "domain"),
    columns(
        mixture=(pa.string(), "name of the mixture"),
        method=(pa.string(), "static or doremi"),
        digest=(pa.string(), "digest of weights, plan and token store"),
        stage=(pa.int16(), "stage of the schedule, from 0"),
        until_token=(pa.int64(), "the stage ends at this token of the run"),
        domain=(pa.string(), "domain"),
        weight_raw=(pa.float64(), "share that the method asked for"),
        weight=(pa.float64(), "share after the repetition caps"),
        realised=(pa.float64(), "share of the rows in the plan"),
        rows=(pa.int64(), "rows of the plan from this domain (count)"),
        epochs=(pa.float64(), "times the domain is seen"),
        max_epochs=(pa.float64(), "the cap"),
    ),
    "Requested and realised shares of every mixture.",
)

MixtureTrace = Table(
    "mixture_trace",
    ("mixture", "step", "domain"),
    columns(
        mixture=(pa.string(), "name of the mixture"),
        step=(pa.int32(), "step of the proxy"),
        domain=(pa.string(), "domain"),
        weight=(pa.float64(), "its weight at that step"),
        excess_loss=(pa.float64(), "mean excess loss over the reference, nats a token, clipped at 0"),
    ),
    "How a learned mixture found its weights.",
)
