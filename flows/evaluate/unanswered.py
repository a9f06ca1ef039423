"""Suites without a score because the machine failed (``infra``): which items lack an answer, and why.

It is kept beside the results of the checkpoint, by the flow that evaluates, until the suite has a score.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pyarrow as pa

from gristmill.core.digests import digest_json
from gristmill.core.errors import NoScoreError
from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset, Ref
from gristmill.evals.suites.suite import Suite
from gristmill.schemas.tables import Unanswered

Rows = list[dict[str, Any]]


def unanswered_rows(error: NoScoreError, suite: Suite, labels: Mapping[str, str]) -> Rows:
    """Rows of table ``unanswered`` for what stopped ``suite``. ``labels`` are those of the checkpoints, by digest."""
    missing = Counter((row["checkpoint"], row["item"], row["reason"]) for row in error.unanswered)
    return [
        {
            "checkpoint": checkpoint,
            "label": labels[checkpoint],
            "suite": suite.name,
            "suite_digest": suite.digest,
            "area": suite.settings.area,
            "items": len(suite.items),
            "item": item,
            "reason": reason,
            "answers": count,
        }
        for (checkpoint, item, reason), count in missing.items()
    ]


def write_unanswered(
    checkpoint: str, found: Sequence[Mapping[str, Any]], scored: Collection[str], earlier: Dataset | None, lake: Lake
) -> tuple[Ref, ...]:
    """Write what a checkpoint misses now: ``found``, and what it missed ``earlier`` of suites that were neither asked
    again nor ``scored`` since. No file where it misses nothing."""
    anew = {row["suite"] for row in found} | set(scored)
    before = earlier.tables.get(Unanswered.name, ()) if earlier else ()
    kept = [row for ref in before for row in lake.read(ref).to_pylist() if row["suite"] not in anew]
    rows = pa.Table.from_pylist([*kept, *found], schema=Unanswered.schema).sort_by(
        [(name, "ascending") for name in ("suite", "item", "reason")]
    )
    if not rows.num_rows:
        return ()
    return (lake.write_table(Unanswered, checkpoint, digest_json(rows.to_pylist())[:16], rows),)
