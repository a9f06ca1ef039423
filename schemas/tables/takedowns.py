"""What was taken down: tombstones that ingest honours, and what had seen the documents."""

import pyarrow as pa

from gristmill.core.table import Column, Table

Takedowns = Table(
    "takedowns",
    ("kind", "value"),
    {
        "kind": Column(
            pa.string(),
            "url: BLAKE2b-128 of a page's address; host: a host with its subdomains, in clear; payload: xxh3-128 of "
            "the payload; document: a doc_id",
        ),
        "value": Column(pa.string(), "what no record may have again"),
        "takedown": Column(pa.string(), "id of the takedown that asked for it"),
    },
    "Tombstones: ingest sets a record that one of them covers aside, for the reason takedown.",
    optional=True,
)

Stale = Table(
    "stale",
    ("takedown", "kind", "subject"),
    {
        "takedown": Column(pa.string(), "id of the takedown"),
        "kind": Column(pa.string(), "mix, mixture, checkpoint or evaluation"),
        "subject": Column(
            pa.string(), "mix; mix, mixture and its digest; digest of the checkpoint; or digest and suite"
        ),
        "label": Column(pa.string(), "how people call it"),
        "documents": Column(pa.int64(), "documents taken down that it holds or read (count)", unit="count", low=0),
        "tokens": Column(
            pa.int64(), "tokens of them that it holds or read, one read twice counting twice", unit="tokens", low=0
        ),
    },
    "What was made from a document before it was taken down: it no longer follows from the lake's data.",
    optional=True,
)
