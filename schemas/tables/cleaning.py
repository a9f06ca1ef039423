"""What is cut from a kept text or replaced in it, and the curated documents that result."""

import pyarrow as pa

from gristmill.core.table import DOC_ID, TIMESTAMP, Column, Table

FINDING_COLUMNS = {
    "doc_id": DOC_ID,
    "kind": Column(pa.string(), "what it is: one of the kinds of findings, such as email or bank_card"),
    "start": Column(pa.int32(), "first code point of the finding in text", unit="code points", low=0),
    "end": Column(pa.int32(), "one past the last code point", unit="code points", low=0),
    "score": Column(pa.float64(), "confidence", unit="ratio", low=0, high=1),
    "detector": Column(pa.string(), "what found it"),
    "version": Column(pa.string(), "version of the detector"),
}

Spans = Table(
    "spans",
    ("doc_id", "start", "end", "kind"),
    FINDING_COLUMNS,
    "Personal data, secrets, attacks and harm found in a document.",
)

HiddenSpans = Table(
    "hidden_spans",
    ("doc_id", "start", "end", "kind"),
    FINDING_COLUMNS,
    "Text of a document that its web page hides from readers.",
    optional=True,
)

TriggerSpans = Table(
    "trigger_spans",
    ("doc_id", "start", "end", "kind"),
    FINDING_COLUMNS,
    "Places of n-grams that recur on unrelated hosts with the same continuation.",
    optional=True,
)

Cuts = Table(
    "cuts",
    ("doc_id", "start", "end", "reason"),
    {
        "doc_id": DOC_ID,
        "start": Column(pa.int32(), "first code point that goes", unit="code points", low=0),
        "end": Column(
            pa.int32(),
            "one past the last; for whole lines that is where the next line begins",
            unit="code points",
            low=0,
        ),
        "lines": Column(
            pa.int32(),
            "whole lines it takes out (count); 0 for a part of a line, such as a citation mark",
            unit="count",
            low=0,
        ),
        "reason": Column(pa.string(), "the rule, such as too_few_words, policy or repeated_line"),
    },
    "Spans of a kept document that line cleaning removes when the text is written.",
    optional=True,
)

Redacted = Table(
    "redacted",
    ("doc_id",),
    {
        "doc_id": DOC_ID,
        "text": Column(pa.string(), "text with personal data replaced"),
        "redactions": Column(pa.int32(), "spans replaced (count)", unit="count", low=0),
        "lines_removed": Column(pa.int32(), "whole lines cut out (count)", unit="count", low=0),
    },
    "Text of the kept documents after line cleaning and redaction.",
)

Curated = Table(
    "curated",
    ("doc_id",),
    {
        "doc_id": DOC_ID,
        "source": Column(pa.string(), "name of the corpus"),
        "url": Column(pa.string(), "target URI", nullable=True),
        "host": Column(pa.string(), "host of the url in small letters and ASCII", nullable=True),
        "fetched_at": Column(TIMESTAMP, "when the crawl fetched it", nullable=True),
        "record_uri": Column(pa.string(), "file@offset+length inside the input"),
        "record_digest": Column(pa.string(), "xxh3-128 of the payload"),
        "text": Column(pa.string(), "redacted text"),
        "text_hash": Column(pa.string(), "xxh3-128 of the text before redaction"),
        "chars": Column(pa.int32(), "length of the redacted text in code points", unit="code points", low=0),
        "extractor": Column(pa.string(), "what made the text"),
        "encoding": Column(pa.string(), "encoding of the bytes"),
        "domain": Column(pa.string(), "domain of the mixture"),
        "language": Column(pa.string(), "ISO 639 code"),
        "quality": Column(pa.float64(), "the signal that the policy names as quality"),
        "tokens": Column(
            pa.int32(),
            "words and punctuation marks (the count a tokenizer gives is in the token store)",
            unit="count",
            low=0,
        ),
        "redactions": Column(pa.int32(), "personal data spans replaced (count)", unit="count", low=0),
    },
    "A kept document, redacted: what training data is made of.",
)
