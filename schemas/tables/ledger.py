"""The ledger of kept and rejected documents."""

import pyarrow as pa

from gristmill.core.table import DOC_ID, Table, columns

Verdicts = Table(
    "verdicts",
    ("doc_id", "stage", "rank"),
    columns(
        doc_id=DOC_ID,
        source=(pa.string(), "name of the corpus"),
        stage=(pa.string(), "decide or deduplicate"),
        kept=(pa.bool_(), "true in the one row of a document that passed the stage"),
        rank=(pa.int16(), "position of the failed rule in the policy, from 1; 0 in the row of a kept document"),
        rule=(pa.string(), "the failed rule?"),
        signal=(pa.string(), "the signal it looked at, as table.column?"),
        value=(pa.float64(), "the value found, where it is a number?"),
        value_text=(pa.string(), "the value found, as text?"),
        threshold=(pa.string(), "what the rule demands, such as >= 50?"),
    ),
    "The ledger: one row per failed rule of a document and stage, or one row for a kept document.",
)
