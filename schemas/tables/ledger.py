"""The ledger of kept and rejected documents."""

import pyarrow as pa

from gristmill.core.table import DOC_ID, Column, Table

Verdicts = Table(
    "verdicts",
    ("doc_id", "stage", "rank"),
    {
        "doc_id": DOC_ID,
        "source": Column(pa.string(), "name of the corpus"),
        "stage": Column(pa.string(), "decide or deduplicate"),
        "kept": Column(pa.bool_(), "true in the one row of a document that passed the stage"),
        "rank": Column(
            pa.int16(), "position of the failed rule in the policy, from 1; 0 in the row of a kept document", low=0
        ),
        "rule": Column(pa.string(), "the failed rule", nullable=True),
        "signal": Column(pa.string(), "the signal it looked at, as table.column", nullable=True),
        "value": Column(pa.float64(), "the value found, where it is a number", nullable=True),
        "value_text": Column(pa.string(), "the value found, as text", nullable=True),
        "threshold": Column(pa.string(), "what the rule demands, such as >= 50", nullable=True),
    },
    "The ledger: a row for each rule that a document failed at a stage, or one row for a kept document.",
)
