"""Exchange of results: export from the warehouse in the schema of Every Eval Ever, import from files of lm-eval."""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gristmill.core.digests import digest_json
from gristmill.core.errors import UsageError
from gristmill.core.files.atomic import write_whole
from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset
from gristmill.evals.exchange.every_eval_ever import aggregate, details_of, instances
from gristmill.evals.exchange.lm_eval_results import Imported, read_results
from gristmill.evals.exchange.settings import Provenance
from gristmill.flows.prefect.publish import published
from gristmill.flows.prefect.run_log import record_run
from gristmill.schemas.tables import EvalRuns, Responses, Samples, Scores
from gristmill.warehouse.connection import Warehouse
from gristmill.warehouse.queries.compare import find_side

KIND = "evaluation"
RUNS = """
    SELECT run.*, cost.seconds FROM eval_runs AS run
    LEFT JOIN asking_costs AS cost USING (checkpoint, suite, suite_digest, backend)
    WHERE run.checkpoint = $checkpoint ORDER BY run.suite
"""


def export_every_eval_ever(
    warehouse: Warehouse, name: str, file: Path, provenance: Provenance, suites: Sequence[str], *, samples: bool
) -> list[Path]:
    """Write the results of a checkpoint to ``file``, and their answers next to it if ``samples``; returns the files.

    Raises :class:`UsageError` for a name that is not an evaluated checkpoint's, or a suite it was not asked.
    """
    side = find_side(warehouse, name)
    runs = warehouse.query(RUNS, {"checkpoint": side.checkpoint})
    asked = {run["suite"] for run in runs}
    unknown = [suite for suite in suites if suite not in asked]
    if unknown:
        raise UsageError(f"{name} has no results on {unknown[0]!r}. It has: {', '.join(sorted(asked))}")
    chosen = sorted(set(suites) or asked)
    runs = [run for run in runs if run["suite"] in chosen]

    def rows_of(table: str, order: str) -> list[dict[str, Any]]:
        sql = f"SELECT * FROM {table} WHERE checkpoint = $checkpoint AND list_contains($suites, suite) ORDER BY {order}"  # noqa: S608 - our names
        return warehouse.query(sql, {"checkpoint": side.checkpoint, "suites": chosen})

    scores = rows_of("scores", "suite, headline DESC, convention, metric, subset <> 'all', subset")
    document = aggregate(runs, scores, provenance, int(time.time()))
    written = [file]
    if samples:
        answers = rows_of("responses", "suite, item, repeat, part")
        graded = rows_of("samples", "suite, convention, item, repeat")
        identity = (document["evaluation_id"], document["model_info"]["id"])
        lines = [_line(record) for record in instances(graded, answers, scores, *identity)]
        data = "".join(line + "\n" for line in lines).encode()
        document["detailed_evaluation_results"] = details_of(data, len(lines), *identity, provenance.developer)
        written.append(file.with_name(f"{file.stem}_samples.jsonl"))
        write_whole(written[-1], data)
    write_whole(file, json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False) + "\n")
    return written


def import_lm_eval(files: Sequence[Path], label: str, lake: Lake) -> list[Imported]:
    """Take over files of lm-eval's results. All are read before the first is kept. Raises as ``read_results``."""
    found = [read_results(file, label) for file in files]
    with published(lake), record_run(lake, "import", label or found[0].label) as record:
        for imported in found:
            _keep(imported, lake)
        record.counts.update(files=len(files))
    return found


def _keep(imported: Imported, lake: Lake) -> None:
    """Make imported results current, beside those that model has on other suites."""
    name = imported.checkpoint
    earlier = lake.dataset(KIND, name)
    suites = imported.tables[EvalRuns].column("suite").unique()
    tables = {}
    for table in (EvalRuns, Responses, Samples, Scores):
        before = [lake.read(ref) for ref in earlier.tables.get(table.name, ())] if earlier else []
        kept = [rows.filter(pc.invert(pc.is_in(rows.column("suite"), suites))) for rows in before]
        rows = pa.concat_tables([*kept, imported.tables[table]])
        if table is EvalRuns:  # one checkpoint has one name
            place = rows.schema.get_field_index("label")
            named = pa.array([imported.label] * rows.num_rows, rows.schema.field(place).type)
            rows = rows.set_column(place, rows.schema.field(place), named)
        key = digest_json([list(row.values()) for row in rows.to_pylist()])[:16]
        tables[table.name] = (lake.write_table(table, name, key, rows),)
    config = {"label": imported.label, "run": "imported", "mixture": "", "step": 0, "tokens": 0, "results": {}}
    counts = {"suites": tables[EvalRuns.name][0].rows}
    lake.commit(Dataset(kind=KIND, name=name, config=config, counts=counts, tables=tables))


def _line(record: dict[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
