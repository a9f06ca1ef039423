"""What a page is and where it comes from: its domain, its URL, a classifier's view, benchmark items in it."""

import pyarrow as pa

from gristmill.core.table import DOC_ID, Table, columns

SignalsDomain = Table(
    "signals/domain",
    ("doc_id",),
    columns(
        doc_id=DOC_ID,
        domain=(pa.string(), "documentation, code, mathematics or prose"),
        code_line_ratio=(pa.float64(), "lines that look like source code"),
        math_token_ratio=(pa.float64(), "words and symbols of mathematics over words; may exceed 1"),
        reference_line_ratio=(pa.float64(), "lines that look like reference documentation (signatures, parameters)"),
    ),
    "Which domain of the mixture a document belongs to.",
)

SignalsUrl = Table(
    "signals/url",
    ("doc_id",),
    columns(
        doc_id=DOC_ID,
        domain_listed=(pa.bool_(), "a domain above the host is on the blocklist?"),
        host_listed=(pa.bool_(), "the host itself is on the blocklist?"),
        url_listed=(pa.bool_(), "the whole URL, or its address without scheme, is on the blocklist?"),
        expression_listed=(pa.bool_(), "a regular expression of the blocklist is found in the URL?"),
        category=(pa.string(), "first category of the blocklist, by name, that holds it; empty for none?"),
        hard_words=(pa.int32(), "distinct words of the URL that no good page has (count)?"),
        soft_words=(pa.int32(), "distinct words of the URL that are suspect together (count)?"),
        banned_subword=(pa.bool_(), "the letters and digits of the URL hold a listed piece?"),
    ),
    "What the URL says; null where a document has none.",
    optional=True,
)

SignalsClassifier = Table(
    "signals/classifier",
    ("doc_id",),
    columns(
        doc_id=DOC_ID,
        quality_score=(pa.float64(), "probability that the trained classifier gives to its positive label"),
    ),
    "Quality of a document by a trained fastText classifier.",
    optional=True,
)

SignalsContamination = Table(
    "signals/contamination",
    ("doc_id",),
    columns(
        doc_id=DOC_ID,
        items=(pa.int32(), "items of the given benchmarks whose input stands in the text (count)"),
        answers=(pa.int32(), "those whose answer stands there too (count)"),
        score=(pa.float64(), "highest score of an item; 0 when there is none"),
    ),
    "Evaluation items found in a document, for a policy that drops such documents.",
    optional=True,
)
