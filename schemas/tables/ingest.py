"""Crawl records, the text extracted from them, and the records that gave none."""

import pyarrow as pa

from gristmill.core.table import DOC_ID, TIMESTAMP, Column, Table

Records = Table(
    "records",
    ("record_uri",),
    {
        "doc_id": DOC_ID,
        "source": Column(pa.string(), "name of the corpus the record belongs to"),
        "url": Column(pa.string(), "target URI as the crawl wrote it", nullable=True),
        "host": Column(
            pa.string(), "host of the url in small letters and ASCII, without a dot at the end", nullable=True
        ),
        "fetched_at": Column(TIMESTAMP, "when the crawl fetched it", nullable=True),
        "date_text": Column(
            pa.string(), "its date as the input states it, where that is in no known form", nullable=True
        ),
        "native_id": Column(
            pa.string(), "what the input calls it: WARC-Record-ID, or the value of the id column", nullable=True
        ),
        "record_uri": Column(
            pa.string(), "file@offset+length inside the input, bytes of the stored (compressed) member"
        ),
        "record_digest": Column(pa.string(), "xxh3-128 of the payload"),
        "record_type": Column(pa.string(), "response, resource or conversion; row for JSONL and Parquet input"),
        "status": Column(pa.int16(), "HTTP status", nullable=True),
        "content_type": Column(pa.string(), "media type, lower case, without parameters; empty when not stated"),
        "charset": Column(pa.string(), "charset the header states", nullable=True),
        "truncated": Column(
            pa.string(), "why the crawler stored only the beginning of the body (WARC-Truncated)", nullable=True
        ),
        "use_headers": Column(
            pa.string(),
            "header lines that say what the content may be used for (X-Robots-Tag, Content-Usage, TDM-Reservation "
            "...), as they were sent, one a line",
            nullable=True,
        ),
        "payload": Column(pa.large_binary(), "body after transfer and content decoding; UTF-8 text for row input"),
    },
    "A crawl record that may hold a page, as ingested, before extraction.",
)

Documents = Table(
    "documents",
    ("doc_id",),
    {
        "doc_id": DOC_ID,
        "source": Column(pa.string(), "name of the corpus"),
        "url": Column(pa.string(), "target URI", nullable=True),
        "host": Column(pa.string(), "host of the url in small letters and ASCII", nullable=True),
        "fetched_at": Column(TIMESTAMP, "when the crawl fetched it", nullable=True),
        "record_uri": Column(pa.string(), "file@offset+length inside the input"),
        "record_digest": Column(pa.string(), "xxh3-128 of the payload"),
        "text": Column(pa.string(), "extracted main content, Unicode NFC, line feeds"),
        "text_hash": Column(pa.string(), "xxh3-128 of text"),
        "chars": Column(pa.int32(), "length of text in code points", unit="code points", low=1),
        "extractor": Column(
            pa.string(), "what made the text: resiliparse, trafilatura (-after-empty, -timeout, -failed), plain, row"
        ),
        "encoding": Column(pa.string(), "encoding the bytes were decoded from"),
    },
    "A crawl record that gave text.",
)

SetAside = Table(
    "set_aside",
    ("record_uri", "stage", "reason"),
    {
        "doc_id": Column(pa.string(), "when the record could be identified", nullable=True),
        "source": Column(pa.string(), "name of the corpus"),
        "url": Column(pa.string(), "target URI", nullable=True),
        "record_uri": Column(pa.string(), "file@offset+length inside the input"),
        "stage": Column(pa.string(), "ingest or extract"),
        "kind": Column(
            pa.string(),
            "record: a response, resource, conversion record or row; damage: bytes that are no record; "
            "file: an input file of which nothing was read",
        ),
        "reason": Column(pa.string(), "short code, such as empty_body, not_text, http_error, truncated"),
        "detail": Column(pa.string(), "what was found, for a person"),
    },
    "A record that gave no text, a damaged byte range of an input, or a file that was not read. Nothing disappears.",
)
