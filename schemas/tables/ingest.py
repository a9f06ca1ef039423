"""Crawl records, the text extracted from them, and what gave no text."""

import pyarrow as pa

from gristmill.core.table import DOC_ID, TIMESTAMP, Table, columns

Records = Table(
    "records",
    ("record_uri",),
    columns(
        doc_id=DOC_ID,
        source=(pa.string(), "name of the corpus the record belongs to"),
        url=(pa.string(), "target URI as the crawl wrote it?"),
        host=(pa.string(), "host of the url in small letters and ASCII, without a dot at the end?"),
        fetched_at=(TIMESTAMP, "when the crawl fetched it?"),
        date_text=(pa.string(), "its date as the input states it, where that is in no known form?"),
        native_id=(pa.string(), "what the input calls it: WARC-Record-ID, or the value of the id column?"),
        record_uri=(pa.string(), "file@offset+length inside the input, bytes of the stored (compressed) member"),
        record_digest=(pa.string(), "xxh3-128 of the payload"),
        record_type=(pa.string(), "response, resource or conversion; row for JSONL and Parquet input"),
        status=(pa.int16(), "HTTP status?"),
        content_type=(pa.string(), "media type, lower case, without parameters; empty when not stated"),
        charset=(pa.string(), "charset the header states?"),
        truncated=(pa.string(), "why the crawler stored only the beginning of the body (WARC-Truncated)?"),
        payload=(pa.large_binary(), "body after transfer and content decoding; UTF-8 text for row input"),
    ),
    "A crawl record that may hold a page, as ingested, before extraction.",
)

Documents = Table(
    "documents",
    ("doc_id",),
    columns(
        doc_id=DOC_ID,
        source=(pa.string(), "name of the corpus"),
        url=(pa.string(), "target URI?"),
        host=(pa.string(), "host of the url in small letters and ASCII?"),
        fetched_at=(TIMESTAMP, "when the crawl fetched it?"),
        record_uri=(pa.string(), "file@offset+length inside the input"),
        record_digest=(pa.string(), "xxh3-128 of the payload"),
        text=(pa.string(), "extracted main content, Unicode NFC, line feeds"),
        text_hash=(pa.string(), "xxh3-128 of text"),
        chars=(pa.int32(), "length of text in code points"),
        extractor=(
            pa.string(),
            "what made the text: resiliparse, trafilatura (-after-empty, -timeout, -failed), plain, row",
        ),
        encoding=(pa.string(), "encoding the bytes were decoded from"),
    ),
    "A crawl record that gave text.",
)

SetAside = Table(
    "set_aside",
    ("record_uri", "stage", "reason"),
    columns(
        doc_id=(pa.string(), "when the record could be identified?"),
        source=(pa.string(), "name of the corpus"),
        url=(pa.string(), "target URI?"),
        record_uri=(pa.string(), "file@offset+length inside the input"),
        stage=(pa.string(), "ingest or extract"),
        kind=(
            pa.string(),
            "record: a response, resource, conversion record or row; damage: bytes that are no record; "
            "file: an input file of which nothing was read",
        ),
        reason=(pa.string(), "short code, such as empty_body, not_text, http_error, truncated"),
        detail=(pa.string(), "what was found, for a person"),
    ),
    "A record that gave no text, a damaged stretch of an input, or a file that was not read. Nothing disappears.",
)
