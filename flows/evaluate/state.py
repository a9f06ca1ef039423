"""What the lake holds of the results of a checkpoint: commit them, and say what they replace."""

from collections.abc import Mapping, Sequence

import pyarrow as pa

from gristmill.core.digests import digest_json
from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset, Manifest, Ref
from gristmill.flows.evaluate.entries import Entry
from gristmill.flows.evaluate.unanswered import Rows, write_unanswered
from gristmill.schemas.tables import EvalRuns, Responses, Samples, Scores, Unanswered


def outputs(results: Mapping[str, Sequence[Manifest]]) -> list[Ref]:
    """Every file of a checkpoint's results."""
    return [ref for manifests in results.values() for manifest in manifests for ref in manifest.outputs]


def replaced(entry: Entry, results: Mapping[str, Sequence[Manifest]], lake: Lake) -> list[str]:
    """Messages on scores by other backends that a checkpoint's new results replace on the boards."""
    earlier = lake.dataset("evaluation", entry.checkpoint.digest)
    before = _backends(earlier.tables.get(EvalRuns.name, ()) if earlier else (), lake)
    now = _backends([ref for ref in outputs(results) if ref.table == EvalRuns.name], lake)
    return [
        f"{suite}: the boards hold one score of a checkpoint, so this one of {entry.label}, by {now[suite]}, takes the "
        f"place of the one by {before[suite]}. Its answers are kept: evaluate with that backend to have it back."
        for suite in sorted(now.keys() & before.keys())
        if now[suite] != before[suite]
    ]


def _backends(runs: Sequence[Ref], lake: Lake) -> dict[str, str]:
    """The backend that answered each suite, by the files of runs."""
    return {row["suite"]: row["backend"] for ref in runs for row in lake.read(ref).to_pylist()}


def commit_unanswered(entries: Sequence[Entry], missing: Rows, lake: Lake) -> None:
    """Keep what is missing of the checkpoints, beside the results that they have."""
    for entry in entries:
        if any(row["checkpoint"] == entry.checkpoint.digest for row in missing):
            commit_checkpoint(entry, {}, missing, lake)


def commit_checkpoint(entry: Entry, results: Mapping[str, Sequence[Manifest]], missing: Rows, lake: Lake) -> None:
    """Make the results of a checkpoint current, beside those it has from earlier runs on other suites.

    ``missing`` are rows of table ``unanswered``, of this checkpoint and others.
    """
    name = entry.checkpoint.digest
    earlier = lake.dataset("evaluation", name)
    keys: dict[str, list[str]] = dict(earlier.config["results"]) if earlier else {}
    keys |= {suite: [manifest.key for manifest in manifests] for suite, manifests in results.items()}
    current = {key for found in keys.values() for key in found}
    before = [ref for table in earlier.tables.values() for ref in table] if earlier else []
    refs = {(ref.table, ref.key): ref for ref in (*before, *outputs(results)) if ref.key in current}
    identity = {
        "label": entry.label,
        "run": entry.run,
        "mixture": entry.mixture,
        "step": entry.step,
        "tokens": entry.tokens,
    }
    # The step knows what was measured, only the flow knows what people call the checkpoint and where it comes from.
    fresh = [ref for ref in outputs(results) if ref.table == EvalRuns.name]
    measured = [row for ref in (*before, *fresh) if ref.table == EvalRuns.name for row in lake.read(ref).to_pylist()]
    named = {row["suite"]: row | identity for row in measured}
    runs = pa.Table.from_pylist([named[suite] for suite in sorted(named)], schema=EvalRuns.schema)
    tables = {
        table.name: tuple(ref for ref in refs.values() if ref.table == table.name)
        for table in (Responses, Samples, Scores)
    }
    tables[EvalRuns.name] = (lake.write_table(EvalRuns, name, digest_json(runs.to_pylist())[:16], runs),)
    found = [row for row in missing if row["checkpoint"] == name]
    if misses := write_unanswered(name, found, results, earlier, lake):
        tables[Unanswered.name] = misses
    config = {**identity, "results": keys}
    lake.commit(Dataset(kind="evaluation", name=name, config=config, counts={"suites": len(keys)}, tables=tables))
