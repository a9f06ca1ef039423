"""The result of scoring one checkpoint on one suite: tables of the lake, and what they depend on."""

from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True)
class Evaluation:
    """``samples`` and ``scores`` follow ``gristmill.schemas.tables``; the other fields fill a row of ``eval_runs``."""

    suite: str
    suite_digest: str
    area: str
    items: int
    backend: str
    samples: pa.Table
    scores: pa.Table
