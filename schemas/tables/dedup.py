"""Duplicates: exact, repeated lines, and near-duplicates from MinHash bands to clusters."""

import pyarrow as pa

from gristmill.core.table import DOC_ID, Table, columns

Bands = Table(
    "bands",
    ("doc_id", "band"),
    columns(
        doc_id=DOC_ID,
        band=(pa.int16(), "band number, from 0"),
        bucket=(pa.uint64(), "hash of the band's signature rows"),
    ),
    "MinHash bands of the documents that policy kept.",
)

Copies = Table(
    "copies",
    ("doc_id", "record_uri"),
    columns(
        doc_id=DOC_ID,
        record_uri=(pa.string(), "tells two records of one doc_id apart"),
        rule=(pa.string(), "same_record, url or exact: what it repeats; none for a text that others repeat"),
        speaker=(pa.string(), "doc_id of the text that stands for it from here on"),
        text_digest=(
            pa.string(),
            "BLAKE2b-128 of the text, proof against collisions of text_hash; rule exact and none?",
        ),
    ),
    "Kept records that repeat the identity, the URL or the text of another, and the texts they repeat.",
)

Lines = Table(
    "lines",
    ("doc_id", "start"),
    columns(
        doc_id=DOC_ID,
        start=(pa.int32(), "first code point of the line or paragraph in text"),
        end=(pa.int32(), "where the next line begins"),
        lines=(pa.int32(), "lines it consists of (count)"),
        high=(pa.uint64(), "first half of BLAKE2b-128 of it, without white space at its ends"),
        low=(pa.uint64(), "second half"),
    ),
    "Every line or paragraph that is long enough to count as repeated.",
)

Candidates = Table(
    "candidates",
    ("doc_id", "other"),
    columns(
        doc_id=DOC_ID,
        other=(pa.string(), "the other document, doc_id < other"),
        bands=(pa.int16(), "bands in which the two collided, of those that the run looked at (count)"),
    ),
    "Pairs of documents that share a bucket, from a part of the bands: what one machine hands on to be measured.",
)

Pairs = Table(
    "pairs",
    ("doc_id", "other"),
    columns(
        doc_id=DOC_ID,
        other=(pa.string(), "the other document, doc_id < other"),
        bands=(pa.int16(), "bands in which the two collided (count)"),
        jaccard=(pa.float64(), "exact Jaccard similarity of their shingle sets"),
        verified=(pa.bool_(), "jaccard reaches the threshold"),
    ),
    "Near-duplicate candidates with the evidence; clusters form over verified pairs only.",
)

Clusters = Table(
    "clusters",
    ("doc_id", "record_uri"),
    columns(
        doc_id=DOC_ID,
        record_uri=(pa.string(), "tells two records of one doc_id apart"),
        cluster_id=(pa.string(), "doc_id of the representative"),
        representative=(pa.bool_(), "true for the one document that stays"),
        reason=(pa.string(), "same_record, url, exact or near: why it is not the representative; kept for it"),
        similarity=(pa.float64(), "highest verified Jaccard in the cluster, perhaps of two others; 1 for other rules"),
    ),
    "Members of every duplicate cluster of two or more.",
)
