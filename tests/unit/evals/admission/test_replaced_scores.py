"""A score by another backend takes the place of the earlier one, and never silently."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa

from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset, Ref
from gristmill.evals.admission.checkpoint import Checkpoint
from gristmill.flows.evaluate.entries import Entry
from gristmill.flows.evaluate.state import replaced
from gristmill.schemas.tables import EvalRuns

DIGEST = "c" * 32


def runs(lake: Lake, key: str, **backends: str) -> Ref:
    """A file of runs: by suite the backend that answered it."""
    rows = [
        {field.name: 0 if pa.types.is_integer(field.type) else "" for field in EvalRuns.schema if not field.nullable}
        | {"checkpoint": DIGEST, "suite": suite, "backend": backend}
        for suite, backend in backends.items()
    ]
    return lake.write_table(EvalRuns, DIGEST, key, pa.Table.from_pylist(rows, schema=EvalRuns.schema))


def test_a_score_by_another_backend_says_what_it_replaces(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake")
    checkpoint = Checkpoint(digest=DIGEST, path=tmp_path, parameters=1, vocab_size=1, label="tiny")
    now: Any = SimpleNamespace(outputs=(runs(lake, "b" * 16, sums="vllm, bfloat16", words="hf, float32"),))
    entry, results = Entry(checkpoint, "tiny"), {"sums": [now]}

    assert replaced(entry, results, lake) == [], "the first score replaces none"

    tables = {EvalRuns.name: (runs(lake, "a" * 16, sums="hf, float32", words="hf, float32", other="hf, float32"),)}
    lake.commit(Dataset(kind="evaluation", name=DIGEST, config={}, counts={}, tables=tables))
    (line,) = replaced(entry, results, lake)
    assert line.startswith("sums: the boards hold one score of a checkpoint")
    assert "by vllm, bfloat16, takes the place of the one by hf, float32" in line
