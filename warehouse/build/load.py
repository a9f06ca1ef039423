"""Fill an empty warehouse from the lake: tables by INSERT ... SELECT from Parquet, the log from JSON, then the views.

Each table comes from the current datasets of the kind that owns it (a mixture names the curated files it read, but
those may be older than the current curation). A file that two datasets name is loaded once. Text, payloads, bands and
redacted text stay in the Parquet files. Cost: about one core-second per million rows, plus a few milliseconds per file;
``memory_limit`` bounds the memory, beyond which DuckDB spills.
"""

import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import TypeVar

import duckdb
import pyarrow as pa
from pydantic import BaseModel, Field, ValidationError

from gristmill.core.errors import GristmillError
from gristmill.core.hints import on_lake
from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset, Ref
from gristmill.core.table import Table
from gristmill.warehouse.build.migrate import Migration
from gristmill.warehouse.build.tables import WITH_FILE, WITH_TEXT_ASIDE, loaded_columns, loaded_tables, stage_positions

KINDS = (
    *("curation", "mix", "trial_reuse", "training", "evaluation", "contamination", "speed", "takedown", "experiment"),
    "gates",
)
MIXING = (
    *("domains", "token_stats", "mixtures", "mixture_trace", "mixture_baselines", "mixture_caps", "mixture_checks"),
    *("mixture_predictions", "mixture_stages", "trials", "trial_results"),
)
OWNER = {
    **dict.fromkeys(MIXING, "mix"),
    "trial_reuse": "trial_reuse",
    **dict.fromkeys(("losses", "heldout_losses", "runs", "run_stages", "checkpoints"), "training"),
    "eval_runs": "evaluation",
    "responses": "evaluation",
    "samples": "evaluation",
    "scores": "evaluation",
    "unanswered": "evaluation",
    "contamination": "contamination",
    "item_labels": "contamination",
    "speed": "speed",
    "takedowns": "takedown",
    "stale": "takedown",
    "effects": "experiment",
    "seed_effects": "experiment",
}
FILES_A_STATEMENT = 256

Log = TypeVar("Log", bound=BaseModel)


class FlowRun(BaseModel):
    """What a flow leaves in ``log/runs/<run_id>.json``."""

    run_id: str
    flow: str
    name: str
    status: str
    started_at: datetime
    finished_at: datetime | None = None
    error: str | None = None
    counts: dict[str, object] = Field(default_factory=dict)


class StepCost(BaseModel):
    """What a step leaves in ``log/costs/<step>/<shard>-<key>.json``."""

    step: str
    shard: str
    key: str
    seconds: float
    cpu_seconds: float
    peak_rss_bytes: int
    rows_in: int
    rows_out: int
    finished_at: datetime


class AskingCost(BaseModel):
    """What ``log/asking/<checkpoint>-<suite digest>.json`` says about a checkpoint's answers to a suite."""

    checkpoint: str
    suite: str
    suite_digest: str
    backend: str
    seconds: float | None


class TrainingCost(BaseModel):
    """What a training run leaves in ``log/training_costs/<run>.json``. Rates and MFU are those of its last attempt."""

    run: str
    mixture: str
    recipe: str
    launcher: str
    device: str
    processes: int
    attempts: int
    preemptions: int
    failures: int
    tokens_per_second: float | None
    mfu: float | None
    gpu_seconds: float
    wasted_seconds: float
    wasted_gpu_seconds: float


def current_datasets(lake: Lake) -> list[Dataset]:
    """Every current dataset of every kind."""
    return [dataset for kind in KINDS for dataset in lake.datasets(kind)]


def owns(kind: str, table: str) -> bool:
    """Whether ``table`` is loaded from datasets of ``kind``: gates may be in any, the rest in one kind only."""
    return table == "gate_results" or OWNER.get(table, "curation") == kind


def fill(
    connection: duckdb.DuckDBPyConnection, lake: Lake, datasets: list[Dataset], views: list[Migration]
) -> tuple[dict[str, int], list[str]]:
    """Load everything, then run the ``views``, some of which make tables from the loaded ones. Returns rows by table,
    and the log files that could not be read.

    Raises :class:`gristmill.core.errors.DamageError` for a missing or damaged file of the lake, and
    :class:`GristmillError` for one whose columns differ from its table's.
    """
    rows = {table.sql_name: _load_table(connection, lake, table, datasets) for table in loaded_tables()}
    _load_datasets(connection, lake, datasets)
    logged, unreadable = fill_log(connection, lake)
    connection.execute(stage_positions())
    for view in views:
        connection.execute(view.sql)
    return rows | logged, unreadable


def fill_log(connection: duckdb.DuckDBPyConnection, lake: Lake) -> tuple[dict[str, int], list[str]]:
    """Replace the contents of the log's tables. Returns the same as :func:`fill`. Cost: 0.1 ms per file."""
    unreadable: list[str] = []
    rows = {
        "flow_runs": _load_log(connection, lake, "runs", FlowRun, "flow_runs", unreadable),
        "step_costs": _load_log(connection, lake, "costs", StepCost, "step_costs", unreadable),
        "asking_costs": _load_log(connection, lake, "asking", AskingCost, "asking_costs", unreadable),
        "training_costs": _load_log(connection, lake, "training_costs", TrainingCost, "training_costs", unreadable),
    }
    return rows, unreadable


def stamp(connection: duckdb.DuckDBPyConnection, version: str, digest: str, data_digest: str) -> None:
    """Record in the file which version it is and what it was made from."""
    connection.execute("DELETE FROM build")
    connection.execute(
        "INSERT INTO build (version, digest, data_digest, built_at, gristmill) VALUES (?, ?, ?, ?, ?)",
        [version, digest, data_digest, datetime.now(UTC), installed_version("gristmill")],
    )


def log_files(lake: Lake, part: str) -> list[Path]:
    """The JSON files under ``log/<part>``, sorted."""
    return sorted((lake.root / "log" / part).rglob("*.json"))


def _refs(datasets: Iterable[Dataset], table: Table) -> list[Ref]:
    """The files of ``table``, each once, by shard name, so that rows are sorted within a shard."""
    found = {
        (ref.shard, ref.key): ref
        for dataset in datasets
        if owns(dataset.kind, table.name)
        for ref in dataset.tables.get(table.name, ())
    }
    return [found[place] for place in sorted(found)]


def _load_table(connection: duckdb.DuckDBPyConnection, lake: Lake, table: Table, datasets: list[Dataset]) -> int:
    refs = _refs(datasets, table)
    columns = [f'"{name}"' for name in loaded_columns(table)]
    selected = [*columns, "parse_path(filename)[-2]"]
    if table.name in WITH_FILE:
        selected.append("substr(filename, $skip)")
    statement = (
        f"INSERT INTO {table.sql_name} SELECT {', '.join(selected)} "  # noqa: S608 - names come from gristmill.schemas.tables
        "FROM read_parquet($files, filename = true)"
    )
    for start in range(0, len(refs), FILES_A_STATEMENT):
        chunk = refs[start : start + FILES_A_STATEMENT]
        for ref in chunk:  # DuckDB does not verify checksums
            if table.name in WITH_TEXT_ASIDE:
                lake.check_columns(ref, loaded_columns(table))
            else:
                lake.check(ref)
        parameters: dict[str, object] = {"files": [_literal(lake.path(ref)) for ref in chunk]}
        if table.name in WITH_FILE:
            parameters["skip"] = len(str(lake.root)) + 2
        try:
            connection.execute(statement, parameters)
        except (duckdb.IOException, duckdb.InvalidInputException) as error:
            raise GristmillError(
                f"table {table.name}: the lake's files cannot be read: {_first_line(error)}. "
                f"`{on_lake('gristmill verify', lake.root)}` shows which of them are damaged."
            ) from error
        except (duckdb.BinderException, duckdb.ConversionException, duckdb.ConstraintException) as error:
            raise GristmillError(
                f"table {table.name}: the columns of the lake's files differ from this version of gristmill: "
                f"{_first_line(error)}. Run the flow that wrote them again."
            ) from error
    return sum(ref.rows for ref in refs)


def _load_datasets(connection: duckdb.DuckDBPyConnection, lake: Lake, datasets: list[Dataset]) -> None:
    for dataset in datasets:
        connection.execute(
            "INSERT INTO datasets VALUES (?, ?, ?, ?, ?)",
            [dataset.kind, dataset.name, dataset.key, json.dumps(dataset.config), json.dumps(dataset.counts)],
        )
    files = [
        {
            "kind": dataset.kind,
            "name": dataset.name,
            "table_name": ref.table,
            "shard": ref.shard,
            "file": lake.path(ref).relative_to(lake.root).as_posix(),
            "rows": ref.rows,
            "bytes": ref.bytes,
            "digest": ref.digest,
        }
        for dataset in datasets
        for refs in dataset.tables.values()
        for ref in refs
    ]
    _insert(connection, "dataset_files", files)


def _load_log(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    part: str,
    model: type[Log],
    table: str,
    unreadable: list[str],
) -> int:
    connection.execute(f"DELETE FROM {table}")  # noqa: S608 - our own table names
    rows = [row.model_dump() for row in _read_log(lake, part, model, unreadable)]
    for row in rows:
        if "counts" in row:
            row["counts"] = json.dumps(row["counts"])
    _insert(connection, table, rows)
    return len(rows)


def _read_log(lake: Lake, part: str, model: type[Log], unreadable: list[str]) -> Iterator[Log]:
    """The records of a log. A file that a killed process left half-written is only listed in ``unreadable``."""
    for path in log_files(lake, part):
        try:
            yield model.model_validate_json(path.read_bytes())
        except ValidationError:
            unreadable.append(path.relative_to(lake.root).as_posix())


def _insert(connection: duckdb.DuckDBPyConnection, table: str, rows: list[dict[str, object]]) -> None:
    """Insert dictionaries through Arrow; row by row, each insert would cost a millisecond."""
    if not rows:
        return
    connection.register("incoming", pa.Table.from_pylist(rows))
    connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM incoming")  # noqa: S608 - our own table names
    connection.unregister("incoming")


def _literal(path: Path) -> str:
    """A path escaped so that DuckDB does not read it as a glob pattern."""
    return re.sub(r"([*?\[])", r"[\1]", str(path))


def _first_line(error: Exception) -> str:
    """DuckDB's message without its excerpt of the statement."""
    return str(error).partition("\n")[0]
