"""Training runs and their checkpoints."""

import pyarrow as pa

from gristmill.core.table import Column, Table

Losses = Table(
    "losses",
    ("run", "step"),
    {
        "run": Column(pa.string(), "key of the training run"),
        "step": Column(pa.int32(), "optimiser step", low=0),
        "tokens": Column(pa.int64(), "tokens seen (count)", unit="count", low=0),
        "loss": Column(pa.float64(), "training loss, nats a token", unit="nats a token", low=0),
        "learning_rate": Column(
            pa.float64(), "learning rate of the step; null where a trainer does not tell it", low=0, nullable=True
        ),
    },
    "The loss curve of a training run.",
)

Runs = Table(
    "runs",
    ("run",),
    {
        "run": Column(pa.string(), "key: digest of recipe, plan and code version"),
        "mixture": Column(pa.string(), "name of the mixture"),
        "mixture_digest": Column(pa.string(), "digest of the mixture's plan"),
        "recipe": Column(pa.string(), "name of the recipe"),
        "launcher": Column(pa.string(), "what ran it"),
        "parameters": Column(pa.int64(), "parameters of the model (count)", unit="count", low=0),
        "steps": Column(pa.int32(), "optimiser steps (count)", unit="count", low=0),
        "tokens": Column(pa.int64(), "tokens trained on (count)", unit="count", low=0),
        "status": Column(pa.string(), "succeeded or failed"),
    },
    "A training run.",
)

Checkpoints = Table(
    "checkpoints",
    ("run", "step"),
    {
        "run": Column(pa.string(), "key of the training run; external for one handed in"),
        "mixture": Column(pa.string(), "name of the mixture; empty for one handed in"),
        "step": Column(pa.int32(), "optimiser step", low=0),
        "tokens": Column(pa.int64(), "tokens seen (count)", unit="count", low=0),
        "first_row": Column(pa.int64(), "first row of the plan it saw", low=0),
        "end_row": Column(pa.int64(), "one past the last row of the plan it saw", low=0),
        "checkpoint": Column(pa.string(), "digest of weights and tokenizer, 32 hex digits"),
        "path": Column(pa.string(), "folder, relative to the lake for our own runs"),
        "parameters": Column(pa.int64(), "parameters (count)", unit="count", low=0),
    },
    "A saved model and the rows of the plan that it saw.",
)

HeldoutLosses = Table(
    "heldout_losses",
    ("run", "step", "domain"),
    {
        "run": Column(pa.string(), "key of the training run"),
        "step": Column(pa.int32(), "optimiser step after which it was measured", low=0),
        "domain": Column(pa.string(), "domain of the held-out rows"),
        "loss": Column(pa.float64(), "mean loss, nats a token, on the same rows each time", unit="nats a token", low=0),
    },
    "Loss on held-out rows of each domain while a run trains.",
)

RunStages = Table(
    "run_stages",
    ("run", "stage"),
    {
        "run": Column(pa.string(), "key of the training run"),
        "mixture": Column(pa.string(), "name of the mixture"),
        "stage": Column(pa.int16(), "stage of the curriculum, from 0", low=0),
        "first_step": Column(pa.int32(), "first optimiser step that reads rows of the stage", low=1),
        "last_step": Column(pa.int32(), "last optimiser step that does", low=1),
        "signal": Column(pa.string(), "signal that its rows are sorted by; null when shuffled", nullable=True),
        "descending": Column(pa.bool_(), "largest value first; null when shuffled", nullable=True),
        "schedule": Column(pa.string(), "learning-rate schedule of the run", nullable=True),
        "first_rate": Column(pa.float64(), "learning rate of the first step", low=0, nullable=True),
        "last_rate": Column(pa.float64(), "learning rate of the last step", low=0, nullable=True),
        "mean_rate": Column(
            pa.float64(), "mean learning rate of the stage, as a share of the peak", unit="ratio", low=0, nullable=True
        ),
        "end_rate": Column(
            pa.float64(),
            "the same of the last fifth of the stage, where an order puts what matters",
            unit="ratio",
            low=0,
            nullable=True,
        ),
    },
    "The stages of a training run beside its learning rate, which decides whether an order can help.",
)
