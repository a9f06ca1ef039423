"""Training runs and their checkpoints."""

import pyarrow as pa

from gristmill.core.table import Table, columns

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
