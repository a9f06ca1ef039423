"""Duplicates: exact, repeated lines, and near-duplicates from MinHash bands to clusters."""

import pyarrow as pa

from gristmill.core.table import DOC_ID, Column, Table

Bands = Table(
    "bands",
    ("doc_id", "band"),
    {
        "doc_id": DOC_ID,
        "band": Column(pa.int16(), "band number, from 0", low=0),
        "bucket": Column(pa.uint64(), "hash of the band's signature rows"),
    },
    "MinHash bands of the documents that the policy kept.",
)

Copies = Table(
    "copies",
    ("doc_id", "record_uri"),
    {
        "doc_id": DOC_ID,
        "record_uri": Column(pa.string(), "tells two records of one doc_id apart"),
        "rule": Column(pa.string(), "same_record, url or exact: what it repeats; none for a text that others repeat"),
        "speaker": Column(pa.string(), "doc_id of the text that stands for it from here on"),
        "text_digest": Column(
            pa.string(),
            "BLAKE2b-128 of the text, proof against collisions of text_hash; rule exact and none",
            nullable=True,
        ),
    },
    "Kept records that repeat the identity, the URL or the text of another, and the texts they repeat.",
)

Lines = Table(
    "lines",
    ("doc_id", "start"),
    {
        "doc_id": DOC_ID,
        "start": Column(pa.int32(), "first code point of the line or paragraph in text", unit="code points", low=0),
        "end": Column(pa.int32(), "where the next line begins", unit="code points", low=0),
        "lines": Column(pa.int32(), "lines it consists of (count)", unit="count", low=0),
        "high": Column(pa.uint64(), "first half of BLAKE2b-128 of it, without white space at its ends"),
        "low": Column(pa.uint64(), "second half"),
    },
    "Every line or paragraph that is long enough to count as repeated.",
)

Candidates = Table(
    "candidates",
    ("doc_id", "other"),
    {
        "doc_id": DOC_ID,
        "other": Column(pa.string(), "the other document, doc_id < other"),
        "bands": Column(
            pa.int16(), "bands in which the two collided, of those that the run looked at (count)", unit="count", low=1
        ),
    },
    "Pairs of documents that share a bucket, from some of the bands: what one machine passes on to be measured.",
)

Pairs = Table(
    "pairs",
    ("doc_id", "other"),
    {
        "doc_id": DOC_ID,
        "other": Column(pa.string(), "the other document, doc_id < other"),
        "bands": Column(pa.int16(), "bands in which the two collided (count)", unit="count", low=1),
        "jaccard": Column(pa.float64(), "exact Jaccard similarity of their shingle sets", unit="ratio", low=0, high=1),
        "verified": Column(pa.bool_(), "jaccard reaches the threshold"),
    },
    "Near-duplicate candidates with the evidence; clusters form over verified pairs only.",
)

Clusters = Table(
    "clusters",
    ("doc_id", "record_uri"),
    {
        "doc_id": DOC_ID,
        "record_uri": Column(pa.string(), "tells two records of one doc_id apart"),
        "cluster_id": Column(pa.string(), "doc_id of the representative"),
        "representative": Column(pa.bool_(), "true for the one document that stays"),
        "reason": Column(pa.string(), "same_record, url, exact or near: why it is not the representative; kept for it"),
        "similarity": Column(
            pa.float64(),
            "highest verified Jaccard in the cluster, perhaps of two others; 1 for other rules",
            unit="ratio",
            low=0,
            high=1,
        ),
    },
    "Members of every duplicate cluster of two or more.",
)
