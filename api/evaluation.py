"""Grade outputs that were made elsewhere, and compare evaluated checkpoints."""

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
    """What :func:`grade` found."""

    suite: str
    convention: str
    """How the outputs were graded."""
    metrics: dict[str, float]
    """The value of each metric over the whole suite."""
    scores: "pa.Table"
    """The table ``scores``: each metric and subset with its 95 % interval and its number of items."""
    samples: "pa.Table"
    """The table ``samples``: the verdict on each output, and why."""
    missing: tuple[str, ...]
    """Items without an output, which are not scored (``partial``)."""


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
    """Grade outputs that were made elsewhere, as ``gristmill grade`` does. Code runs in the jail.

    Args:
        suite: The name of a suite (``humaneval@50`` takes 50 items), or the path of its YAML file.
        responses: A file of JSON Lines, or its rows: ``{"task_id": ..., "completion": ...}``, several for a task that
            was answered several times; also the lines of EvalPlus and lm-eval.
        data: The folder with the files of benchmarks; ``GRISTMILL_DATA`` when left out.
        convention: How outputs are graded; the suite's headline convention when left out.
        ks: The k of pass@k; each item needs that many samples.
        partial: Score the items that have an output alone.
        cut: End outputs at the suite's stop strings first.
        thinking_end: What ends the thinking in every output, where Gristmill does not know it.
        workers: Programs run at once; 0 takes as many as there are cores.
        accept_licences: Non-commercial licences that your use is allowed by.

    Raises:
        UsageError: For an unknown suite or convention, a file of another form, and items without an output.
        GristmillError: Where this machine cannot grade the suite, such as code without a jail.
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
    """Is checkpoint B better than checkpoint A? Item by item, on the suites that both were asked.

    The answer holds for each suite a sentence (``suite.whole.sentence``), the difference with its interval, and the
    items that the two answered differently well.

    Args:
        a: Label or digest (its start) of an evaluated checkpoint.
        b: The checkpoint that may be better.
        lake: The lake in which both were evaluated.
        suites: Compare on these alone; on every suite that both were asked when left out.
        convention: Compare what this convention gave; the headline's when left out.

    Raises:
        UsageError: For an unknown checkpoint, suite or convention, or one checkpoint given twice.
        GristmillError: When there is no suite on which the two can be compared.
    """
    from gristmill.warehouse.connection import Warehouse
    from gristmill.warehouse.queries.compare import compare as compare_checkpoints

    home = lake if isinstance(lake, Lake) else Lake(lake)
    return compare_checkpoints(Warehouse.open(home.path), a, b, suites, convention=convention)


def _written(rows: Sequence[Mapping[str, object]], path: Path) -> Path:
    """The rows as a file of JSON Lines."""
    path.write_text("".join(json.dumps(dict(row)) + "\n" for row in rows), encoding="utf-8")
    return path
