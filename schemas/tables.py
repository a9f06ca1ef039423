"""The Arrow schema of every table in the lake: the contract between steps, gates, warehouse and dashboards.

A table is Parquet, zstd, sorted by ``key``. ``doc_id`` is 32 hexadecimal digits (xxh3-128 of the source name, the
record's native identity and its payload); it never depends on a path or a position in a shard.
Ratios lie in [0, 1] unless their
description says otherwise.
"""

import pyarrow as pa

from gristmill.core.table import DOC_ID, TIMESTAMP, Table, columns
from gristmill.schemas.signals import SIGNALS

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

Spans = Table(
    "spans",
    ("doc_id", "start", "end", "kind"),
    columns(
        doc_id=DOC_ID,
        kind=(pa.string(), "email or ip_address"),
        start=(pa.int32(), "first code point of the finding in text"),
        end=(pa.int32(), "one past the last code point"),
        score=(pa.float64(), "confidence"),
        detector=(pa.string(), "what found it"),
    ),
    "Personal data found in a document.",
)

Cuts = Table(
    "cuts",
    ("doc_id", "start", "end", "reason"),
    columns(
        doc_id=DOC_ID,
        start=(pa.int32(), "first code point that goes"),
        end=(pa.int32(), "one past the last; for whole lines that is where the next line begins"),
        lines=(pa.int32(), "whole lines it takes out (count); 0 for a part of a line, such as a citation mark"),
        reason=(pa.string(), "the rule, such as too_few_words, policy or repeated_line"),
    ),
    "Stretches of a kept document that line cleaning takes out of its text, late.",
    optional=True,
)

Verdicts = Table(
    "verdicts",
    ("doc_id", "stage", "rank"),
    columns(
        doc_id=DOC_ID,
        source=(pa.string(), "name of the corpus"),
        stage=(pa.string(), "decide or deduplicate"),
        kept=(pa.bool_(), "true in the one row of a document that passed the stage"),
        rank=(pa.int16(), "position of the failed rule in the policy, from 1; 0 in the row of a kept document"),
        rule=(pa.string(), "the failed rule?"),
        signal=(pa.string(), "the signal it looked at, as table.column?"),
        value=(pa.float64(), "the value found, where it is a number?"),
        value_text=(pa.string(), "the value found, as text?"),
        threshold=(pa.string(), "what the rule demands, such as >= 50?"),
    ),
    "The ledger: one row per failed rule of a document and stage, or one row for a kept document.",
)

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

Redacted = Table(
    "redacted",
    ("doc_id",),
    columns(
        doc_id=DOC_ID,
        text=(pa.string(), "text with personal data replaced"),
        redactions=(pa.int32(), "spans replaced (count)"),
        lines_removed=(pa.int32(), "whole lines cut out (count)"),
    ),
    "Text of the kept documents after line cleaning and redaction.",
)

Curated = Table(
    "curated",
    ("doc_id",),
    columns(
        doc_id=DOC_ID,
        source=(pa.string(), "name of the corpus"),
        url=(pa.string(), "target URI?"),
        host=(pa.string(), "host of the url in small letters and ASCII?"),
        fetched_at=(TIMESTAMP, "when the crawl fetched it?"),
        record_uri=(pa.string(), "file@offset+length inside the input"),
        record_digest=(pa.string(), "xxh3-128 of the payload"),
        text=(pa.string(), "redacted text"),
        text_hash=(pa.string(), "xxh3-128 of the text before redaction"),
        chars=(pa.int32(), "length of the redacted text in code points"),
        extractor=(pa.string(), "what made the text"),
        encoding=(pa.string(), "encoding of the bytes"),
        domain=(pa.string(), "domain of the mixture"),
        language=(pa.string(), "ISO 639 code"),
        quality=(pa.float64(), "the signal that the policy names as quality"),
        tokens=(pa.int32(), "words and punctuation marks (the count a tokenizer gives is in the token store)"),
        redactions=(pa.int32(), "personal data spans replaced (count)"),
    ),
    "A kept document, redacted: what training data is made of.",
)

GateResults = Table(
    "gate_results",
    ("gate", "expectation", "column"),
    columns(
        gate=(pa.string(), "name of the suite: documents, signals, curated, scores"),
        source=(pa.string(), "corpus, or checkpoint for scores"),
        expectation=(pa.string(), "expectation type or the name the suite gives it"),
        column=(pa.string(), "column looked at, as table.column for signals; the table in brackets for all of it"),
        severity=(pa.string(), "critical stops the run, warning is shown"),
        ok=(pa.bool_(), "held"),
        observed=(pa.string(), "what was found, as text"),
        checked_rows=(pa.int64(), "rows looked at"),
        unexpected_rows=(pa.int64(), "rows that broke it"),
        shards=(pa.list_(pa.string()), "shards that hold them"),
        examples=(pa.string(), "up to five of them, as a JSON list"),
    ),
    "Result of one expectation of one gate.",
)

TokenStats = Table(
    "token_stats",
    ("domain", "split"),
    columns(
        domain=(pa.string(), "domain of the mixture"),
        split=(pa.string(), "train or heldout"),
        documents=(pa.int64(), "documents (count)"),
        tokens=(pa.int64(), "tokens with one end-of-text each (count)"),
        bytes=(pa.int64(), "UTF-8 bytes of the text"),
        fingerprint=(pa.string(), "digest of the token files"),
    ),
    "Size of every domain of the token store.",
)

Mixtures = Table(
    "mixtures",
    ("mixture", "stage", "domain"),
    columns(
        mixture=(pa.string(), "name of the mixture"),
        method=(pa.string(), "static or doremi"),
        digest=(pa.string(), "digest of weights, plan and token store"),
        stage=(pa.int16(), "stage of the schedule, from 0"),
        until_token=(pa.int64(), "the stage ends at this token of the run"),
        domain=(pa.string(), "domain"),
        weight_raw=(pa.float64(), "share that the method asked for"),
        weight=(pa.float64(), "share after the repetition caps"),
        realised=(pa.float64(), "share of the rows in the plan"),
        rows=(pa.int64(), "rows of the plan from this domain (count)"),
        epochs=(pa.float64(), "times the domain is seen"),
        max_epochs=(pa.float64(), "the cap"),
    ),
    "Requested and realised shares of every mixture.",
)

MixtureTrace = Table(
    "mixture_trace",
    ("mixture", "step", "domain"),
    columns(
        mixture=(pa.string(), "name of the mixture"),
        step=(pa.int32(), "step of the proxy"),
        domain=(pa.string(), "domain"),
        weight=(pa.float64(), "its weight at that step"),
        excess_loss=(pa.float64(), "mean excess loss over the reference, nats a token, clipped at 0"),
    ),
    "How a learned mixture found its weights.",
)

Losses = Table(
    "losses",
    ("run", "step"),
    columns(
        run=(pa.string(), "key of the training run"),
        step=(pa.int32(), "optimiser step"),
        tokens=(pa.int64(), "tokens seen (count)"),
        loss=(pa.float64(), "training loss, nats a token"),
        learning_rate=(pa.float64(), "learning rate of the step"),
    ),
    "The loss curve of a training run.",
)

Runs = Table(
    "runs",
    ("run",),
    columns(
        run=(pa.string(), "key: digest of recipe, plan and code version"),
        mixture=(pa.string(), "name of the mixture"),
        mixture_digest=(pa.string(), "digest of the mixture's plan"),
        recipe=(pa.string(), "name of the recipe"),
        launcher=(pa.string(), "what ran it"),
        parameters=(pa.int64(), "parameters of the model (count)"),
        steps=(pa.int32(), "optimiser steps (count)"),
        tokens=(pa.int64(), "tokens trained on (count)"),
        status=(pa.string(), "succeeded or failed"),
    ),
    "A training run.",
)

Checkpoints = Table(
    "checkpoints",
    ("run", "step"),
    columns(
        run=(pa.string(), "key of the training run; external for one handed in"),
        mixture=(pa.string(), "name of the mixture; empty for one handed in"),
        step=(pa.int32(), "optimiser step"),
        tokens=(pa.int64(), "tokens seen (count)"),
        first_row=(pa.int64(), "first row of the plan it saw"),
        end_row=(pa.int64(), "one past the last row of the plan it saw"),
        checkpoint=(pa.string(), "digest of weights and tokenizer, 32 hex digits"),
        path=(pa.string(), "folder, relative to the lake for our own runs"),
        parameters=(pa.int64(), "parameters (count)"),
    ),
    "A saved model with the rows of the plan it saw.",
)

EvalRuns = Table(
    "eval_runs",
    ("checkpoint", "suite"),
    columns(
        checkpoint=(pa.string(), "digest of weights and tokenizer"),
        label=(pa.string(), "how people call it: mixture and step, or the folder's name"),
        run=(pa.string(), "key of the training run; external for one handed in"),
        mixture=(pa.string(), "name of the mixture; empty for one handed in"),
        step=(pa.int32(), "optimiser step"),
        tokens=(pa.int64(), "tokens seen (count)"),
        suite=(pa.string(), "name of the suite"),
        suite_digest=(pa.string(), "digest of items, prompts and settings"),
        area=(pa.string(), "code, mathematics, reading, boards or perplexity"),
        items=(pa.int32(), "items (count)"),
        backend=(pa.string(), "adapter and version, dtype"),
        requests=(pa.int32(), "requests asked, an equal one once (count)?"),
        generated=(pa.int64(), "tokens generated (count)?"),
        scored=(pa.int64(), "tokens of options that were scored (count)?"),
        lost=(pa.int64(), "tokens of prompts that did not fit (count)?"),
        truncated=(pa.float64(), "share of the written answers that ended at the length limit?"),
        seed=(pa.int64(), "seed that those of the samples are made from; null where nothing is drawn?"),
    ),
    "One checkpoint on one suite.",
)

Responses = Table(
    "responses",
    ("checkpoint", "suite", "item", "repeat", "part"),
    columns(
        checkpoint=(pa.string(), "digest of weights and tokenizer"),
        suite=(pa.string(), "name of the suite"),
        item=(pa.string(), "id of the item"),
        repeat=(pa.int16(), "sample number of the item, from 0"),
        part=(pa.int16(), "option that was scored, from 0; -1 for the gold answer, 0 for a generated one"),
        prompt=(pa.string(), "prompt as given to the model"),
        text=(pa.string(), "what the model gave, cut at the stop strings; the text that was scored, for an option"),
        finish=(pa.string(), "stop, end or length: what ended a generated answer; scored for an option"),
        tokens=(pa.int32(), "tokens generated or scored (count)"),
        lost=(pa.int32(), "tokens of the prompt that did not fit (count)"),
        log_probability=(pa.float64(), "of the scored text after the prompt, in nats?"),
        greedy=(pa.bool_(), "greedy decoding would give the scored text?"),
        seed=(pa.int64(), "seed of the sample; 0 where nothing is drawn"),
    ),
    "What a checkpoint gave to one request of a suite.",
)

Samples = Table(
    "samples",
    ("checkpoint", "suite", "item", "repeat", "convention"),
    columns(
        checkpoint=(pa.string(), "digest of weights and tokenizer"),
        suite=(pa.string(), "name of the suite"),
        item=(pa.string(), "id of the item"),
        repeat=(pa.int16(), "sample number of the item, from 0"),
        convention=(pa.string(), "how it was graded"),
        subset=(pa.string(), "subject of a board, domain of a text; empty where there are none"),
        cluster=(pa.string(), "what it shares with other items, such as a passage; empty when it stands alone"),
        expected=(pa.string(), "the gold answer, for a person"),
        program=(pa.string(), "what was run, after post-processing; empty where nothing was"),
        verdict=(pa.string(), "pass, wrong, exception, timeout, ..., infra; right, partly or wrong for answers"),
        value=(pa.float64(), "0 to 1; for bits per byte the bits of the text"),
        weight=(pa.float64(), "1, or 0 where the machine failed; for bits per byte the bytes of the text"),
        detail=(pa.string(), "why, for a person"),
    ),
    "One answer of a checkpoint to one item, graded under one convention.",
)

Scores = Table(
    "scores",
    ("checkpoint", "suite", "metric", "convention", "subset"),
    columns(
        checkpoint=(pa.string(), "digest of weights and tokenizer"),
        suite=(pa.string(), "name of the suite"),
        area=(pa.string(), "code, mathematics, reading, boards or perplexity"),
        metric=(pa.string(), "pass@1, pass@10, pass@100, accuracy, exact_match, f1 or bits_per_byte"),
        convention=(pa.string(), "how answers were graded"),
        headline=(pa.bool_(), "the one number that stands for the suite"),
        subset=(pa.string(), "subject or domain; all for every item alike, macro for every subject alike"),
        value=(pa.float64(), "the score"),
        low=(pa.float64(), "lower end of its 95 % interval"),
        high=(pa.float64(), "upper end of its 95 % interval"),
        n=(pa.int32(), "items or texts it rests on (count)"),
        chance=(pa.float64(), "score of guessing?"),
        above_chance=(pa.float64(), "exact one-sided p-value against guessing?"),
        higher_is_better=(pa.bool_(), "false for bits per byte"),
        method=(pa.string(), "how the interval was made"),
        failures=(pa.int32(), "items that miss an answer because the machine failed (count)"),
        jail_tier=(pa.string(), "tier of the code jail; empty where no code ran"),
    ),
    "A metric of one checkpoint on one suite, with its error bar.",
)

Unanswered = Table(
    "unanswered",
    ("checkpoint", "suite", "item", "reason"),
    columns(
        checkpoint=(pa.string(), "digest of weights and tokenizer"),
        label=(pa.string(), "how the checkpoint is called"),
        suite=(pa.string(), "name of the suite, which has no score of that run"),
        suite_digest=(pa.string(), "digest of items, prompts and settings"),
        area=(pa.string(), "code, mathematics, reading or boards"),
        items=(pa.int32(), "items of the suite (count)"),
        item=(pa.string(), "id of an item on which the machine failed"),
        reason=(pa.string(), "what came in place of an answer, or of a grade, for a person"),
        answers=(pa.int32(), "answers of the item that are missing for that reason (count)"),
    ),
    "Items without an answer of the model, or without a grade, because the machine failed (infra).",
)

EvalItems = Table(
    "eval_items",
    ("suite", "item", "form", "text"),
    columns(
        suite=(pa.string(), "name of the suite"),
        suite_digest=(pa.string(), "digest of items, prompts and settings"),
        item=(pa.string(), "id of the item"),
        form=(pa.string(), "question, options (the question with all of them) or passage"),
        text=(pa.string(), "what is looked for"),
        answers=(pa.list_(pa.string()), "answers that are right, each as it may be written; none for a passage"),
        options=(pa.list_(pa.string()), "all options of a choice, in order; none for other items"),
        letter=(pa.string(), "letter of the right option; empty for other items"),
    ),
    "What is looked for of every item of a suite when a corpus is compared with it.",
)

Contamination = Table(
    "contamination",
    ("suite", "item", "doc_id", "start", "form"),
    columns(
        suite=(pa.string(), "name of the suite"),
        item=(pa.string(), "id of the item"),
        doc_id=DOC_ID,
        source=(pa.string(), "name of the corpus the document belongs to"),
        form=(pa.string(), "what was found: question, options (the question with all of them) or passage"),
        start=(pa.int32(), "first code point of the place in the document's text"),
        end=(pa.int32(), "one past the last"),
        similarity=(pa.float64(), "share of the words that stand there, rare ones counting more"),
        answer=(pa.float64(), "share of a right answer that stands near; null where none is looked for?"),
        score=(pa.float64(), "similarity and answer in one number, as it was compared with the threshold"),
        label=(pa.string(), "what the place shows: input, answer (input and answer) or passage"),
    ),
    "A place in a corpus where an item of a suite stands.",
)

ItemLabels = Table(
    "item_labels",
    ("corpus", "suite", "item"),
    columns(
        corpus=(pa.string(), "name of what was looked through: sources, or the checkpoint whose training data it is"),
        suite=(pa.string(), "name of the suite"),
        suite_digest=(pa.string(), "digest of items, prompts and settings"),
        item=(pa.string(), "id of the item"),
        label=(pa.string(), "clean, input, answer (input and answer), or short: too few words to be told apart"),
        passage=(pa.bool_(), "the passage of the item stands in the corpus, with or without its question"),
        documents=(pa.int32(), "documents with the input (count)"),
        score=(pa.float64(), "highest score of a place; 0 where there is none"),
        doc_id=(pa.string(), "document of that place?"),
    ),
    "Whether a corpus holds the input or the answer of an item.",
)

Speed = Table(
    "speed",
    ("model", "measurement", "metric"),
    columns(
        model=(pa.string(), "name of the model on the server, or the label it was given"),
        measurement=(pa.int32(), "number of the measurement of that model, from 1 in the order they were kept"),
        server=(pa.string(), "what serves it, and its version, as it says itself"),
        endpoint=(pa.string(), "completions or chat"),
        concurrency=(pa.int32(), "users at once; null for a load that arrives at a rate?"),
        rate=(pa.float64(), "requests a second that arrived (Poisson); null for users at once?"),
        requests=(pa.int32(), "requests measured, failed ones among them (count)"),
        failed=(pa.int32(), "of those, requests that were not answered whole (count)"),
        warmup=(pa.int32(), "requests before those, left out (count)"),
        isl=(pa.int32(), "input length that was asked for, in tokens"),
        osl=(pa.int32(), "output length that was asked for, in tokens"),
        ignore_eos=(pa.bool_(), "the server was asked for the whole output length"),
        limits=(pa.string(), "limits of goodput, such as itl=0.05,ttft=0.5; empty where there are none"),
        metric=(pa.string(), "ttft, itl, icl, latency, per_user, a throughput, goodput, ..."),
        unit=(pa.string(), "s, tokens, tokens/s, requests/s, requests or share"),
        value=(pa.float64(), "the number, or the mean over requests (icl: over gaps)"),
        p50=(pa.float64(), "median; null for a number of the whole measurement?"),
        p90=(pa.float64(), "90th percentile?"),
        p99=(pa.float64(), "99th percentile?"),
        low=(pa.float64(), "lower end of the 95 % interval of a share?"),
        high=(pa.float64(), "upper end of the 95 % interval of a share?"),
        n=(pa.int32(), "requests (icl: gaps) it rests on (count)"),
    ),
    "A metric of a served model under a stated load.",
)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        Records,
        Documents,
        SetAside,
        *SIGNALS,
        Spans,
        Cuts,
        Verdicts,
        Bands,
        Copies,
        Lines,
        Candidates,
        Pairs,
        Clusters,
        Redacted,
        Curated,
        GateResults,
        TokenStats,
        Mixtures,
        MixtureTrace,
        Losses,
        Runs,
        Checkpoints,
        EvalRuns,
        Responses,
        Samples,
        Scores,
        Unanswered,
        EvalItems,
        Contamination,
        ItemLabels,
        Speed,
    )
}
