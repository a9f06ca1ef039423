-- Where the rows came from, what the flows did, and what this file is.

CREATE TABLE build (
    version VARCHAR NOT NULL,
    digest VARCHAR NOT NULL,
    built_at TIMESTAMP WITH TIME ZONE NOT NULL,
    gristmill VARCHAR NOT NULL
);

CREATE TABLE datasets (
    kind VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    key VARCHAR NOT NULL,
    config JSON NOT NULL,
    counts JSON NOT NULL
);

CREATE TABLE dataset_files (
    kind VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    table_name VARCHAR NOT NULL,
    shard VARCHAR NOT NULL,
    file VARCHAR NOT NULL,
    rows BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    digest VARCHAR NOT NULL
);

CREATE TABLE flow_runs (
    run_id VARCHAR NOT NULL,
    flow VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    status VARCHAR NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE,
    error VARCHAR,
    counts JSON NOT NULL
);

CREATE TABLE step_costs (
    step VARCHAR NOT NULL,
    shard VARCHAR NOT NULL,
    key VARCHAR NOT NULL,
    seconds DOUBLE NOT NULL,
    cpu_seconds DOUBLE NOT NULL,
    peak_rss_bytes BIGINT NOT NULL,
    rows_in BIGINT NOT NULL,
    rows_out BIGINT NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE NOT NULL
);
