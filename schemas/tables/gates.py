"""What the gates between the stages found."""

import pyarrow as pa

from gristmill.core.table import Table, columns

GateResults = Table(
    "gate_results",
    ("gate", "expectation", "column"),
    columns(
        gate=(pa.string(), "name of the suite: documents, signals, curated, scores"),
        source=(pa.string(), "corpus, or checkpoint for scores"),
        expectation=(pa.string(), "expectation type or the name the suite gives it"),
        column=(pa.string(), "column looked at, as table.column for signals; the table in brackets for all of it"),
        severity=(pa.string(), "critical stops the run, warning is shown"),
        ok=(pa.bool_(), "held"),
        observed=(pa.string(), "what was found, as text"),
        checked_rows=(pa.int64(), "rows looked at"),
        unexpected_rows=(pa.int64(), "rows that broke it"),
        shards=(pa.list_(pa.string()), "shards that hold them"),
        examples=(pa.string(), "up to five of them, as a JSON list"),
    ),
    "Result of one expectation of one gate.",
)
