"""What is stated about the use of a document, and its licence."""

import pyarrow as pa

from gristmill.core.table import DOC_ID, Column, Table

SignalsRights = Table(
    "signals/rights",
    ("doc_id",),
    {
        "doc_id": DOC_ID,
        "reserved": Column(pa.bool_(), "some statement reserves the text from training; the most restrictive wins"),
        "allowed": Column(pa.bool_(), "some statement allows training and none reserves it"),
        "source": Column(
            pa.string(), "where the statement that decides is from, such as header:content-usage", nullable=True
        ),
        "evidence": Column(pa.string(), "the line that decides, as it stands, cut to 300 characters", nullable=True),
        "sources": Column(pa.string(), "every source that says the same, nearest to the page first", nullable=True),
        "images_reserved": Column(pa.bool_(), "noimageai: the pictures are reserved, which says nothing of the text"),
        "noindex": Column(pa.bool_(), "noindex or none: search engines are refused, which says nothing of training"),
        "licence": Column(pa.string(), "SPDX identifier or expression of the licence that is named", nullable=True),
        "licence_evidence": Column(pa.string(), "the line that names it, cut to 300 characters", nullable=True),
    },
    "What the page and its site state about training on it, and the licence that it names.",
    optional=True,
)
