"""The token store and the mixtures drawn from it."""

import pyarrow as pa

from gristmill.core.table import DOC_ID, Column, Table

Domains = Table(
    "domains",
    ("doc_id",),
    {
        "doc_id": DOC_ID,
        "rules": Column(pa.string(), "digest of the rules and models that decided; equal in all rows of an assignment"),
        "domain": Column(pa.string(), "domain of the mixture"),
        "rule": Column(pa.string(), "number of the rule that took the document, and what it asks for; or rest"),
        "score": Column(
            pa.float64(),
            "probability of the topic, or cosine similarity to the centre of the cluster; null for other rules",
            nullable=True,
            low=-1,
            high=1,
        ),
    },
    "Which domain each curated document has by the rules of a mix.",
    optional=True,
)

TokenStats = Table(
    "token_stats",
    ("domain", "split"),
    {
        "domain": Column(pa.string(), "domain of the mixture"),
        "split": Column(pa.string(), "train or heldout"),
        "documents": Column(pa.int64(), "documents (count)", unit="count", low=0),
        "tokens": Column(pa.int64(), "tokens with one end-of-text each (count)", unit="count", low=0),
        "bytes": Column(pa.int64(), "UTF-8 bytes of the text", unit="bytes", low=0),
        "fingerprint": Column(pa.string(), "digest of the token files"),
    },
    "Size of every domain of the token store.",
)

Mixtures = Table(
    "mixtures",
    ("mixture", "stage", "domain"),
    {
        "mixture": Column(pa.string(), "name of the mixture"),
        "method": Column(pa.string(), "method that found the weights"),
        "digest": Column(pa.string(), "digest of weights, plan and token store"),
        "stage": Column(pa.int16(), "stage of the schedule, from 0", low=0),
        "until_token": Column(pa.int64(), "the stage ends at this token of the run", unit="tokens", low=0),
        "domain": Column(pa.string(), "domain"),
        "weight_raw": Column(pa.float64(), "share that the method asked for", unit="ratio", low=0, high=1),
        "weight": Column(pa.float64(), "share after the repetition caps", unit="ratio", low=0, high=1),
        "realised": Column(pa.float64(), "share of the rows in the plan", unit="ratio", low=0, high=1),
        "rows": Column(pa.int64(), "rows of the plan from this domain (count)", unit="count", low=0),
        "epochs": Column(pa.float64(), "times the domain is seen", unit="epochs", low=0),
        "max_epochs": Column(pa.float64(), "the cap", unit="epochs", low=0),
    },
    "Requested and realised shares of every mixture.",
)

MixtureStages = Table(
    "mixture_stages",
    ("mixture", "stage"),
    {
        "mixture": Column(pa.string(), "name of the mixture"),
        "stage": Column(pa.int16(), "stage of the curriculum, from 0", low=0),
        "first_token": Column(pa.int64(), "the stage begins at this token of the run", unit="tokens", low=0),
        "until_token": Column(pa.int64(), "and ends at this one", unit="tokens", low=0),
        "rows": Column(pa.int64(), "rows of the plan in the stage (count)", unit="count", low=0),
        "signal": Column(pa.string(), "signal that its rows are sorted by; null when shuffled", nullable=True),
        "descending": Column(pa.bool_(), "largest value first; null when shuffled", nullable=True),
        "without_value": Column(
            pa.float64(),
            "share of its rows without a value of the signal, which come last; null when shuffled",
            unit="ratio",
            low=0,
            high=1,
            nullable=True,
        ),
    },
    "The stages of every mixture: where each begins and ends, and the order of its rows.",
)

MixtureTrace = Table(
    "mixture_trace",
    ("mixture", "step", "domain"),
    {
        "mixture": Column(pa.string(), "name of the mixture"),
        "step": Column(pa.int32(), "step of the proxy", low=0),
        "domain": Column(pa.string(), "domain"),
        "weight": Column(pa.float64(), "its weight at that step", unit="ratio", low=0, high=1),
        "excess_loss": Column(
            pa.float64(), "mean excess loss over the reference, nats a token, clipped at 0", unit="nats a token", low=0
        ),
    },
    "How a learned mixture found its weights.",
)

_NATS = "nats a token"
_TRIAL = Column(pa.string(), "trial: digest of its settings and of the token files that it read")
_MIXTURE = Column(pa.string(), "name of the mixture")

Trials = Table(
    "trials",
    ("mixture", "trial", "domain"),
    {
        "mixture": _MIXTURE,
        "trial": _TRIAL,
        "role": Column(
            pa.string(),
            "what it is for: design, anchor, deletion, upweight, held-out, adaptive, rate, reference, proxy or single",
        ),
        "domain": Column(pa.string(), "domain"),
        "weight": Column(pa.float64(), "share of the domain in the trial", unit="ratio", low=0, high=1),
        "seed": Column(pa.int64(), "seed of the trial", low=0),
        "steps": Column(pa.int64(), "optimiser steps (count)", unit="count", low=0),
        "tokens": Column(pa.int64(), "tokens that it read (count)", unit="count", low=0),
        "learning_rate": Column(pa.float64(), "peak learning rate", low=0),
        "data_share": Column(pa.float64(), "part of each domain that it may read", unit="ratio", low=0, high=1),
        "parameters": Column(pa.int64(), "parameters of its model (count)", unit="count", low=0),
        "earlier": Column(pa.bool_(), "whether it was made for earlier data and is used again"),
    },
    "Trials that a mixing method asked for: what each was for, and the share of each domain in it.",
)

TrialReuse = Table(
    "trial_reuse",
    ("mixture", "trial"),
    {
        "mixture": _MIXTURE,
        "trial": _TRIAL,
        "role": Column(pa.string(), "what the trial was for, as in trials"),
        "stranded": Column(
            pa.bool_(), "whether it read a domain whose tokens are other tokens now, so it cannot count"
        ),
        "reused": Column(pa.bool_(), "whether the mixture was found from it again, without running it"),
        "changed": Column(pa.list_(pa.string()), "domains that it read and whose tokens changed"),
        "gone": Column(pa.list_(pa.string()), "domains that it read and that are no longer there"),
    },
    "Trials of a mix as it was before its data changed, and what became of them.",
)

TrialResults = Table(
    "trial_results",
    ("mixture", "trial", "metric"),
    {
        "mixture": _MIXTURE,
        "trial": _TRIAL,
        "role": Column(pa.string(), "what the trial is for, as in trials"),
        "metric": Column(pa.string(), "domain whose held-out text was measured"),
        "measured": Column(pa.float64(), "mean loss on it, nats a token", unit=_NATS),
        "predicted": Column(
            pa.float64(),
            "by laws that saw no trial of its mixture: out of fold, or never fitted; null without a prediction",
            unit=_NATS,
            nullable=True,
        ),
    },
    "Losses of trials, measured and predicted.",
)

MixturePredictions = Table(
    "mixture_predictions",
    ("mixture", "subject", "metric"),
    {
        "mixture": _MIXTURE,
        "subject": Column(pa.string(), "winner (the mixture itself) or prior (what it started from)"),
        "metric": Column(pa.string(), "domain whose held-out text it is about, or objective: their weighted mean"),
        "predicted": Column(pa.float64(), "loss that the law promises, nats a token", unit=_NATS),
        "low": Column(pa.float64(), "lower end of its 90 % interval over bootstraps", unit=_NATS),
        "high": Column(pa.float64(), "upper end of its 90 % interval over bootstraps", unit=_NATS),
    },
    "What a swarm promises of its mixture, stored before the mixture is trained.",
)

MixtureChecks = Table(
    "mixture_checks",
    ("mixture", "name"),
    {
        "mixture": _MIXTURE,
        "name": Column(pa.string(), "what was checked, such as spearman, optimism or nothing_learnt"),
        "value": Column(pa.float64(), "the number; 1 and 0 for yes and no"),
        "detail": Column(pa.string(), "what it means, in words"),
        "warning": Column(pa.bool_(), "whether it says that the mixture should not be trusted as it is"),
    },
    "What to know of a mixture that was found from trials.",
)

MixtureCaps = Table(
    "mixture_caps",
    ("mixture", "cap", "domain"),
    {
        "mixture": _MIXTURE,
        "cap": Column(
            pa.float64(), "repetition cap of every domain; a cap that gives too few tokens is left out", low=0
        ),
        "domain": Column(pa.string(), "domain"),
        "weight": Column(pa.float64(), "its share of the run under that cap", unit="ratio", low=0, high=1),
        "epochs": Column(pa.float64(), "times it would be seen", unit="epochs", low=0),
    },
    "Every mixture at several repetition caps; shown, not trained.",
)

MixtureBaselines = Table(
    "mixture_baselines",
    ("mixture", "baseline", "domain"),
    {
        "mixture": _MIXTURE,
        "baseline": Column(pa.string(), "the mixture itself, proportional or uniform"),
        "domain": Column(pa.string(), "domain"),
        "raw": Column(pa.float64(), "share without caps", unit="ratio", low=0, high=1),
        "capped": Column(pa.float64(), "share under the caps", unit="ratio", low=0, high=1),
        "low": Column(
            pa.float64(),
            "lower end of the 90 % interval of that share over bootstraps; null where there is none",
            unit="ratio",
            nullable=True,
        ),
        "high": Column(
            pa.float64(),
            "upper end of the 90 % interval of that share over bootstraps; null where there is none",
            unit="ratio",
            nullable=True,
        ),
        "epochs": Column(pa.float64(), "times the domain is seen under the caps", unit="epochs", low=0),
        "cap": Column(pa.float64(), "the cap of the domain", unit="epochs", low=0),
        "reason": Column(pa.string(), "why the domain has that cap"),
    },
    "Every mixture beside proportional and uniform.",
)
