-- Every table of the lake that the warehouse holds, typed as schemas/tables.py types it (a test compares each column).
-- Text stays in the Parquet files: documents and curated name the file instead. Records, bands and redacted text are
-- not loaded. "shard" is the folder of the file a row came from; signals and the verdicts of "decide" carry the shard
-- of their document.

CREATE TABLE documents (
    doc_id VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    url VARCHAR,
    host VARCHAR,
    fetched_at TIMESTAMP WITH TIME ZONE,
    record_uri VARCHAR NOT NULL,
    record_digest VARCHAR NOT NULL,
    text_hash VARCHAR NOT NULL,
    chars INTEGER NOT NULL,
    extractor VARCHAR NOT NULL,
    encoding VARCHAR NOT NULL,
    shard VARCHAR NOT NULL,
    file VARCHAR NOT NULL
);

CREATE TABLE set_aside (
    doc_id VARCHAR,
    source VARCHAR NOT NULL,
    url VARCHAR,
    record_uri VARCHAR NOT NULL,
    stage VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    reason VARCHAR NOT NULL,
    detail VARCHAR NOT NULL,
    shard VARCHAR NOT NULL
);

CREATE TABLE signals_language (
    doc_id VARCHAR NOT NULL,
    language VARCHAR NOT NULL,
    language_score DOUBLE NOT NULL,
    language_second VARCHAR NOT NULL,
    language_second_score DOUBLE NOT NULL,
    shard VARCHAR NOT NULL
);

CREATE TABLE signals_gopher_quality (
    doc_id VARCHAR NOT NULL,
    words INTEGER NOT NULL,
    mean_word_length DOUBLE NOT NULL,
    hash_word_ratio DOUBLE NOT NULL,
    ellipsis_word_ratio DOUBLE NOT NULL,
    bullet_line_ratio DOUBLE NOT NULL,
    ellipsis_line_ratio DOUBLE NOT NULL,
    alpha_word_ratio DOUBLE NOT NULL,
    stop_words INTEGER NOT NULL,
    shard VARCHAR NOT NULL
);

CREATE TABLE signals_gopher_repetition (
    doc_id VARCHAR NOT NULL,
    dup_line_ratio DOUBLE NOT NULL,
    dup_paragraph_ratio DOUBLE NOT NULL,
    dup_line_char_ratio DOUBLE NOT NULL,
    dup_paragraph_char_ratio DOUBLE NOT NULL,
    top_2_gram_ratio DOUBLE NOT NULL,
    top_3_gram_ratio DOUBLE NOT NULL,
    top_4_gram_ratio DOUBLE NOT NULL,
    dup_5_gram_ratio DOUBLE NOT NULL,
    dup_6_gram_ratio DOUBLE NOT NULL,
    dup_7_gram_ratio DOUBLE NOT NULL,
    dup_8_gram_ratio DOUBLE NOT NULL,
    dup_9_gram_ratio DOUBLE NOT NULL,
    dup_10_gram_ratio DOUBLE NOT NULL,
    shard VARCHAR NOT NULL
);

CREATE TABLE signals_c4 (
    doc_id VARCHAR NOT NULL,
    sentences INTEGER NOT NULL,
    lorem_ipsum BOOLEAN NOT NULL,
    curly_bracket BOOLEAN NOT NULL,
    javascript_lines INTEGER NOT NULL,
    policy_lines INTEGER NOT NULL,
    shard VARCHAR NOT NULL
);

CREATE TABLE signals_fineweb (
    doc_id VARCHAR NOT NULL,
    punct_line_ratio DOUBLE NOT NULL,
    short_line_ratio DOUBLE NOT NULL,
    dup_line_char_ratio DOUBLE NOT NULL,
    newline_word_ratio DOUBLE NOT NULL,
    shard VARCHAR NOT NULL
);

CREATE TABLE signals_domain (
    doc_id VARCHAR NOT NULL,
    domain VARCHAR NOT NULL,
    code_line_ratio DOUBLE NOT NULL,
    math_token_ratio DOUBLE NOT NULL,
    reference_line_ratio DOUBLE NOT NULL,
    shard VARCHAR NOT NULL
);

CREATE TABLE spans (
    doc_id VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    start INTEGER NOT NULL,
    "end" INTEGER NOT NULL,
    score DOUBLE NOT NULL,
    detector VARCHAR NOT NULL,
    shard VARCHAR NOT NULL
);

CREATE TABLE verdicts (
    doc_id VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    stage VARCHAR NOT NULL,
    kept BOOLEAN NOT NULL,
    rank SMALLINT NOT NULL,
    rule VARCHAR,
    signal VARCHAR,
    value DOUBLE,
    value_text VARCHAR,
    threshold VARCHAR,
    shard VARCHAR NOT NULL
);

CREATE TABLE pairs (
    doc_id VARCHAR NOT NULL,
    other VARCHAR NOT NULL,
    bands SMALLINT NOT NULL,
    jaccard DOUBLE NOT NULL,
    verified BOOLEAN NOT NULL,
    shard VARCHAR NOT NULL
);

CREATE TABLE clusters (
    doc_id VARCHAR NOT NULL,
    record_uri VARCHAR NOT NULL,
    cluster_id VARCHAR NOT NULL,
    representative BOOLEAN NOT NULL,
    reason VARCHAR NOT NULL,
    similarity DOUBLE NOT NULL,
    shard VARCHAR NOT NULL
);

CREATE TABLE curated (
    doc_id VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    url VARCHAR,
    host VARCHAR,
    fetched_at TIMESTAMP WITH TIME ZONE,
    record_uri VARCHAR NOT NULL,
    record_digest VARCHAR NOT NULL,
    text_hash VARCHAR NOT NULL,
    chars INTEGER NOT NULL,
    extractor VARCHAR NOT NULL,
    encoding VARCHAR NOT NULL,
    domain VARCHAR NOT NULL,
    language VARCHAR NOT NULL,
    quality DOUBLE NOT NULL,
    tokens INTEGER NOT NULL,
    redactions INTEGER NOT NULL,
    shard VARCHAR NOT NULL,
    file VARCHAR NOT NULL
);

CREATE TABLE gate_results (
    gate VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    expectation VARCHAR NOT NULL,
    "column" VARCHAR NOT NULL,
    severity VARCHAR NOT NULL,
    ok BOOLEAN NOT NULL,
    observed VARCHAR NOT NULL,
    checked_rows BIGINT NOT NULL,
    unexpected_rows BIGINT NOT NULL,
    shards VARCHAR[] NOT NULL,
    examples VARCHAR NOT NULL,
    shard VARCHAR NOT NULL
);

CREATE TABLE token_stats (
    domain VARCHAR NOT NULL,
    split VARCHAR NOT NULL,
    documents BIGINT NOT NULL,
    tokens BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    fingerprint VARCHAR NOT NULL,
    shard VARCHAR NOT NULL
);

CREATE TABLE mixtures (
    mixture VARCHAR NOT NULL,
    method VARCHAR NOT NULL,
    digest VARCHAR NOT NULL,
    stage SMALLINT NOT NULL,
    until_token BIGINT NOT NULL,
    domain VARCHAR NOT NULL,
    weight_raw DOUBLE NOT NULL,
    weight DOUBLE NOT NULL,
    realised DOUBLE NOT NULL,
    rows BIGINT NOT NULL,
    epochs DOUBLE NOT NULL,
    max_epochs DOUBLE NOT NULL,
    shard VARCHAR NOT NULL
);

CREATE TABLE mixture_trace (
    mixture VARCHAR NOT NULL,
    step INTEGER NOT NULL,
    domain VARCHAR NOT NULL,
    weight DOUBLE NOT NULL,
    excess_loss DOUBLE NOT NULL,
    shard VARCHAR NOT NULL
);

CREATE TABLE losses (
    run VARCHAR NOT NULL,
    step INTEGER NOT NULL,
    tokens BIGINT NOT NULL,
    loss DOUBLE NOT NULL,
    learning_rate DOUBLE NOT NULL,
    shard VARCHAR NOT NULL
);

CREATE TABLE runs (
    run VARCHAR NOT NULL,
    mixture VARCHAR NOT NULL,
    mixture_digest VARCHAR NOT NULL,
    recipe VARCHAR NOT NULL,
    launcher VARCHAR NOT NULL,
    parameters BIGINT NOT NULL,
    steps INTEGER NOT NULL,
    tokens BIGINT NOT NULL,
    status VARCHAR NOT NULL,
    shard VARCHAR NOT NULL
);

CREATE TABLE checkpoints (
    run VARCHAR NOT NULL,
    mixture VARCHAR NOT NULL,
    step INTEGER NOT NULL,
    tokens BIGINT NOT NULL,
    first_row BIGINT NOT NULL,
    end_row BIGINT NOT NULL,
    checkpoint VARCHAR NOT NULL,
    path VARCHAR NOT NULL,
    parameters BIGINT NOT NULL,
    shard VARCHAR NOT NULL
);

CREATE TABLE eval_runs (
    checkpoint VARCHAR NOT NULL,
    label VARCHAR NOT NULL,
    run VARCHAR NOT NULL,
    mixture VARCHAR NOT NULL,
    step INTEGER NOT NULL,
    tokens BIGINT NOT NULL,
    suite VARCHAR NOT NULL,
    suite_digest VARCHAR NOT NULL,
    area VARCHAR NOT NULL,
    items INTEGER NOT NULL,
    backend VARCHAR NOT NULL,
    jail_tier VARCHAR NOT NULL,
    shard VARCHAR NOT NULL
);

CREATE TABLE samples (
    checkpoint VARCHAR NOT NULL,
    suite VARCHAR NOT NULL,
    item VARCHAR NOT NULL,
    repeat SMALLINT NOT NULL,
    prompt VARCHAR NOT NULL,
    output VARCHAR NOT NULL,
    expected VARCHAR NOT NULL,
    verdict VARCHAR NOT NULL,
    value DOUBLE NOT NULL,
    weight DOUBLE NOT NULL,
    detail VARCHAR NOT NULL,
    shard VARCHAR NOT NULL
);

CREATE TABLE scores (
    checkpoint VARCHAR NOT NULL,
    suite VARCHAR NOT NULL,
    area VARCHAR NOT NULL,
    metric VARCHAR NOT NULL,
    subset VARCHAR NOT NULL,
    value DOUBLE NOT NULL,
    low DOUBLE NOT NULL,
    high DOUBLE NOT NULL,
    n INTEGER NOT NULL,
    chance DOUBLE,
    higher_is_better BOOLEAN NOT NULL,
    method VARCHAR NOT NULL,
    failures INTEGER NOT NULL,
    shard VARCHAR NOT NULL
);

