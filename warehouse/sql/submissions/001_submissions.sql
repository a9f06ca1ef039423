-- Checkpoints that people and scripts handed in for evaluation.
CREATE TABLE submissions (
    id TEXT PRIMARY KEY,
    checkpoint TEXT NOT NULL,      -- folder, absolute
    suites TEXT NOT NULL,          -- JSON list of suite names
    label TEXT NOT NULL,
    submitted_by TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('queued', 'running', 'succeeded', 'failed')),
    created_at TEXT NOT NULL,      -- ISO 8601, UTC
    updated_at TEXT NOT NULL,
    flow_run TEXT,                 -- id of the Prefect flow run
    error TEXT
) STRICT;

CREATE INDEX submissions_newest ON submissions (created_at DESC);
