"""What the policy and people decided about findings: spans to redact, and the decisions that a curation was given."""

import pyarrow as pa

from gristmill.core.table import DOC_ID, Column, Table

Redactions = Table(
    "redactions",
    ("doc_id", "start", "end", "kind"),
    {
        "doc_id": DOC_ID,
        "kind": Column(pa.string(), "the kind of finding"),
        "start": Column(pa.int32(), "first code point that is replaced", unit="code points", low=0),
        "end": Column(pa.int32(), "one past the last code point", unit="code points", low=0),
        "how": Column(pa.string(), "what it becomes: placeholder, fake or fineweb"),
        "by": Column(pa.string(), "policy or person"),
    },
    "Spans of a kept document that redaction replaces when the text is written.",
)

Reviews = Table(
    "reviews",
    ("text_hash", "start", "end"),
    {
        "text_hash": Column(pa.string(), "xxh3-128 of the text that people decided about"),
        "start": Column(
            pa.int32(), "first code point of a span; 0 in the row of the document", unit="code points", low=0
        ),
        "end": Column(
            pa.int32(), "one past the last code point; 0 in the row of the document", unit="code points", low=0
        ),
        "kind": Column(pa.string(), "the kind of finding that a span is; empty in the row of the document"),
        "decision": Column(pa.string(), "keep, redact or drop of a document; keep or redact of a span"),
    },
    "What people decided and agreed on, by text: a row for the document and one for each span that they decided apart.",
    optional=True,
)
