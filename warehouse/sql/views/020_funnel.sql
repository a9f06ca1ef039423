-- Law 1 in numbers: for every stage and source records_in = kept + rejected. Each column is counted where it is
-- written (documents, set_aside, verdicts, curated), so that a record that went missing shows as a difference.
CREATE TABLE funnel_stages AS
WITH aside AS (
    SELECT
        source,
        count(*) FILTER (stage = 'ingest' AND kind = 'record') AS ingest,
        count(*) FILTER (stage = 'extract' AND kind = 'record') AS extract,
        count(*) FILTER (kind = 'damage') AS damage,
        count(*) FILTER (kind = 'file') AS not_read
    FROM set_aside
    GROUP BY source
),
document AS (
    SELECT source, count(*) AS records FROM documents GROUP BY source
),
verdict AS (
    SELECT
        source,
        count(*) FILTER (stage = 'decide' AND kept) AS decide_kept,
        count(*) FILTER (stage = 'deduplicate' AND kept) AS deduplicate_kept,
        count(*) FILTER (stage = 'clean' AND kept) AS clean_kept,
        count(*) FILTER (stage = 'review' AND kept) AS review_kept
    FROM verdicts
    GROUP BY source
),
failed AS (
    SELECT
        source,
        count(*) FILTER (stage = 'decide') AS decide,
        count(*) FILTER (stage = 'deduplicate') AS deduplicate,
        count(*) FILTER (stage = 'clean') AS clean,
        count(*) FILTER (stage = 'review') AS review
    FROM (SELECT DISTINCT source, stage, doc_id, shard FROM verdicts WHERE NOT kept)
    GROUP BY source
),
done AS (
    SELECT source, count(*) AS records FROM curated GROUP BY source
),
counts AS (
    SELECT
        source,
        coalesce(document.records, 0) AS documents,
        coalesce(aside.ingest, 0) AS aside_ingest,
        coalesce(aside.extract, 0) AS aside_extract,
        coalesce(aside.damage, 0) AS damage,
        coalesce(aside.not_read, 0) AS not_read,
        coalesce(verdict.decide_kept, 0) AS decide_kept,
        coalesce(failed.decide, 0) AS decide_failed,
        coalesce(verdict.deduplicate_kept, 0) AS deduplicate_kept,
        coalesce(failed.deduplicate, 0) AS deduplicate_failed,
        coalesce(verdict.clean_kept, 0) AS clean_kept,
        coalesce(failed.clean, 0) AS clean_failed,
        coalesce(verdict.review_kept, 0) AS review_kept,
        coalesce(failed.review, 0) AS review_failed,
        coalesce(done.records, 0) AS curated
    FROM document
    FULL JOIN aside USING (source)
    FULL JOIN verdict USING (source)
    FULL JOIN failed USING (source)
    FULL JOIN done USING (source)
)
SELECT source, stage_position(stage) AS position, stage, records_in, kept, rejected, damage, not_read
FROM (
    SELECT source, 'ingest' AS stage, documents + aside_extract + aside_ingest AS records_in,
        documents + aside_extract AS kept, aside_ingest AS rejected, damage, not_read FROM counts
    UNION ALL
    SELECT source, 'extract', documents + aside_extract, documents, aside_extract, 0, 0 FROM counts
    UNION ALL
    SELECT source, 'decide', documents, decide_kept, decide_failed, 0, 0 FROM counts
    UNION ALL
    SELECT source, 'deduplicate', decide_kept, deduplicate_kept, deduplicate_failed, 0, 0 FROM counts
    UNION ALL
    SELECT source, 'clean', deduplicate_kept, clean_kept, clean_failed, 0, 0 FROM counts
    UNION ALL
    SELECT source, 'review', clean_kept, review_kept, review_failed, 0, 0 FROM counts
    UNION ALL
    SELECT source, 'curate', review_kept, curated, 0, 0, 0 FROM counts
);

-- What each rule and each reason removed. "first" counts a record under the first rule of the policy that it failed,
-- so that the column adds up; "any" counts it under every rule that it failed.
CREATE TABLE funnel_rules AS
SELECT
    source,
    stage_position(stage) AS position,
    stage, 0 AS rank, reason AS rule, NULL::VARCHAR AS signal, NULL::VARCHAR AS threshold,
    count(*) AS rejected_first, count(*) AS rejected_any
FROM set_aside
WHERE kind = 'record'
GROUP BY source, stage, reason
UNION ALL
SELECT
    source,
    stage_position(stage),
    stage, min(rank), rule, min(signal),
    CASE WHEN count(DISTINCT threshold) <= 3 THEN string_agg(DISTINCT threshold, ', ' ORDER BY threshold) END,
    count(*) FILTER (place = 1), count(*)
FROM (
    SELECT *, row_number() OVER (PARTITION BY doc_id, shard, stage ORDER BY rank, rule) AS place
    FROM verdicts
    WHERE NOT kept
)
GROUP BY source, stage, rule;

-- The two together, one row per source, stage and rule; the row without a rule is the stage's total.
CREATE VIEW funnel AS
SELECT source, position, stage, NULL AS rule, NULL AS threshold, records_in, kept, rejected,
    records_in = kept + rejected AS adds_up
FROM funnel_stages
UNION ALL
SELECT source, position, stage, rule, threshold, NULL, NULL, rejected_first, NULL
FROM funnel_rules
ORDER BY source, position, rule NULLS FIRST;

-- What the safety rules removed, by domain: documents by the first rule of stage "review" that they failed.
CREATE TABLE funnel_domains AS
SELECT source, rule, coalesce(domain, 'unknown') AS domain, count(*) AS rejected_first
FROM (
    SELECT *, row_number() OVER (PARTITION BY doc_id, shard ORDER BY rank, rule) AS place
    FROM verdicts
    WHERE NOT kept AND stage = 'review'
) AS failed
LEFT JOIN (SELECT doc_id, shard, any_value(domain) AS domain FROM signals_domain GROUP BY doc_id, shard) AS known
    USING (doc_id, shard)
WHERE place = 1
GROUP BY source, rule, domain;

-- What redaction replaced in the documents that stay, by kind of finding and domain.
CREATE TABLE funnel_redactions AS
SELECT curated.source, redactions.kind, curated.domain, count(*) AS spans,
    count(DISTINCT redactions.doc_id) AS documents
FROM redactions
JOIN curated USING (doc_id)
GROUP BY curated.source, redactions.kind, curated.domain;
