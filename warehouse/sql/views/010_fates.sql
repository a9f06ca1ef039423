-- One row per record: what became of it, and the first rule that decided so. Materialised, since every page asks it.
-- A record is one (doc_id, shard); set-aside records may have no doc_id. Damage is a range of bytes, not a
-- record; not_read is a whole input file.
CREATE TABLE fates AS
WITH failed AS (
    SELECT
        doc_id, shard, stage, rule, signal, value, value_text, threshold,
        count(*) OVER (PARTITION BY doc_id, shard) AS failed_rules,
        row_number() OVER (
            PARTITION BY doc_id, shard ORDER BY stage_position(stage), rank, rule
        ) AS place
    FROM verdicts
    WHERE NOT kept
),
passed AS (
    SELECT DISTINCT doc_id, shard FROM verdicts WHERE kept
)
SELECT
    document.doc_id, document.shard, document.source, document.url, document.host, document.record_uri,
    document.fetched_at, document.chars,
    CASE
        WHEN failed.stage = 'deduplicate' THEN 'duplicate'
        WHEN failed.stage IS NOT NULL THEN 'rejected'
        WHEN passed.doc_id IS NOT NULL THEN 'kept'
        ELSE 'undecided'
    END AS fate,
    failed.stage, failed.rule, failed.signal, failed.value, failed.value_text, failed.threshold,
    coalesce(failed.failed_rules, 0) AS failed_rules,
    cluster.cluster_id,
    NULL::VARCHAR AS detail
FROM documents AS document
LEFT JOIN failed ON failed.doc_id = document.doc_id AND failed.shard = document.shard AND failed.place = 1
LEFT JOIN passed ON passed.doc_id = document.doc_id AND passed.shard = document.shard
LEFT JOIN clusters AS cluster
    ON cluster.doc_id = document.doc_id AND cluster.record_uri = document.record_uri
UNION ALL
SELECT
    doc_id, shard, source, url, regexp_extract(lower(url), '^[a-z][a-z0-9+.-]*://(?:[^/?#@]*@)?([^/?#:]+)', 1) AS host,
    record_uri, NULL, NULL,
    CASE kind WHEN 'record' THEN 'set_aside' WHEN 'file' THEN 'not_read' ELSE 'damage' END AS fate,
    stage, reason AS rule, NULL, NULL, NULL, NULL, 0, NULL, detail
FROM set_aside;
