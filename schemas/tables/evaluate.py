"""Evaluations, from a model's answers to scores with intervals."""

import pyarrow as pa

from gristmill.core.table import Table, columns

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
