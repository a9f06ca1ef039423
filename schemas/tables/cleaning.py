"""What is cut out of a kept text or replaced in it, and the curated documents that are left."""

import pyarrow as pa

from gristmill.core.table import DOC_ID, TIMESTAMP, Table, columns

Spans = Table(
    "spans",
    ("doc_id", "start", "end", "kind"),
    columns(
        doc_id=DOC_ID,
        kind=(pa.string(), "email or ip_address"),
        start=(pa.int32(), "first code point of the finding in text"),
        end=(pa.int32(), "one past the last code point"),
        score=(pa.float64(), "confidence"),
        detector=(pa.string(), "what found it"),
    ),
    "Personal data found in a document.",
)

Cuts = Table(
    "cuts",
    ("doc_id", "start", "end", "reason"),
    columns(
        doc_id=DOC_ID,
        start=(pa.int32(), "first code point that goes"),
        end=(pa.int32(), "one past the last; for whole lines that is where the next line begins"),
        lines=(pa.int32(), "whole lines it takes out (count); 0 for a part of a line, such as a citation mark"),
        reason=(pa.string(), "the rule, such as too_few_words, policy or repeated_line"),
    ),
    "Stretches of a kept document that line cleaning takes out of its text, late.",
    optional=True,
)

Redacted = Table(
    "redacted",
    ("doc_id",),
    columns(
        doc_id=DOC_ID,
        text=(pa.string(), "text with personal data replaced"),
        redactions=(pa.int32(), "spans replaced (count)"),
        lines_removed=(pa.int32(), "whole lines cut out (count)"),
    ),
    "Text of the kept documents after line cleaning and redaction.",
)

Curated = Table(
    "curated",
    ("doc_id",),
    columns(
        doc_id=DOC_ID,
        source=(pa.string(), "name of the corpus"),
        url=(pa.string(), "target URI?"),
        host=(pa.string(), "host of the url in small letters and ASCII?"),
        fetched_at=(TIMESTAMP, "when the crawl fetched it?"),
        record_uri=(pa.string(), "file@offset+length inside the input"),
        record_digest=(pa.string(), "xxh3-128 of the payload"),
        text=(pa.string(), "redacted text"),
        text_hash=(pa.string(), "xxh3-128 of the text before redaction"),
        chars=(pa.int32(), "length of the redacted text in code points"),
        extractor=(pa.string(), "what made the text"),
        encoding=(pa.string(), "encoding of the bytes"),
        domain=(pa.string(), "domain of the mixture"),
        language=(pa.string(), "ISO 639 code"),
        quality=(pa.float64(), "the signal that the policy names as quality"),
        tokens=(pa.int32(), "words and punctuation marks (the count a tokenizer gives is in the token store)"),
        redactions=(pa.int32(), "personal data spans replaced (count)"),
    ),
    "A kept document, redacted: what training data is made of.",
)
