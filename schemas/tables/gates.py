"""What the gates between the stages found."""

import pyarrow as pa

from gristmill.core.table import Column, Table

GateResults = Table(
    "gate_results",
    ("gate", "expectation", "column"),
    {
        "gate": Column(pa.string(), "name of the suite: documents, signals, curated, scores"),
        "source": Column(pa.string(), "corpus, or checkpoint for scores"),
        "expectation": Column(pa.string(), "expectation type or the name the suite gives it"),
        "column": Column(
            pa.string(), "column looked at, as table.column for signals; the table in brackets for all of it"
        ),
        "severity": Column(pa.string(), "critical stops the run, warning is shown"),
        "ok": Column(pa.bool_(), "held"),
        "observed": Column(pa.string(), "what was found, as text"),
        "checked_rows": Column(pa.int64(), "rows looked at", unit="count", low=0),
        "unexpected_rows": Column(pa.int64(), "rows that broke it", unit="count", low=0),
        "shards": Column(pa.list_(pa.string()), "shards that hold them"),
        "examples": Column(pa.string(), "up to five of them, as a JSON list"),
    },
    "Result of one expectation of one gate.",
)
