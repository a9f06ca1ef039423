-- The last run of every flow.
CREATE VIEW latest_runs AS
SELECT * EXCLUDE (place), date_diff('millisecond', started_at, finished_at) / 1000.0 AS seconds
FROM (SELECT *, row_number() OVER (PARTITION BY flow ORDER BY started_at DESC, run_id) AS place FROM flow_runs)
WHERE place = 1
ORDER BY started_at DESC;

-- Every gate and source: stopped (a critical expectation failed), warned, or passed.
CREATE VIEW gate_status AS
SELECT
    gate, source,
    CASE
        WHEN count(*) FILTER (NOT ok AND severity = 'critical') > 0 THEN 'stopped'
        WHEN count(*) FILTER (NOT ok) > 0 THEN 'warned'
        ELSE 'passed'
    END AS status,
    count(*) AS expectations,
    count(*) FILTER (NOT ok) AS failed,
    max(checked_rows) AS checked_rows
FROM gate_results
GROUP BY gate, source
ORDER BY gate, source;

-- What the policy demands of each signal, as far as a document failed it.
CREATE TABLE thresholds AS
SELECT source, stage, rank, rule, signal, threshold, count(*) AS documents
FROM verdicts
WHERE NOT kept AND signal IS NOT NULL AND stage = 'decide'
GROUP BY ALL;

-- What every step cost: seconds of wall and processor time, peak memory of a process, rows.
CREATE VIEW step_totals AS
SELECT step, count(*) AS shards, sum(seconds) AS seconds, sum(cpu_seconds) AS cpu_seconds,
    max(peak_rss_bytes) AS peak_rss_bytes, sum(rows_in)::BIGINT AS rows_in,
    sum(rows_out)::BIGINT AS rows_out
FROM step_costs
GROUP BY step
ORDER BY seconds DESC;
