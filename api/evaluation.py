"""Grade outputs made elsewhere, and compare evaluated checkpoints."""

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gristmill.api.lake import Lake

if TYPE_CHECKING:
    import pyarrow as pa

    from gristmill.warehouse.queries.comparison import Comparison


@dataclass(frozen=True)
class Graded:
    """The result of :func:`grade`."""

    suite: str
    convention: str
    """How the outputs were graded."""
    metrics: dict[str, float]
    """The value of each metric over the whole suite."""
    scores: "pa.Table"
    """The table ``scores``: each metric and subset with its 95 % interval and its number of items."""
    samples: "pa.Table"
    """The table ``samples``: the verdict on each output, and the reason."""
    missing: tuple[str, ...]
    """Items without an output, which are left out of the scores (``partial``)."""


def grade(
    suite: str | Path,
    responses: str | Path | Sequence[Mapping[str, object]],
    *,
    data: str | Path | None = None,
    convention: str = "",
    ks: Sequence[int] = (),
    partial: bool = False,
    cut: bool = False,
    thinking_end: str = "",
    workers: int = 0,
    accept_licences: Sequence[str] = (),
) -> Graded:
    """Grade outputs made elsewhere, as ``gristmill grade`` does. Code runs in the jail.

    Args:
        suite: The name of a suite (``humaneval@50`` takes 50 items), or the path of its YAML file.
        responses: A file of JSON Lines, or its rows: ``{"task_id": ..., "completion": ...}``, several for a task that
            was answered several times; also the lines of EvalPlus and lm-eval.
        data: The folder with the benchmark files; by default ``GRISTMILL_DATA``.
        convention: How to grade outputs; by default the suite's headline convention.
        ks: The k of pass@k; each item needs that many samples.
        partial: Score only the items that have an output.
        cut: Cut outputs at the suite's stop strings first.
        thinking_end: The string that ends the thinking in every output, if Gristmill does not know it.
        workers: Programs to run at once; 0 means one per core.
        accept_licences: Non-commercial licences that permit your use.

    Raises:
        UsageError: For an unknown suite or convention, a file of another form, and items without an output.
        GristmillError: When this machine cannot grade the suite, such as code without a jail.
    """
    from gristmill.evals.scoring.grading import grade as grade_responses
    from gristmill.evals.scoring.outside_outputs import outside_outputs
    from gristmill.evals.scoring.scores import KS, score
    from gristmill.evals.suites.suite import load_suite

    named = data or os.environ.get("GRISTMILL_DATA")
    folders = (Path(named),) if named else ()
    asked = load_suite(str(suite), folders, accept_licences=tuple(accept_licences))
    asked = asked.thinking_until(thinking_end) if thinking_end else asked
    with tempfile.TemporaryDirectory(prefix="gristmill-") as folder:
        path = responses if isinstance(responses, str | Path) else _written(responses, Path(folder) / "responses.jsonl")
        outputs = outside_outputs(Path(path), asked, convention=convention, ks=ks, partial=partial, cut=cut)
    samples = grade_responses(
        asked, outputs.responses, (outputs.convention,), jail_workers=workers or len(os.sched_getaffinity(0))
    )
    scores = score(asked, samples, list(ks) or KS)
    metrics = {row["metric"]: row["value"] for row in scores.to_pylist() if row["subset"] == "all"}
    return Graded(asked.name, outputs.convention, metrics, scores, samples, outputs.missing)


def compare(
    a: str, b: str, *, lake: Lake | str | Path, suites: Sequence[str] = (), convention: str | None = None
) -> "Comparison":
    """Is checkpoint B better than checkpoint A? Compares them item by item on the suites that both were evaluated on.

    The answer has for each suite a sentence (``suite.whole.sentence``), the difference with its interval, and the
    items on which one did better than the other.

    Args:
        a: Label of an evaluated checkpoint, or the start of its digest.
        b: The checkpoint that may be better.
        lake: The lake in which both were evaluated.
        suites: Compare on these only; by default on every suite that both were evaluated on.
        convention: Compare the grades of this convention; by default of the headline's.

    Raises:
        UsageError: For an unknown checkpoint, suite or convention, or the same checkpoint given twice.
        GristmillError: When the two can be compared on no suite.
    """
    from gristmill.warehouse.connection import Warehouse
    from gristmill.warehouse.queries.compare import compare as compare_checkpoints

    home = lake if isinstance(lake, Lake) else Lake(lake)
    return compare_checkpoints(Warehouse.open(home.path), a, b, suites, convention=convention)


def _written(rows: Sequence[Mapping[str, object]], path: Path) -> Path:
    """The rows as a file of JSON Lines."""
    path.write_text("".join(json.dumps(dict(row)) + "\n" for row in rows), encoding="utf-8")
    return path
