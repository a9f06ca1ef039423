"""What a page is and where it comes from: its domain, its URL, a classifier's score, benchmark items in it."""

import pyarrow as pa

from gristmill.core.table import DOC_ID, Column, Table

SignalsDomain = Table(
    "signals/domain",
    ("doc_id",),
    {
        "doc_id": DOC_ID,
        "domain": Column(pa.string(), "documentation, code, mathematics or prose"),
        "code_line_ratio": Column(pa.float64(), "lines that look like source code", unit="ratio", low=0, high=1),
        "math_token_ratio": Column(
            pa.float64(), "words and symbols of mathematics over words; may exceed 1", unit="ratio", low=0
        ),
        "reference_line_ratio": Column(
            pa.float64(),
            "lines that look like reference documentation (signatures, parameters)",
            unit="ratio",
            low=0,
            high=1,
        ),
    },
    "Which domain of the mixture a document belongs to.",
)

SignalsUrl = Table(
    "signals/url",
    ("doc_id",),
    {
        "doc_id": DOC_ID,
        "domain_listed": Column(pa.bool_(), "a domain above the host is on the blocklist", nullable=True),
        "host_listed": Column(pa.bool_(), "the host itself is on the blocklist", nullable=True),
        "url_listed": Column(
            pa.bool_(), "the whole URL, or its address without scheme, is on the blocklist", nullable=True
        ),
        "expression_listed": Column(
            pa.bool_(), "a regular expression of the blocklist is found in the URL", nullable=True
        ),
        "category": Column(
            pa.string(), "first category of the blocklist, by name, that holds it; empty for none", nullable=True
        ),
        "hard_words": Column(
            pa.int32(), "distinct words of the URL that no good page has (count)", unit="count", low=0, nullable=True
        ),
        "soft_words": Column(
            pa.int32(),
            "distinct words of the URL that are suspect together (count)",
            unit="count",
            low=0,
            nullable=True,
        ),
        "banned_subword": Column(pa.bool_(), "the letters and digits of the URL hold a listed piece", nullable=True),
    },
    "What the URL reveals; null for a document without one.",
    optional=True,
)

SignalsClassifier = Table(
    "signals/classifier",
    ("doc_id",),
    {
        "doc_id": DOC_ID,
        "quality_score": Column(
            pa.float64(),
            "probability that the trained classifier gives to its positive label",
            unit="probability",
            low=0,
            high=1,
        ),
    },
    "Quality of a document, scored by a trained fastText classifier.",
    optional=True,
)

SignalsContamination = Table(
    "signals/contamination",
    ("doc_id",),
    {
        "doc_id": DOC_ID,
        "items": Column(
            pa.int32(), "items of the given benchmarks whose input stands in the text (count)", unit="count", low=0
        ),
        "answers": Column(pa.int32(), "those whose answer stands there too (count)", unit="count", low=0),
        "score": Column(pa.float64(), "highest score of an item; 0 when there is none", unit="ratio", low=0, high=1),
    },
    "Evaluation items found in a document, for a policy that drops such documents.",
    optional=True,
)
