"""Evaluations, from a model's answers to scores with intervals."""

import pyarrow as pa

from gristmill.core.table import Column, Table

EvalRuns = Table(
    "eval_runs",
    ("checkpoint", "suite"),
    {
        "checkpoint": Column(pa.string(), "digest of weights and tokenizer"),
        "label": Column(pa.string(), "how people call it: mixture and step, or the folder's name"),
        "run": Column(pa.string(), "key of the training run; external for one handed in"),
        "mixture": Column(pa.string(), "name of the mixture; empty for one handed in"),
        "step": Column(pa.int32(), "optimiser step", low=0),
        "tokens": Column(pa.int64(), "tokens seen (count)", unit="count", low=0),
        "suite": Column(pa.string(), "name of the suite"),
        "suite_digest": Column(pa.string(), "digest of items, prompts and settings"),
        "area": Column(pa.string(), "code, mathematics, reading, boards or perplexity"),
        "items": Column(pa.int32(), "items (count)", unit="count", low=0),
        "backend": Column(pa.string(), "adapter and version, dtype"),
        "requests": Column(pa.int32(), "requests asked, an equal one once (count)", unit="count", low=0, nullable=True),
        "generated": Column(pa.int64(), "tokens generated (count)", unit="count", low=0, nullable=True),
        "scored": Column(pa.int64(), "tokens of options that were scored (count)", unit="count", low=0, nullable=True),
        "lost": Column(pa.int64(), "tokens of prompts that did not fit (count)", unit="count", low=0, nullable=True),
        "truncated": Column(
            pa.float64(),
            "share of the written answers that ended at the length limit",
            unit="ratio",
            low=0,
            high=1,
            nullable=True,
        ),
        "seed": Column(
            pa.int64(), "seed that those of the samples are made from; null where nothing is drawn", nullable=True
        ),
    },
    "One checkpoint on one suite.",
)

Responses = Table(
    "responses",
    ("checkpoint", "suite", "item", "repeat", "part"),
    {
        "checkpoint": Column(pa.string(), "digest of weights and tokenizer"),
        "suite": Column(pa.string(), "name of the suite"),
        "item": Column(pa.string(), "id of the item"),
        "repeat": Column(pa.int16(), "sample number of the item, from 0", low=0),
        "part": Column(
            pa.int16(), "option that was scored, from 0; -1 for the gold answer, 0 for a generated one", low=-1
        ),
        "prompt": Column(pa.string(), "prompt as given to the model"),
        "text": Column(
            pa.string(), "what the model gave, cut at the stop strings; the text that was scored, for an option"
        ),
        "finish": Column(pa.string(), "stop, end or length: what ended a generated answer; scored for an option"),
        "tokens": Column(pa.int32(), "tokens generated or scored (count)", unit="count", low=0),
        "lost": Column(pa.int32(), "tokens of the prompt that did not fit (count)", unit="count", low=0),
        "log_probability": Column(
            pa.float64(), "of the scored text after the prompt, in nats", unit="nats", high=0, nullable=True
        ),
        "greedy": Column(pa.bool_(), "greedy decoding would give the scored text", nullable=True),
        "seed": Column(pa.int64(), "seed of the sample; 0 where nothing is drawn"),
    },
    "What a checkpoint answered to one request of a suite.",
)

Samples = Table(
    "samples",
    ("checkpoint", "suite", "item", "repeat", "convention"),
    {
        "checkpoint": Column(pa.string(), "digest of weights and tokenizer"),
        "suite": Column(pa.string(), "name of the suite"),
        "item": Column(pa.string(), "id of the item"),
        "repeat": Column(pa.int16(), "sample number of the item, from 0", low=0),
        "convention": Column(pa.string(), "how it was graded"),
        "subset": Column(pa.string(), "subject of a board, domain of a text; empty where there are none"),
        "cluster": Column(
            pa.string(), "what it shares with other items, such as a passage; empty when it stands alone"
        ),
        "expected": Column(pa.string(), "the gold answer, for a person"),
        "program": Column(pa.string(), "what was run, after post-processing; empty where nothing was"),
        "verdict": Column(
            pa.string(), "pass, wrong, exception, timeout, ..., infra; right, partly or wrong for answers"
        ),
        "value": Column(pa.float64(), "0 to 1; for bits per byte the bits of the text", low=0),
        "weight": Column(
            pa.float64(), "1, or 0 where the machine failed; for bits per byte the bytes of the text", low=0
        ),
        "detail": Column(pa.string(), "why, for a person"),
    },
    "One answer of a checkpoint to one item, graded under one convention.",
)

Scores = Table(
    "scores",
    ("checkpoint", "suite", "metric", "convention", "subset"),
    {
        "checkpoint": Column(pa.string(), "digest of weights and tokenizer"),
        "suite": Column(pa.string(), "name of the suite"),
        "area": Column(pa.string(), "code, mathematics, reading, boards or perplexity"),
        "metric": Column(pa.string(), "pass@1, pass@10, pass@100, accuracy, exact_match, f1 or bits_per_byte"),
        "convention": Column(pa.string(), "how answers were graded"),
        "headline": Column(pa.bool_(), "the one number that stands for the suite"),
        "subset": Column(pa.string(), "subject or domain; all for every item alike, macro for every subject alike"),
        "value": Column(pa.float64(), "the score", low=0),
        "low": Column(pa.float64(), "lower end of its 95 % interval", low=0),
        "high": Column(pa.float64(), "upper end of its 95 % interval", low=0),
        "n": Column(pa.int32(), "items or texts it rests on (count)", unit="count", low=0),
        "chance": Column(pa.float64(), "score of guessing", unit="ratio", low=0, high=1, nullable=True),
        "above_chance": Column(
            pa.float64(), "exact one-sided p-value against guessing", unit="probability", low=0, high=1, nullable=True
        ),
        "higher_is_better": Column(pa.bool_(), "false for bits per byte"),
        "method": Column(pa.string(), "how the interval was made"),
        "failures": Column(
            pa.int32(), "items that miss an answer because the machine failed (count)", unit="count", low=0
        ),
        "jail_tier": Column(pa.string(), "tier of the code jail; empty where no code ran"),
    },
    "A metric of one checkpoint on one suite, with its error bar.",
)

Unanswered = Table(
    "unanswered",
    ("checkpoint", "suite", "item", "reason"),
    {
        "checkpoint": Column(pa.string(), "digest of weights and tokenizer"),
        "label": Column(pa.string(), "how the checkpoint is called"),
        "suite": Column(pa.string(), "name of the suite, which has no score of that run"),
        "suite_digest": Column(pa.string(), "digest of items, prompts and settings"),
        "area": Column(pa.string(), "code, mathematics, reading or boards"),
        "items": Column(pa.int32(), "items of the suite (count)", unit="count", low=0),
        "item": Column(pa.string(), "id of an item on which the machine failed"),
        "reason": Column(pa.string(), "what came in place of an answer, or of a grade, for a person"),
        "answers": Column(
            pa.int32(), "answers of the item that are missing for that reason (count)", unit="count", low=0
        ),
    },
    "Items without an answer of the model, or without a grade, because the machine failed (infra).",
)
